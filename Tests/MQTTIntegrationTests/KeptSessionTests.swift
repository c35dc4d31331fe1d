// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MosquittoFixture
import Testing

@testable import MQTT

/// Sessions that a real broker has kept, and messages whose acknowledgement is held back.
@Suite(.timeLimit(.minutes(5))) struct KeptSessionTests {
    /// Leaves a session with a subscription and so many messages at the broker.
    private static func leaveSession(_ port: Int, name: String, topic: String, messages count: Int) async throws {
        let client = MQTT5Client.local(port, clientID: name, keepsSession: true)
        try await client.connect()
        let subscription = try await client.subscribe(to: topic, qos: .exactlyOnce)
        await client.disconnect()
        #expect(subscription.reasons == [.grantedQoS2])
        try await MQTT5Client.connected(port) { publisher in
            for number in 0..<count { try await publisher.publish(number, to: topic, qos: .exactlyOnce) }
        }
    }

    private static func end(_ client: MQTT5Client) async throws {
        try await client.disconnect(reason: .normalDisconnection, properties: [.sessionExpiryInterval(0)])
    }

    @Test func `fault 6: an unexpected session is refused unless told otherwise`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let (name, topic) = (unique("c"), unique("kept"))
            try await Self.leaveSession(server.port, name: name, topic: topic, messages: 1)
            let client = MQTT5Client.local(server.port, clientID: name, keepsSession: true) {
                $0.unexpectedSession = .refuse
            }
            try await failure(.unexpectedSession) { try await client.connect() }
            guard case .disconnected = client.state else { throw DeadlineMissed(description: "\(client.state)") }
        }
    }

    @Test func `fault 6: a client that starts clean has a new session, and keeps that one`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let (name, topic) = (unique("c"), unique("kept"))
            try await Self.leaveSession(server.port, name: name, topic: topic, messages: 1)
            let client = MQTT5Client.local(server.port, clientID: name, keepsSession: true) {
                $0.unexpectedSession = .startClean
            }
            #expect(try await client.connect().sessionPresent == false)
            await client.disconnect()
            #expect(try await client.connect().sessionPresent)
            try await Self.end(client)
        }
    }

    @Test func `the backlog of an adopted session waits for a subscription made after connect`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let (name, topic) = (unique("c"), unique("kept"))
            try await Self.leaveSession(server.port, name: name, topic: topic, messages: 5)
            let client = MQTT5Client.local(server.port, clientID: name, keepsSession: true) {
                $0.unexpectedSession = .adopt
            }
            #expect(try await client.connect().sessionPresent)
            // The backlog has come before the answer to this.
            try await client.ping()
            let messages = try await client.subscribe(to: topic, qos: .exactlyOnce)
            #expect(try await messages.take(5).map(\.text) == (0..<5).map { "\($0)" })
            try await Self.end(client)
        }
    }

    @Test(arguments: 1...3, [QoS.atLeastOnce, .exactlyOnce])
    func `a message without acknowledgement holds the broker back at our receive maximum`(
        maximum: Int,
        qos: QoS
    ) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("held")
            let name = unique("c")
            let client = MQTT5Client.local(server.port, clientID: name) { $0.receiveMaximum = UInt16(maximum) }
            try await client.connect()
            let settings = SubscriptionSettings(acknowledgement: .manual)
            let messages = try await client.subscribe(to: topic, qos: qos, settings: settings)
            try await MQTT5Client.connected(server.port) { publisher in
                // One more than the window: Mosquitto 2.0.11 keeps the window only as long as little waits.
                for number in 0...maximum { try await publisher.publish(number, to: topic, qos: qos) }
            }
            let taken = try await messages.take(maximum)
            // Other things go on meanwhile, and the last message does not come.
            let other = unique("other")
            let others = try await client.subscribe(to: other)
            try await client.publish("passes", to: other)
            #expect(try await others.take(1)[0].text == "passes")
            #expect(messages.core.takeNext() == nil)
            for message in taken { message.acknowledge() }
            let last = try await messages.take(1)[0]
            #expect(last.text == "\(maximum)")
            last.acknowledge()
            await client.disconnect()
        }
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a rejected message is over, and the next ones come`(qos: QoS) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let (name, topic) = (unique("c"), unique("rejected"))
            let client = MQTT5Client.local(server.port, clientID: name, keepsSession: true)
            try await client.connect()
            let settings = SubscriptionSettings(acknowledgement: .manual)
            let messages = try await client.subscribe(to: topic, qos: qos, settings: settings)
            for text in ["bad", "good"] { try await client.publish(text, to: topic, qos: qos) }
            let taken = try await messages.take(2)
            #expect(taken.map(\.text) == ["bad", "good"])
            try taken[0].reject(.payloadFormatInvalid)
            taken[1].acknowledge()
            try await client.ping()
            await client.disconnect()
            // Neither comes again.
            let again = MQTT5Client.local(server.port, clientID: name, keepsSession: true)
            let later = try again.declareSubscription(to: topic, qos: qos)
            #expect(try await again.connect().sessionPresent)
            try await again.publish("next", to: topic, qos: qos)
            #expect(try await later.take(1)[0].text == "next")
            try await Self.end(again)
        }
    }
}
