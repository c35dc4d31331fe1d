// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import NIOCore
import Synchronization
import Testing

/// TLS, credentials, the will, sessions: what CONNECT is about.
@Suite(.timeLimit(.minutes(10))) struct ConnectingTests {
    @Test func `a server of another authority is not spoken to`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let other = try await MosquittoServer.start(.init(tls: .init()))
            let tls = TLSSettings(trust: .file(other.caFile))
            let client = MQTT5Client(to: .tls("localhost", port: server.tlsPort, tls))
            let error = try await failure(.transportFailed) { try await client.connect() }
            let cause = try #require(error.cause as? TransportError)
            #expect(cause.code == .certificateRejected)
            #expect(!client.state.isConnected)
            try await other.stop()
        }
    }

    @Test(arguments: [
        MosquittoServer.TLS(expired: true), MosquittoServer.TLS(serverNames: ["DNS:other.example"]),
    ])
    func `a certificate that is over or somebody else's is not taken`(options: MosquittoServer.TLS) async throws {
        try await withDeadline {
            try await MosquittoServer.withServer(.init(tls: options)) { server in
                let tls = TLSSettings(trust: .file(server.caFile))
                let client = MQTT5Client(to: .tls("localhost", port: server.tlsPort, tls))
                let error = try await failure(.transportFailed) { try await client.connect() }
                #expect((error.cause as? TransportError)?.code == .certificateRejected)
            }
        }
    }

    @Test func `a server that wants a certificate gets ours, or nobody in`() async throws {
        try await withDeadline {
            try await MosquittoServer.withServer(.init(tls: .init(requireCertificate: true))) { server in
                var tls = TLSSettings(trust: .file(server.caFile))
                let without = MQTT311Client(to: .tls("localhost", port: server.tlsPort, tls))
                // With TLS 1.3 the refusal comes behind the client's end of the handshake.
                await #expect(throws: MQTTError.self) { try await without.connect() }
                tls.clientCertificate = .files(certificate: server.clientCertificateFile, key: server.clientKeyFile)
                try await MQTT311Client.withClient(to: .tls("localhost", port: server.tlsPort, tls)) { client in
                    try await client.ping()
                }
            }
        }
    }

    @Test func `good credentials are let in, wrong ones refused at once and not tried again`() async throws {
        try await withDeadline {
            try await MosquittoServer.withServer(.init(users: ["jane": "secret"])) { server in
                func run<V: TestVersion>(_: V.Type) async throws {
                    let good = Credentials(username: "jane", password: "secret")
                    try await MQTTClient<V>.connected(server.port, { $0.credentials = good }) { client in
                        try await client.ping()
                    }
                    for wrong in [Credentials(username: "jane", password: "wrong"), nil] {
                        let client = MQTTClient<V>.local(server.port) {
                            $0.credentials = wrong
                            // Even a client that goes on trying does not knock for ever with what was refused.
                            $0.retriesFirstAttempt = true
                        }
                        let error = try await failure(.connectRefused) { try await client.connect() }
                        #expect(error.reason == .badUserNameOrPassword || error.reason == .notAuthorized)
                        #expect(!error.description.contains("wrong"))
                        guard case .disconnected = client.state else {
                            Issue.record("still trying")
                            continue
                        }
                    }
                }
                for version in TestedVersion.allCases { try await run(version.type) }
            }
        }
    }

    @Test func `a provider is asked for credentials at each attempt`() async throws {
        try await withDeadline {
            try await MosquittoServer.withServer(.init(users: ["jane": "secret"])) { server in
                try await CuttingProxy.withProxy(to: server.port) { proxy in
                    struct NoToken: Error {}
                    let asked = Mutex(0)
                    let provider = Credentials {
                        let count = asked.withLock { count in
                            count += 1
                            return count
                        }
                        // The second answer is none, the third is out of date.
                        if count == 2 { throw NoToken() }
                        return Credentials.Value(username: "jane", password: count == 3 ? "old" : "secret")
                    }
                    let client = MQTT5Client.local(proxy.port) { $0.credentials = provider }
                    var events = client.events.makeAsyncIterator()
                    try await client.connect()
                    try await wait(for: "connected", in: &events) { $0.isConnected }
                    try await proxy.cut()
                    var codes: [MQTTError.Code] = []
                    try await wait(for: "connected", in: &events) { event in
                        if case .disconnected(let error) = event { codes.append(error.code) }
                        return event.isConnected
                    }
                    #expect(codes == [.connectionLost, .credentialsUnavailable, .connectRefused])
                    #expect(asked.withLock { $0 } == 4)
                    await client.disconnect()
                }
            }
        }
    }

    @Test func `credentials that a reconnect cannot use any more end the client`() async throws {
        try await withDeadline {
            let refusing: [UInt8] = [0x20, 3, 0, 0x86, 0]
            try await ScriptedServer.with { connection, number in
                _ = try await connection.packet()
                try await connection.write(number == 0 ? Bytes.connAck5 : refusing)
                if number > 0 { _ = try await connection.rest() }
            } _: { port in
                let client = MQTT5Client.local(port) { $0.credentials = Credentials(username: "a", password: "b") }
                var events = client.events.makeAsyncIterator()
                try await client.connect()
                var attempts = 0
                try await wait(for: "giving up", in: &events) { event in
                    if case .reconnecting = event { attempts += 1 }
                    guard case .gaveUp(let error) = event else { return false }
                    #expect(error.code == .connectRefused && error.reason == .badUserNameOrPassword)
                    return true
                }
                #expect(attempts == 1)
            }
        }
    }

    @Test(arguments: TestedVersion.allCases)
    func `the will is published after an abrupt end, and not after disconnect`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("will")
                try await MQTTClient<V>.connected(server.port) { watcher in
                    let wills = try await watcher.subscribe(to: topic, qos: .atLeastOnce)
                    try await CuttingProxy.withProxy(to: server.port) { proxy in
                        for isAbrupt in [false, true] {
                            let text = isAbrupt ? "died" : "left"
                            let client = MQTTClient<V>.local(proxy.port) {
                                $0.will = Will(topic: topic, payload: ByteBuffer(string: text), qos: .atLeastOnce)
                                $0.reconnect = .never
                            }
                            try await client.connect()
                            if isAbrupt { try await proxy.cut(reset: true) } else { await client.disconnect() }
                            try await proxy.waitUntilUnused()
                        }
                    }
                    #expect(try await wills.take(1)[0].text == "died")
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: TestedVersion.allCases)
    func `what came while a persistent subscriber was away waits for it`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("away")
                let id = unique("durable")
                let before = MQTTClient<V>.local(server.port, clientID: id, keepsSession: true)
                #expect(try await before.connect().sessionPresent == false)
                let early = try await before.subscribe(to: topic, qos: .exactlyOnce)
                await before.disconnect()
                #expect(try await early.next() == nil)

                try await MQTTClient<V>.connected(server.port) { publisher in
                    for number in 0..<50 {
                        let qos: QoS = number.isMultiple(of: 2) ? .atLeastOnce : .exactlyOnce
                        try await publisher.publish(number, to: topic, qos: qos)
                    }
                }

                let after = MQTTClient<V>.local(server.port, clientID: id, keepsSession: true)
                let late = try after.declareSubscription(to: topic, qos: .exactlyOnce)
                let info = try await after.connect()
                // MQTT 3.1 has no flag for it.
                #expect(info.sessionPresent == (V.protocolVersion != .v31))
                #expect(try await late.take(50).map(\.text) == (0..<50).map { "\($0)" })
                await after.disconnect()
            }
        }
        try await run(version.type)
    }
}
