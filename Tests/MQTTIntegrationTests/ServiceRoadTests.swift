// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Testing

/// A broker that is found in the DNS of a domain.
@Suite(.timeLimit(.minutes(10))) struct ServiceRoadTests {
    private static func client<V: TestVersion>(
        _ dns: DNSServer,
        on _: V.Type = V.self,
        tls: TLSSettings? = nil
    ) -> MQTTClient<V> {
        var configuration = MQTTClient<V>.Configuration()
        configuration.reconnect = .fast
        let nameServer = HostAndPort(host: "127.0.0.1", port: dns.port)
        let endpoint = Endpoint.srv("example.test", tls: tls, nameServer: nameServer)
        return MQTTClient<V>(to: endpoint, clientID: unique("srv"), configuration: configuration)
    }

    private static func services(_ ports: [Int], weights: [UInt16] = []) -> DNSServer.Answer {
        .services(
            ports.enumerated().map { index, port in
                let priority = weights.isEmpty ? UInt16(index) : 0
                let weight = weights.isEmpty ? 0 : weights[index]
                return .init(priority: priority, weight: weight, port: UInt16(port), target: "localhost.")
            }
        )
    }

    @Test func `a client finds its broker, behind one nobody runs any more`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let closed = try await CuttingProxy.withProxy(to: server.port) { $0.port }
            try await DNSServer.with(["_mqtt._tcp.example.test": Self.services([closed, server.port])]) { dns in
                func run<V: TestVersion>(_: V.Type) async throws {
                    let client = Self.client(dns, on: V.self)
                    try await client.connect()
                    try await client.ping()
                    await client.disconnect()
                }
                for version in TestedVersion.allCases { try await run(version.type) }
                #expect(dns.questions.count == TestedVersion.allCases.count)
            }
        }
    }

    @Test func `of two of the same priority the one with all the weight is asked first`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            try await CuttingProxy.withProxy(to: server.port) { heavy in
                try await CuttingProxy.withProxy(to: server.port) { light in
                    let answer = Self.services([light.port, heavy.port], weights: [0, 65_535])
                    try await DNSServer.with(["_mqtt._tcp.example.test": answer]) { dns in
                        for _ in 0..<3 {
                            let client: MQTT5Client = Self.client(dns)
                            try await client.connect()
                            await client.disconnect()
                        }
                        #expect(try await heavy.connectionCount == 3)
                        #expect(try await light.connectionCount == 0)
                    }
                }
            }
        }
    }

    @Test func `a client asks anew when its connection is lost, and goes where the service has gone`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            try await CuttingProxy.withProxy(to: server.port) { old in
                try await CuttingProxy.withProxy(to: server.port) { new in
                    let name = "_mqtt._tcp.example.test"
                    try await DNSServer.with([name: Self.services([old.port])]) { dns in
                        let client: MQTT5Client = Self.client(dns)
                        var events = client.events.makeAsyncIterator()
                        try await client.connect()
                        try await wait(for: "connected", in: &events) { $0.isConnected }
                        dns.set(name, to: Self.services([new.port]))
                        try await old.cut()
                        try await wait(for: "connected again", in: &events) { $0.isConnected }
                        #expect(try await new.connectionCount == 1)
                        await client.disconnect()
                    }
                }
            }
        }
    }

    @Test func `with TLS the secure service is asked for, and the certificate is for the server found`() async throws {
        try await withDeadline {
            // Without its address: NIOSSL takes a certificate for that, too.
            let server = try await MosquittoServer.start(.init(tls: .init(serverNames: ["DNS:localhost"])))
            let answer = Self.services([server.tlsPort])
            try await DNSServer.with(["_secure-mqtt._tcp.example.test": answer]) { dns in
                var tls = TLSSettings(trust: .file(server.caFile))
                let client: MQTT311Client = Self.client(dns, tls: tls)
                try await client.connect()
                try await client.ping()
                await client.disconnect()
                // Pinned to the domain, which that broker has no certificate for.
                tls.serverName = "example.test"
                let pinned: MQTT311Client = Self.client(dns, tls: tls)
                let error = try await failure(.transportFailed) { try await pinned.connect() }
                #expect((error.cause as? TransportError)?.code == .certificateRejected)
            }
            try await server.stop()
        }
    }

    @Test func `a domain without such a service is a failed name lookup`() async throws {
        try await withDeadline {
            try await DNSServer.with([:]) { dns in
                let client: MQTT5Client = Self.client(dns)
                let error = try await failure(.transportFailed) { try await client.connect() }
                #expect((error.cause as? TransportError)?.code == .nameResolutionFailed)
                #expect(error.message.contains("_mqtt._tcp.example.test"))
            }
        }
    }
}
