// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTestKit
import NIOCore
import Testing

/// Clients in real time without sockets.
@Suite(.timeLimit(.minutes(2)))
struct InMemoryListenerTests {
    @Test func `several clients connect to one endpoint, and come back after a cut`() async throws {
        let listener = InMemoryListener(name: "garage")
        #expect("\(listener.endpoint)".contains("garage"))
        var configuration = MQTT5Client.Configuration()
        configuration.reconnect.initialDelay = .milliseconds(1)
        let clients = ["a", "b"].map { MQTT5Client(to: listener.endpoint, clientID: $0, configuration: configuration) }
        for client in clients {
            async let connected = client.connect()
            let peer = try await listener.accept()
            #expect(try await peer.acceptConnect().clientID == client.clientID)
            _ = try await connected
            let events = client.recordEvents()
            await peer.cut()
            try await listener.accept().acceptConnect(sessionPresent: false)
            _ = try await events.next("the new connection") { if case .connected(let info) = $0 { info } else { nil } }
        }
    }

    @Test func `refused and closed it is like nobody listening`() async throws {
        let listener = InMemoryListener()
        listener.refuse(next: 1)
        let client = MQTT311Client(to: listener.endpoint)
        let refused = await #expect(throws: MQTTError.self) { try await client.connect() }
        #expect(refused?.transportError?.code == .connectionRefused)
        async let connected = client.connect()
        try await listener.accept().acceptConnect()
        _ = try await connected
        listener.close()
        let other = MQTT311Client(to: listener.endpoint)
        let closed = await #expect(throws: MQTTError.self) { try await other.connect() }
        #expect(closed?.transportError?.code == .connectionRefused)
        #expect(client.state.isConnected)
        let error = await #expect(throws: TestKitError.self) { try await listener.accept() }
        #expect(error?.code == .connectionEnded)
    }

    @Test func `nobody coming is an error in time, and takes no later connection away`() async throws {
        let listener = InMemoryListener()
        let error = await #expect(throws: TestKitError.self) { try await listener.accept(within: .milliseconds(10)) }
        #expect(error?.code == .timedOut)
        #expect(error?.message == "nobody connected within 10 ms")
        let client = MQTT5Client(to: listener.endpoint)
        async let connected = client.connect()
        try await listener.accept().acceptConnect()
        _ = try await connected
    }

    @Test func `a peer that does not read lets no more than its capacity into the pipe`() async throws {
        let listener = InMemoryListener(capacity: 1_000)
        let stream = try await listener.connectStream()
        _ = try await listener.acceptStream()
        let writing = Task { try await stream.write(ByteBuffer(repeating: 0, count: 1_001)) }
        // The write waits: it ends only by being cancelled.
        for _ in 0..<1_000 { await Task.yield() }
        writing.cancel()
        await #expect(throws: (any Error).self) { try await writing.value }
    }
}
