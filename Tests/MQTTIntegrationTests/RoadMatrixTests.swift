// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import NIOCore
import Testing

/// Every kind of connection, with and without a proxy, carries a large message there and back.
@Suite(.timeLimit(.minutes(10))) struct RoadMatrixTests {
    enum Kind: CaseIterable { case tcp, tls, webSocket, secureWebSocket }

    enum Passage: CaseIterable { case direct, httpProxy, socks5 }

    struct Cell: CustomTestStringConvertible {
        let kind: Kind
        let passage: Passage
        let version: TestedVersion

        var testDescription: String { "\(self.kind), \(self.passage), \(self.version.testDescription)" }

        static let all = Kind.allCases.flatMap { kind in
            Passage.allCases.flatMap { passage in
                [TestedVersion.v311, .v5].map { Cell(kind: kind, passage: passage, version: $0) }
            }
        }
    }

    @Test(arguments: Cell.all) func `a message of 1 MiB goes there and back at QoS 1`(cell: Cell) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(240)) {
                let endpoint = try await Self.endpoint(cell)
                try await Self.broker(cell.kind).keptAwake { try await Self.thereAndBack(V.self, by: endpoint) }
            }
        }
        try await run(cell.version.type)
    }

    @Test(arguments: Kind.allCases) func `roads compose: a bound address, a SOCKS server and options of the socket`(
        kind: Kind
    ) async throws {
        try await withDeadline(.seconds(240)) {
            var endpoint = try await Self.endpoint(Cell(kind: kind, passage: .socks5, version: .v5))
            endpoint.socketOptions.bindAddress = "127.0.0.1"
            endpoint.socketOptions.keepAlive = .init(idle: .seconds(30), interval: .seconds(5), count: 3)
            endpoint.socketOptions.receiveBufferSize = 32_768
            endpoint.socketOptions.addressFamily = .preferIPv4
            let bound = endpoint
            try await Self.broker(kind).keptAwake { try await Self.thereAndBack(V5.self, by: bound) }
        }
    }

    private static func broker(_ kind: Kind) async throws -> MosquittoServer {
        switch kind {
        case .tcp, .tls: try await RoadServers.broker
        case .webSocket, .secureWebSocket: try await RoadServers.webSocketBroker
        }
    }

    private static func endpoint(_ cell: Cell) async throws -> Endpoint {
        let broker = try await Self.broker(cell.kind)
        let tls = TLSSettings(trust: .file(broker.caFile))
        var endpoint: Endpoint =
            switch cell.kind {
            case .tcp: .tcp("localhost", port: broker.port)
            case .tls: .tls("localhost", port: broker.tlsPort, tls)
            case .webSocket: .webSocket("localhost", port: broker.webSocketPort)
            case .secureWebSocket: .secureWebSocket("localhost", port: broker.secureWebSocketPort, tls: tls)
            }
        switch cell.passage {
        case .direct:
            break
        case .httpProxy:
            endpoint.proxy = .through(.http("127.0.0.1", port: try await RoadServers.tinyProxy.port))
        case .socks5:
            endpoint.proxy = .through(.socks5("127.0.0.1", port: try await RoadServers.dante.port))
        }
        return endpoint
    }

    private static func thereAndBack<V: TestVersion>(_: V.Type, by endpoint: Endpoint) async throws {
        var configuration = MQTTClient<V>.Configuration()
        configuration.connectTimeout = .seconds(100)
        configuration.handshakeTimeout = .seconds(100)
        configuration.pingTimeout = .seconds(100)
        let client = MQTTClient<V>(to: endpoint, clientID: unique("c"), configuration: configuration)
        let info = try await client.connect()
        #expect(info.endpoint == endpoint)
        let topic = unique("matrix")
        let messages = try await client.subscribe(to: topic, qos: .atLeastOnce)
        // No two parts of it are alike, so that nothing can be lost, doubled or moved.
        var payload = ByteBuffer()
        for number in 0..<(1 << 20) / 4 as Range<UInt32> { payload.writeInteger(number &* 2_654_435_761) }
        try await client.publish(payload, to: topic, qos: .atLeastOnce)
        let message = try #require(try await messages.next())
        #expect(message.payload == payload)
        #expect(message.qos == .atLeastOnce)
        await client.disconnect()
    }
}
