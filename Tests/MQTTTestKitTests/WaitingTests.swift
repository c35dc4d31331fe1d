// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTestKit
import Testing

/// Waiting for what a test expects.
@Suite(.timeLimit(.minutes(2)))
struct WaitingTests {
    /// A client that subscribes to `a/#`, and a peer to publish.
    private struct Subscriber {
        let client: MQTT5Client
        let peer: ScriptedPeer
        let messages: MQTTSubscription

        init() async throws {
            let listener = InMemoryListener()
            let client = MQTT5Client(to: listener.endpoint)
            async let connected = client.connect()
            let peer = try await listener.accept()
            try await peer.acceptConnect()
            _ = try await connected
            async let messages = client.subscribe(to: "a/#")
            try await peer.acceptSubscribe()
            self.messages = try await messages
            (self.client, self.peer) = (client, peer)
        }
    }

    @Test func `a condition that comes true ends the wait, also one that is looked at once only`() async throws {
        let count = Count()
        try await eventually("the third look", within: .seconds(60)) {
            count.add()
            return count.number == 3
        }
        #expect(count.number == 3)
        try await eventually("what is there", within: .zero) { true }
        #expect(try await eventually("the number", value: { count.number > 2 ? count.number : nil }) == 3)
    }

    @Test func `what does not come is named, with how long it took and the last value`() async throws {
        let count = Count()
        let line = UInt(#line) + 1
        let error = await #expect(throws: TestKitError.self) {
            try await eventually("the number of lamps", is: -1, within: .milliseconds(5)) {
                count.add()
                return count.number
            }
        }
        #expect(error?.code == .timedOut)
        let words = "the number of lamps: it was not -1 within 5 ms; the last value was \(count.number)"
        #expect(error?.message == "\(words) (looked at \(count.number) times)")
        #expect(error?.location == "MQTTTestKitTests/WaitingTests.swift:\(line)")
        let other = await #expect(throws: TestKitError.self) {
            try await eventually("the retained message", within: .milliseconds(2)) { false }
        }
        #expect(other?.message.hasPrefix("the retained message: it did not hold within 2 ms") == true)
        let none = await #expect(throws: TestKitError.self) {
            try await eventually("the lamp", within: .milliseconds(2), value: { nil as Int? })
        }
        #expect(none?.message.hasPrefix("the lamp: there was none within 2 ms") == true)
    }

    @Test func `what a condition throws ends the wait, and so does cancelling`() async throws {
        struct Broken: Error {}
        await #expect(throws: Broken.self) { try await eventually("it") { throw Broken() } }
        let task = Task { try await eventually("it", within: .seconds(60)) { false } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `the next message comes in time or is missed in words, and none is lost by waiting in vain`()
        async throws
    {
        let subscriber = try await Subscriber()
        let (peer, messages) = (subscriber.peer, subscriber.messages)
        let error = await #expect(throws: TestKitError.self) { try await messages.next(within: .milliseconds(5)) }
        #expect(error?.code == .timedOut)
        #expect(error?.message == "a message of a/# did not come within 5 ms")
        try await peer.send(.publish("1", to: "a/b"), .publish("2", to: "a/b"), .publish("3", to: "a/c"))
        #expect(try await messages.next(within: .seconds(5)).text == "1")
        let fewer = await #expect(throws: TestKitError.self) { try await messages.next(3, within: .milliseconds(50)) }
        #expect(fewer?.message.contains(#"before it came a/b "2" (1 byte), a/c "3" (1 byte)"#) == true)
        try await peer.send(.publish("4", to: "a/b"), .publish("5", to: "a/b"))
        #expect(try await messages.next(2, within: .seconds(5)).map(\.text) == ["4", "5"])
        async let gone: Void = subscriber.client.disconnect()
        try await peer.expect(.disconnect())
        await gone
        let ended = await #expect(throws: TestKitError.self) { try await messages.next(within: .seconds(5)) }
        #expect(ended?.code == .sequenceEnded)
    }

    @Test func `events are kept from the moment of recording, and those passed over are named`() async throws {
        let subscriber = try await Subscriber()
        let events = subscriber.client.recordEvents()
        await subscriber.peer.cut()
        let wait = try await events.next("the wait") { if case .reconnecting(_, let wait) = $0 { wait } else { nil } }
        #expect(wait > .zero)
        let error = await #expect(throws: TestKitError.self) {
            try await subscriber.client.nextEvent("a redirection", within: .milliseconds(5)) { event in
                if case .redirected(let server) = event { server } else { nil }
            }
        }
        #expect(error?.code == .timedOut)
        #expect(error?.message == "a redirection did not happen within 5 ms; nothing else happened")
        let disconnecting: () async -> Void = { await subscriber.client.disconnect() }
        let end = try await subscriber.client.nextEvent("the end", after: disconnecting) { event in
            if case .disconnected(let error) = event { error } else { nil }
        }
        #expect(end.code == .clientClosed)
        let passed = await #expect(throws: TestKitError.self) {
            try await events.next("a refusal", within: .milliseconds(50)) { event in
                if case .subscriptionRefused(let filter, _) = event { filter } else { nil }
            }
        }
        #expect(passed?.message.contains("passed over: disconnected: ") == true)
    }
}
