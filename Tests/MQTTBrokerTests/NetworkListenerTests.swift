// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTTransport
import MosquittoFixture
import NIOCore
import NIOPosix
import Testing

@testable import MQTTBroker

/// Where a broker listens, and what it says when it cannot.
@Suite(.timeLimit(.minutes(5))) struct NetworkListenerTests {
    enum Road: CaseIterable { case tcp, unix, tls, webSocket, secureWebSocket, memory }

    private static func with(
        _ road: Road,
        clientAuthorities: Bool = false,
        _ body: (Broker, Endpoint, CertificateAuthority) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let authority = try await CertificateAuthority(in: folder)
        let server = try await authority.issue("server", for: .server(names: ["DNS:localhost", "IP:127.0.0.1"]))
        var tls = BrokerTLS.files(certificate: server.certificateFile, key: server.keyFile)
        tls.endpointTrust = .file(authority.certificateFile)
        if clientAuthorities { tls.clientAuthorities = .file(authority.certificateFile) }
        let listener: BrokerListener? =
            switch road {
            case .tcp: .tcp()
            case .unix: .unix(folder.file("broker.sock"))
            case .tls: .tls(tls)
            case .webSocket: .webSocket()
            case .secureWebSocket: .secureWebSocket(tls)
            case .memory: nil
            }
        try await withBroker(BrokerConfiguration(listeners: listener.map { [$0] } ?? [])) { broker in
            try await body(broker, broker.endpoint, authority)
        }
    }

    @Test(.serves("5:MQTT-4.2-1"), arguments: Road.allCases)
    func `messages of 16 bytes and of 1 MiB come back on every road`(road: Road) async throws {
        try await Self.with(road) { _, endpoint, _ in
            let large = ByteBuffer(bytes: (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
            try await MQTTClient<V5>.withClient(to: endpoint, clientID: "c") { client in
                let subscription = try await client.subscribe(to: "a/b")
                for payload in [ByteBuffer(string: "sixteen bytes ok"), large, ByteBuffer()] {
                    try await client.publish(payload, to: "a/b")
                    var messages = subscription.makeAsyncIterator()
                    let message = try await messages.next()
                    #expect(message?.payload == payload)
                    #expect(message?.topic == "a/b")
                }
            }
        }
    }

    @Test(arguments: [Road.tls, .secureWebSocket])
    func `where clients need a certificate, one without does not get in`(road: Road) async throws {
        try await Self.with(road, clientAuthorities: true) { broker, endpoint, authority in
            let client = MQTTClient<V5>(to: endpoint)
            await #expect(throws: MQTTError.self) { try await client.connect() }
            let identity = try await authority.issue("client", for: .client)
            var settings = TLSSettings(trust: .file(authority.certificateFile))
            settings.clientCertificate = .files(certificate: identity.certificateFile, key: identity.keyFile)
            let secured: Endpoint =
                road == .tls
                ? .tls("127.0.0.1", port: broker.port, settings)
                : .secureWebSocket("127.0.0.1", port: broker.port, WebSocketSettings(), tls: settings)
            try await MQTTClient<V5>.withClient(to: secured) { client in _ = try await client.publish("x", to: "a") }
        }
    }

    @Test func `several listeners are one broker`() async throws {
        let listeners: [BrokerListener] = [.tcp(), .webSocket(path: nil)]
        try await withBroker(BrokerConfiguration(listeners: listeners)) { broker in
            #expect(broker.endpoints.count == 2)
            #expect(Set(broker.endpoints.map(\.port)).count == 2)
            try await MQTTClient<V5>.withClient(to: broker.endpoints[0]) { one in
                let subscription = try await one.subscribe(to: "a")
                try await MQTTClient<V311>.withClient(to: broker.endpoints[1]) { other in
                    try await other.publish("x", to: "a")
                }
                var messages = subscription.makeAsyncIterator()
                #expect(try await messages.next()?.payload == ByteBuffer(string: "x"))
            }
        }
    }

    @Test func `a port that is taken is an error that says so`() async throws {
        try await withBroker { first in
            let configuration = BrokerConfiguration(listeners: [.tcp(), .tcp(port: first.port)])
            let error = await #expect(throws: BrokerError.self) { _ = try await Broker.start(configuration) }
            #expect(error?.code == .addressInUse)
            #expect(error?.message.contains("mqtt://127.0.0.1:\(first.port) is in use") == true)
        }
    }

    @Test func `an address of another machine cannot be listened at`() async throws {
        let configuration = BrokerConfiguration(listeners: [.tcp(host: "192.0.2.1")])
        let error = await #expect(throws: BrokerError.self) { _ = try await Broker.start(configuration) }
        #expect(error?.code == .addressUnavailable)
    }

    @Test func `a certificate that is not there, is none, or has another key is an error that names it`() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try folder.write("nothing", to: "empty.pem")
        let authority = try await CertificateAuthority(in: folder)
        let one = try await authority.issue("one", for: .server(names: ["DNS:localhost"]))
        let two = try await authority.issue("two", for: .server(names: ["DNS:localhost"]))
        for (certificate, key, named) in [
            ("/no/such/file", one.keyFile, "/no/such/file"),
            (folder.file("empty.pem"), one.keyFile, "empty.pem"),
            (one.certificateFile, folder.file("empty.pem"), "empty.pem"),
            (one.certificateFile, two.keyFile, "one.crt"),
        ] {
            let listener = BrokerListener.tls(.files(certificate: certificate, key: key))
            let error = await #expect(throws: BrokerError.self) {
                _ = try await Broker.start(BrokerConfiguration(listeners: [listener]))
            }
            #expect(error?.code == .certificateUnusable)
            #expect(error?.message.contains(named) == true, "\(error?.message ?? "")")
        }
    }

    @Test func `the file of a Unix socket goes with the broker, and one left behind is no obstacle`() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let path = folder.file("broker.sock")
        let configuration = BrokerConfiguration(listeners: [.unix(path)])
        let broker = try await Broker.start(configuration)
        let error = await #expect(throws: BrokerError.self) { _ = try await Broker.start(configuration) }
        #expect(error?.code == .addressInUse)
        await broker.stop()
        await #expect(throws: (any Error).self) { try await RawClient.with(path: path) { _ in } }
        // As if the program had been killed: the file stays.
        let group = MultiThreadedEventLoopGroup.singleton
        try await ServerBootstrap(group: group).bind(unixDomainSocketPath: path).get().close()
        try await withBroker(configuration) { broker in
            try await MQTTClient<V5>.withClient(to: broker.endpoint) { client in
                _ = try await client.publish("x", to: "a")
            }
        }
        try folder.write("mine", to: "broker.sock")
        let refused = await #expect(throws: BrokerError.self) { _ = try await Broker.start(configuration) }
        #expect(refused?.code == .addressInUse)
        #expect(folder.read("broker.sock") == "mine")
    }

    @Test func `the loop may be one of the caller's, and goes on after the broker`() async throws {
        var configuration = BrokerConfiguration()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        configuration.eventLoop = loop
        try await withBroker(configuration) { broker in
            try await MQTTClient<V5>.withClient(to: broker.endpoint) { client in
                _ = try await client.publish("x", to: "a")
            }
        }
        #expect(try await loop.submit { 1 }.get() == 1)
    }
}
