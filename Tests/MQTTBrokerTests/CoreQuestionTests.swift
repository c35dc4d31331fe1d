// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

@Suite struct CoreQuestionTests {
    private func asking(
        _ broker: inout CoreHarness,
        _ clientID: String,
        _ version: ProtocolVersion = .v5
    ) -> ConnectionID {
        let id = broker.open(version)
        broker.send(.connect(Connect(clientID: clientID)), from: id)
        return id
    }

    @Test(
        .serves(
            "5:MQTT-3.1.4-2",
            "5:MQTT-3.1.4-6",
            "5:MQTT-3.2.2-7",
            "5:MQTT-3.2.2-8",
            "3.1.1:MQTT-3.1.4-5"
        ),
        arguments: [
            (ReasonCode.success, ReasonCode.success), (.banned, .banned), (.topicAliasInvalid, .notAuthorized),
        ],
        [ProtocolVersion.v5, .v311]
    )
    func `a client waits for the user's code to let it in`(
        answers: (answer: ReasonCode, reason: ReasonCode),
        version: ProtocolVersion
    ) {
        let (answer, reason) = answers
        var broker = CoreHarness(questions: .authenticate)
        let id = self.asking(&broker, "a", version)
        broker.send(.pingRequest, from: id)
        #expect(broker.received(id) == [])
        #expect(broker.paused == [id])
        #expect(broker.asked.map(\.question) == [.authenticate(id, Connect(clientID: "a"))])
        broker.answer(.decided(answer))
        #expect(broker.received(id).map(\.reason) == (answer == .success ? [.success, nil] : [reason]))
        #expect(broker.closed.contains(id) == (answer != .success))
        #expect(answer != .success || broker.paused == [])
    }

    @Test func `others go on while one waits`() {
        var broker = CoreHarness(questions: .authenticate)
        let first = self.asking(&broker, "a")
        let second = self.asking(&broker, "b")
        broker.core.answered(broker.asked[1].id, with: .decided(.success), now: broker.now)
        broker.send(.pingRequest, from: second)
        #expect(broker.received(second).last == .pingResponse)
        #expect(broker.received(first) == [])
    }

    @Test func `an answer for a connection that closed says nothing to anyone`() {
        var broker = CoreHarness(questions: .authenticate)
        let first = self.asking(&broker, "a")
        broker.close(first)
        broker.answer(.decided(.success))
        #expect(broker.received(first) == [])
        #expect(broker.events == [])
        #expect(broker.core.slots.isEmpty)
    }

    @Test func `the connect timeout does not run while the user's code is asked`() {
        var broker = CoreHarness(questions: .authenticate)
        let id = self.asking(&broker, "a")
        broker.advance(.hours(1))
        #expect(!broker.closed.contains(id))
    }

    @Test(.serves("3.1.1:MQTT-3.3.5-2"), arguments: [ProtocolVersion.v5, .v311], [QoS.atLeastOnce, .exactlyOnce])
    func `a message that is not allowed is refused, or taken and dropped before 5_0`(version: ProtocolVersion, qos: QoS)
    {
        var broker = CoreHarness(questions: .authorize)
        let id = broker.connect("a", version)
        broker.send(.message("t", "x", qos, id: 3), .pingRequest, from: id)
        let access = BrokerAccess.publish(clientID: "a", username: nil, topic: "t", qos: qos, retain: false)
        #expect(broker.asked.map(\.question) == [.authorize(id, access)])
        #expect(broker.received(id) == [])
        broker.answer(.decided(.notAuthorized))
        let answer = Acknowledgement(3, version == .v5 ? .notAuthorized : .success)
        #expect(broker.received(id) == [qos == .atLeastOnce ? .pubAck(answer) : .pubRec(answer), .pingResponse])
        #expect(!broker.events.contains { if case .published = $0 { true } else { false } })
    }

    @Test(.serves("5:MQTT-4.3.3-9"))
    func `after a PUBREC that refuses, the identifier is a new message`() {
        var broker = CoreHarness(questions: .authorize)
        let id = broker.connect("a")
        broker.send(.message("t", "x", .exactlyOnce, id: 3), from: id)
        broker.answer(.decided(.notAuthorized))
        broker.send(.message("t", "x", .exactlyOnce, id: 3), from: id)
        broker.answer(.decided(.success))
        #expect(broker.received(id).map(\.reason) == [.notAuthorized, .noMatchingSubscribers])
    }

    @Test func `filters are asked about one after the other and packets behind them wait`() {
        var broker = CoreHarness(questions: .authorize)
        let id = broker.connect("a")
        broker.send(.subscribing("a", "b#", "c"), .message("c", "mine"), .disconnect(Disconnect()), from: id)
        let access = BrokerAccess.subscribe(clientID: "a", username: nil, filter: "a", qos: .exactlyOnce)
        #expect(broker.asked.map(\.question) == [.authorize(id, access)])
        broker.answer(.decided(.notAuthorized))
        #expect(broker.received(id) == [])
        broker.answer(.decided(.success))
        let reasons: [ReasonCode] = [.notAuthorized, .topicFilterInvalid, .grantedQoS2]
        #expect(broker.received(id) == [.subAck(SubAck(packetID: .first, reasons: reasons))])
        #expect(!broker.closed.contains(id))
        broker.answer(.decided(.success))
        #expect(broker.payloads(id) == ["mine"])
        #expect(broker.closed.contains(id))
    }

    @Test func `a will the client may not publish keeps it out`() {
        var broker = CoreHarness(questions: .authorize)
        let id = broker.open()
        broker.send(.connect(Connect(clientID: "a", will: Will(topic: "w", payload: ByteBuffer()))), from: id)
        let access = BrokerAccess.publish(clientID: "a", username: nil, topic: "w", qos: .atMostOnce, retain: false)
        #expect(broker.asked.map(\.question) == [.authorize(id, access)])
        broker.answer(.decided(.notAuthorized))
        #expect(broker.received(id).map(\.reason) == [.notAuthorized])
    }

    @Test func `what came before the connection closed still counts`() {
        var broker = CoreHarness(questions: .authorize)
        let watch = broker.connect("watch")
        broker.subscribe(watch, "t", "w")
        broker.answer(.decided(.success))
        broker.answer(.decided(.success))
        _ = broker.received(watch)
        let id = broker.open()
        let connect = Connect(clientID: "a", will: Will(topic: "w", payload: ByteBuffer()))
        broker.send(.connect(connect), from: id)
        broker.answer(.decided(.success))
        _ = broker.received(id)
        broker.send(.message("t", "last", .atLeastOnce, id: 1), .disconnect(Disconnect()), from: id)
        broker.close(id)
        broker.answer(.decided(.success))
        #expect(broker.payloads(watch) == ["last"])
        #expect(broker.received(id) == [])
        #expect(!broker.closed.contains(id))
        #expect(broker.core.slots.count == 1)
    }

    @Test func `a connection that closed ends when what came before is done`() {
        var broker = CoreHarness(questions: .authorize)
        let id = broker.connect("a")
        broker.send(.message("t"), from: id)
        broker.close(id)
        #expect(broker.core.slots.count == 1)
        broker.answer(.decided(.success))
        #expect(broker.core.slots.isEmpty)
        #expect(broker.core.connections.isEmpty)
    }

    @Test func `the keep-alive does not run while nothing is read`() {
        var broker = CoreHarness(questions: .authorize)
        let id = broker.connect("a", keepAlive: 10)
        broker.send(.message("t", "x", .atLeastOnce, id: 1), from: id)
        broker.advance(.minutes(5))
        #expect(!broker.closed.contains(id))
        broker.answer(.decided(.success))
        broker.advance(.seconds(31))
        #expect(broker.closed.contains(id))
    }

    @Test func `a take-over ends a connection that waits for an answer`() {
        var broker = CoreHarness(questions: .authorize)
        let first = broker.connect("a")
        broker.send(.message("t"), from: first)
        let second = broker.connect("a")
        #expect(broker.closed == [first])
        broker.answer(.decided(.success))
        broker.send(.pingRequest, from: second)
        #expect(broker.received(second) == [.pingResponse])
        #expect(!broker.events.contains { if case .published = $0 { true } else { false } })
    }
}

@Suite struct CoreAuthenticationTests {
    private let method = Properties([.authenticationMethod("m"), .authenticationData(ByteBuffer(string: "1"))])

    private func data(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    private func auth(_ reason: ReasonCode, _ text: String, method: String = "m") -> Packet {
        .auth(Auth(reason: reason, properties: [.authenticationMethod(method), .authenticationData(self.data(text))]))
    }

    private func begun(_ broker: inout CoreHarness) -> ConnectionID {
        let id = broker.open()
        broker.send(.connect(Connect(clientID: "a", properties: self.method)), from: id)
        return id
    }

    private func admitted(_ broker: inout CoreHarness) -> ConnectionID {
        let id = self.begun(&broker)
        broker.answer(.done(nil))
        _ = broker.received(id)
        return id
    }

    @Test(.serves("5:MQTT-4.12.0-2", "5:MQTT-4.12.0-5"))
    func `an exchange goes on until it is done and CONNACK ends it`() {
        var broker = CoreHarness(questions: [.exchange, .authenticate])
        let id = self.begun(&broker)
        #expect(
            broker.asked.map(\.question) == [
                .exchange(id, method: "m", data: self.data("1"), isReauthentication: false)
            ]
        )
        broker.answer(.proceed(self.data("2")))
        #expect(broker.received(id) == [self.auth(.continueAuthentication, "2")])
        #expect(broker.paused == [])
        broker.send(self.auth(.continueAuthentication, "3"), from: id)
        #expect(
            broker.asked.map(\.question) == [
                .exchange(id, method: "m", data: self.data("3"), isReauthentication: false)
            ]
        )
        broker.answer(.done(self.data("4")))
        let properties: Properties = [
            .topicAliasMaximum(65_535), .authenticationMethod("m"), .authenticationData(self.data("4")),
        ]
        #expect(broker.received(id) == [.connAck(ConnAck(properties: properties))])
    }

    @Test(.serves("5:MQTT-4.12.0-1"))
    func `without the user's code there is no method`() {
        var broker = CoreHarness()
        let id = self.begun(&broker)
        #expect(broker.received(id).map(\.reason) == [.badAuthenticationMethod])
        #expect(broker.closed.contains(id))
    }

    @Test(.serves("5:MQTT-4.12.0-4"))
    func `an exchange can be refused`() {
        var broker = CoreHarness(questions: .exchange)
        let id = self.begun(&broker)
        broker.answer(.decided(.badAuthenticationMethod))
        #expect(broker.received(id).map(\.reason) == [.badAuthenticationMethod])
        #expect(broker.closed.contains(id))
    }

    @Test func `another method, another packet or silence ends the exchange`() {
        for (packet, reason) in [
            (self.auth(.continueAuthentication, "3", method: "n"), ReasonCode.badAuthenticationMethod),
            (self.auth(.reauthenticate, "3"), .protocolError),
            (.pingRequest, .protocolError),
            (nil, .unspecifiedError),
        ] {
            var broker = CoreHarness(questions: .exchange)
            let id = self.begun(&broker)
            broker.answer(.proceed(nil))
            _ = broker.received(id)
            if let packet { broker.send(packet, from: id) } else { broker.advance(.seconds(10)) }
            #expect(broker.received(id).map(\.reason) == [reason])
            #expect(broker.closed.contains(id))
        }
    }

    @Test func `an AUTH where CONNECT named no method is a protocol error`() {
        var broker = CoreHarness(questions: .exchange)
        let id = broker.connect("a")
        broker.send(self.auth(.reauthenticate, "1"), from: id)
        #expect(broker.received(id).map(\.reason) == [.protocolError])
    }

    @Test func `a client can say again who it is while other packets go on`() {
        var broker = CoreHarness(questions: .exchange)
        let id = self.admitted(&broker)
        broker.send(self.auth(.reauthenticate, "5"), from: id)
        #expect(
            broker.asked.map(\.question) == [
                .exchange(id, method: "m", data: self.data("5"), isReauthentication: true)
            ]
        )
        broker.answer(.proceed(self.data("6")))
        broker.send(.pingRequest, self.auth(.continueAuthentication, "7"), from: id)
        broker.answer(.done(self.data("8")))
        #expect(
            broker.received(id) == [
                self.auth(.continueAuthentication, "6"), .pingResponse, self.auth(.success, "8"),
            ]
        )
    }

    @Test(.serves("5:MQTT-4.12.1-2"))
    func `who cannot say again who it is is disconnected`() {
        var broker = CoreHarness(questions: .exchange)
        let id = self.admitted(&broker)
        broker.send(self.auth(.reauthenticate, "5"), from: id)
        broker.answer(.decided(.notAuthorized))
        #expect(broker.received(id).map(\.reason) == [.notAuthorized])
        #expect(broker.closed.contains(id))
    }

    @Test func `a re-authentication out of place is a protocol error, with another method a bad method`() {
        for (packet, reason) in [
            (self.auth(.continueAuthentication, "3"), ReasonCode.protocolError),
            (self.auth(.reauthenticate, "3", method: "n"), .badAuthenticationMethod),
        ] {
            var broker = CoreHarness(questions: .exchange)
            let id = self.admitted(&broker)
            broker.send(packet, from: id)
            #expect(broker.received(id).map(\.reason) == [reason])
        }
    }
}
