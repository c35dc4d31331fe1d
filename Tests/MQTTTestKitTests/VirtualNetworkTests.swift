// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTestKit
import NIOCore
import Synchronization
import Testing

/// Whole clients in virtual time.
@Suite(.timeLimit(.minutes(2)))
struct VirtualNetworkTests {
    @Test func `keep-alive, a dead peer and the wait to reconnect pass without a real second`() async throws {
        let start = ContinuousClock.now
        let network = VirtualNetwork()
        let client = network.makeClient(MQTT311Client.self, clientID: "lamp")
        let events = client.recordEvents()
        async let connected = client.connect()
        let peer = try await network.accept()
        let connect = try await peer.acceptConnect()
        #expect(connect == TestPacket.Connect(clientID: "lamp"))
        _ = try await connected
        for _ in 0..<60 {
            await network.advance(by: .seconds(59))
            try await peer.expect(.pingRequest)
            try await peer.send(.pingResponse)
        }
        await network.advance(by: .seconds(59))
        try await peer.expect(.pingRequest)
        await network.advance(by: .seconds(10))
        let error = try await events.next("the loss") { if case .disconnected(let error) = $0 { error } else { nil } }
        #expect(error.code == .connectionLost)
        let wait = try await events.next("the wait") { if case .reconnecting(_, let wait) = $0 { wait } else { nil } }
        await network.advance(by: wait)
        try await network.accept().acceptConnect()
        _ = try await events.next("the new connection") { if case .connected(let info) = $0 { info } else { nil } }
        #expect(network.clock.now.sinceStart > .seconds(3_600))
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    @Test func `with a network that serves, a day of keep-alive passes in one call`() async throws {
        let network = VirtualNetwork()
        let count = Count()
        network.serve { packet in
            if packet == .pingRequest { count.add() }
            return nil
        }
        let client = network.makeClient()
        let events = client.recordEvents()
        try await client.connect()
        await network.advance(by: .seconds(86_400))
        #expect(client.state.isConnected)
        #expect(count.number >= 1_440)
        // The first connection was the only one.
        let isLost = await #expect(throws: TestKitError.self) {
            try await events.next("a loss", within: .zero) { if case .disconnected = $0 { true } else { nil } }
        }
        #expect(isLost?.code == .timedOut)
    }

    @Test func `refused attempts are repeated after waits that pass by the clock`() async throws {
        let network = VirtualNetwork()
        var configuration = MQTT5Client.Configuration()
        configuration.retriesFirstAttempt = true
        let client = network.makeClient(configuration: configuration)
        let events = client.recordEvents()
        network.refuse(next: 3)
        network.serve()
        async let connected = client.connect()
        for attempt in 1...3 {
            let wait = try await events.next("wait \(attempt)") { event in
                if case .reconnecting(attempt, let wait) = event { wait } else { nil }
            }
            await network.advance(by: wait)
        }
        #expect(try await connected.sessionPresent == false)
    }

    @Test func `an attempt that hangs is over after the connect timeout, and one that is released goes on`()
        async throws
    {
        let network = VirtualNetwork()
        network.holdDials()
        var configuration = MQTT5Client.Configuration()
        configuration.connectTimeout = .seconds(7)
        let client = network.makeClient(configuration: configuration)
        let connecting = Task { try await client.connect() }
        try await eventually("the client dials", is: 1) { network.heldDialCount }
        await network.advance(by: .seconds(6))
        #expect(client.state.isConnected == false)
        await network.advance(by: .seconds(1))
        let error = await #expect(throws: MQTTError.self) { try await connecting.value }
        #expect(error?.transportError?.code == .connectTimedOut)

        async let connected = client.connect()
        try await eventually("the client dials", is: 1) { network.heldDialCount }
        network.releaseDials()
        try await network.accept().acceptConnect()
        _ = try await connected
        await network.advance(by: .seconds(7))
        #expect(client.state.isConnected)
    }

    @Test func `credentials are in CONNECT, and a provider is asked at each attempt`() async throws {
        let network = VirtualNetwork()
        let count = Count()
        var configuration = MQTT5Client.Configuration()
        configuration.credentials = Credentials { () async throws -> Credentials.Value in
            count.add()
            guard count.number < 3 else { throw CancellationError() }
            return Credentials.Value(username: "ann", password: "token \(count.number)")
        }
        let client = network.makeClient(configuration: configuration)
        for number in 1...2 {
            async let connected = client.connect()
            let peer = try await network.accept()
            let connect = try await peer.acceptConnect()
            #expect(connect.username == "ann")
            #expect(connect.password == ByteBuffer(string: "token \(number)"))
            _ = try await connected
            await client.disconnect()
        }
        let error = await #expect(throws: MQTTError.self) { try await client.connect() }
        #expect(error?.code == .credentialsUnavailable)
    }

    @Test func `nobody connecting is an error in time`() async throws {
        let network = VirtualNetwork()
        let error = await #expect(throws: TestKitError.self) { try await network.accept(within: .milliseconds(5)) }
        #expect(error?.code == .timedOut)
    }

    @Test func `a client without a user is let go although its network is held`() async throws {
        let network = VirtualNetwork()
        network.serve()
        var client: MQTT5Client? = network.makeClient()
        try await client?.connect()
        let peer = try await network.accept()
        weak let weakClient = client
        client = nil
        #expect(weakClient == nil)
        try await eventually("the connection ends", is: false) { peer.isServing }
    }
}

/// Counts what others do.
final class Count: Sendable {
    private let value = Mutex(0)

    var number: Int { self.value.withLock { $0 } }

    func add() { self.value.withLock { $0 += 1 } }
}
