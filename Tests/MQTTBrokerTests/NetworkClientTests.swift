// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTransport
import NIOCore
import Synchronization
import Testing

@testable import MQTTBroker

/// The client of this package on the broker, where the one is to meet what the other does wrong.
@Suite(.timeLimit(.minutes(5))) struct NetworkClientTests {
    private static func configuration(_ clientID: String) -> MQTTClient<V5>.Configuration {
        var configuration = MQTTClient<V5>.Configuration()
        configuration.clientID = clientID
        configuration.cleanStart = .firstOnly
        configuration.sessionExpiry = .seconds(600)
        configuration.reconnect.initialDelay = .milliseconds(1)
        return configuration
    }

    @Test(arguments: QoS.allCases)
    func `a message comes at every QoS and in every version`(qos: QoS) async throws {
        func run<Version: MQTTVersion>(_: Version.Type, _ broker: Broker) async throws {
            try await MQTTClient<Version>.withClient(to: broker.inMemoryEndpoint, clientID: "c") { client in
                let subscription = try await client.subscribe(to: "a/#", qos: .exactlyOnce)
                try await client.publish("hello", to: "a/b", qos: qos)
                var messages = subscription.makeAsyncIterator()
                let message = try await messages.next()
                #expect(message?.payload == ByteBuffer(string: "hello"))
                #expect(message?.qos == qos)
            }
        }
        try await withBroker { broker in
            try await run(V5.self, broker)
            try await run(V311.self, broker)
            try await run(V31.self, broker)
        }
    }

    @Test(arguments: [false, true])
    func `a restart keeps a session, or loses it`(keeping: Bool) async throws {
        try await withBroker { broker in
            let events = broker.events
            let client = MQTTClient<V5>(to: broker.endpoint, configuration: Self.configuration("a"))
            try await client.connect()
            try await broker.publish("kept", to: "retained", retain: true)
            try await broker.restart(keepingSessions: keeping)
            var present: [Bool] = []
            for await event in events {
                if case .connected("a", _, let sessionPresent) = event { present.append(sessionPresent) }
                if present.count == 2 { break }
            }
            #expect(present == [false, keeping])
            await client.disconnect()
        }
    }

    /// Every packet of the handshakes of QoS 1 and 2, and where it goes.
    static let handshakes: [(FaultRule.PacketKind, FaultRule.Direction, QoS)] = [
        (.publish, .toBroker, .atLeastOnce), (.pubAck, .toClient, .atLeastOnce), (.publish, .toBroker, .exactlyOnce),
        (.pubRec, .toClient, .exactlyOnce), (.pubRel, .toBroker, .exactlyOnce), (.pubComp, .toClient, .exactlyOnce),
    ]

    @Test(arguments: handshakes.indices, [FaultAction.cutBefore, .cutAfter])
    func `a message arrives though the connection is cut at a packet of its handshake`(
        index: Int,
        action: FaultAction
    ) async throws {
        let (kind, direction, qos) = Self.handshakes[index]
        try await withBroker { broker in
            try await MQTTClient<V5>.withClient(to: broker.endpoint, clientID: "subscriber") { subscriber in
                let subscription = try await subscriber.subscribe(to: "t", qos: .exactlyOnce)
                try await MQTTClient<V5>.withClient(
                    to: broker.endpoint,
                    configuration: Self.configuration("publisher")
                ) { publisher in
                    broker.faults = [
                        FaultRule(action, on: kind, going: direction, clientID: "publisher", occurrences: 1...1)
                    ]
                    try await publisher.publish("first", to: "t", qos: qos)
                    try await publisher.publish("last", to: "t", qos: qos)
                }
                var texts: [String] = []
                for try await message in subscription {
                    texts.append(String(buffer: message.payload))
                    if texts.last == "last" { break }
                }
                // At QoS 1 a message may come twice, at 2 it must not.
                #expect(qos == .exactlyOnce ? texts == ["first", "last"] : Set(texts) == ["first", "last"])
            }
        }
    }

    @Test func `a client gets in by its password and may do what it is authorized to`() async throws {
        var configuration = BrokerConfiguration()
        configuration.authenticate = { attempt in
            attempt.username == "ann" && attempt.passwordText == "secret" ? .success : .badUserNameOrPassword
        }
        configuration.authorize = { access in
            if case .subscribe(_, "ann", "private/#", _) = access { return .notAuthorized }
            if case .publish(_, "ann", "private/a", _, _) = access { return .notAuthorized }
            return .success
        }
        try await withBroker(configuration) { broker in
            let stranger = MQTTClient<V5>(to: broker.endpoint, credentials: Credentials(username: "ann", password: "x"))
            let refusal = await #expect(throws: MQTTError.self) { try await stranger.connect() }
            #expect(refusal?.reason == .badUserNameOrPassword)
            let credentials = Credentials(username: "ann", password: "secret")
            try await MQTTClient<V5>.withClient(to: broker.endpoint, credentials: credentials) { client in
                let error = await #expect(throws: MQTTError.self) { try await client.subscribe(to: "private/#") }
                #expect(error?.reason == .notAuthorized)
                let unpublished = await #expect(throws: MQTTError.self) {
                    try await client.publish("x", to: "private/a", qos: .atLeastOnce)
                }
                #expect(unpublished?.reason == .notAuthorized)
                try await client.publish("x", to: "public", qos: .atLeastOnce)
            }
        }
    }

    @Test(arguments: [ReasonCode.notAuthorized, .quotaExceeded])
    func `a script refuses a subscription and a message`(reason: ReasonCode) async throws {
        try await withBroker { broker in
            try await MQTTClient<V5>.withClient(to: broker.endpoint) { client in
                broker.faults = [
                    FaultRule(.refuse(reason), on: .subscribe), FaultRule(.refuse(reason), on: .publish),
                ]
                let unsubscribed = await #expect(throws: MQTTError.self) { try await client.subscribe(to: "a") }
                #expect(unsubscribed?.reason == reason)
                let unpublished = await #expect(throws: MQTTError.self) {
                    try await client.publish("x", to: "a", qos: .exactlyOnce)
                }
                #expect(unpublished?.reason == reason)
                broker.faults = .none
                try await client.publish("x", to: "a", qos: .exactlyOnce)
            }
        }
    }

    /// The broker's side: the second data must be that of the first, with an exclamation mark.
    private struct Riddle: BrokerAuthenticator {
        struct Exchange: BrokerAuthenticationExchange {
            var expected: ByteBuffer?

            mutating func received(_ data: ByteBuffer?) async -> BrokerAuthenticationStep {
                guard let expected else {
                    self.expected = ByteBuffer(string: "riddle!")
                    return .proceed(ByteBuffer(string: "riddle"))
                }
                return data == expected ? .succeed(ByteBuffer(string: "welcome")) : .refuse(.notAuthorized)
            }
        }

        func begin(method: String, isReauthentication: Bool) -> (any BrokerAuthenticationExchange)? {
            method == "RIDDLE" ? Exchange() : nil
        }
    }

    private struct Solver: Authenticator {
        struct Exchange: AuthenticationExchange {
            let suffix: String

            mutating func begin() async throws -> AuthenticationMessage { AuthenticationMessage() }

            mutating func answer(_ challenge: AuthenticationMessage) async throws -> AuthenticationMessage {
                AuthenticationMessage(
                    data: ByteBuffer(string: String(buffer: challenge.data ?? ByteBuffer()) + self.suffix)
                )
            }

            mutating func finish(_ message: AuthenticationMessage) async throws {}
        }

        let method: String
        let suffix: String

        func makeExchange() async throws -> any AuthenticationExchange { Exchange(suffix: self.suffix) }
    }

    @Test(
        arguments: [
            ("RIDDLE", "!", nil), ("RIDDLE", "?", .notAuthorized), ("OTHER", "!", .badAuthenticationMethod),
        ] as [(String, String, ReasonCode?)]
    )
    func `enhanced authentication is the user's`(method: String, suffix: String, reason: ReasonCode?) async throws {
        var configuration = BrokerConfiguration()
        configuration.authenticator = Riddle()
        try await withBroker(configuration) { broker in
            var client = MQTTClient<V5>.Configuration()
            client.authenticator = Solver(method: method, suffix: suffix)
            let connecting = MQTTClient<V5>(to: broker.endpoint, configuration: client)
            do throws(MQTTError) {
                try await connecting.connect()
                #expect(reason == nil)
                try await connecting.reauthenticate()
            } catch {
                #expect(error.reason == reason, "\(error)")
            }
            await connecting.disconnect()
        }
    }

    @Test func `an account of what happens is in the events`() async throws {
        let broker = try await Broker.start()
        let events = broker.events
        try await MQTTClient<V5>.withClient(to: broker.endpoint, clientID: "a") { client in
            let subscription = try await client.subscribe(to: "t", qos: .atLeastOnce)
            try await client.publish("12345", to: "t", qos: .atLeastOnce, retain: true)
            await subscription.unsubscribe()
        }
        await broker.stop()
        var lines: [String] = []
        for await event in events { lines.append(event.description) }
        #expect(
            lines.prefix(4).map(\.self) == [
                #""a" connected, MQTT 5.0, new session"#, #""a" subscribed to "t", QoS 1"#,
                #""a" published to "t", QoS 1, retained, 5 bytes"#, #""a" unsubscribed from "t""#,
            ]
        )
    }
}
