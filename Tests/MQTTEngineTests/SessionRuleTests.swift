// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// What belongs to a session, when it begins and ends, and in which order things leave; in both versions.
@Suite struct SessionRuleTests {
    private let one = message("one", .atLeastOnce)
    private let two = message("two", .exactlyOnce)

    private static func subscribed(
        _ version: ProtocolVersion,
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) -> EngineHarness {
        var harness = EngineHarness.connected(version, configure: configure)
        harness.subscribe(.to(["t/#"]), nil)
        harness.receive(subAck(1, .grantedQoS2))
        return harness
    }

    // MARK: - Before CONNACK

    @Test(
        .sends("5:MQTT-3.1.0-1", "3.1.1:MQTT-3.1.0-1", "U5-3.1.4-1?"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `CONNECT is first and alone until CONNACK, whatever waits`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version) {
            $0.offlineAtMostOnce = .queue
            $0.handshakeTimeout = .seconds(600)
            $0.keepAlive = 1
        }
        harness.linkLost()
        harness.publish(self.one, 1)
        harness.publish(message("zero", .atMostOnce), 2)
        harness.subscribe(.to(["a"], id: 2), 3)
        if let due = harness.engine.nextDeadline { harness.now = due }
        #expect(harness.deadlineReached() == [.dial])
        #expect(harness.linkUp() == [.send(.connect(Connect(clientID: "client", cleanStart: false, keepAlive: 1)))])
        harness.publish(self.two, 4)
        harness.subscribe(.to(["b"], id: 3), 5)
        #expect(harness.ping(6).failure(of: 6)?.kind == .notConnected)
        #expect(harness.pass(.seconds(500)) == [])
        #expect(harness.receive(.connAck(ConnAck(sessionPresent: true))).sent.count == 4)
    }

    // MARK: - The session

    @Test(
        .sends("5:MQTT-3.1.2-4", "5:MQTT-3.2.2-5", "3.1.1:MQTT-3.1.2-6"),
        .receives("5:MQTT-3.1.2-4", "3.1.1:MQTT-3.1.2-6"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `a clean start forgets both sides of the session`(version: ProtocolVersion) {
        var harness = Self.subscribed(version) {
            $0.cleanStart = .always
            $0.sessionExpiry = version == .v5 ? 60 : 0
        }
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        harness.publish(self.two, 3)
        harness.receive(pubRec(3))
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 7))
        harness.linkLost()
        if let due = harness.engine.nextDeadline { harness.now = due }
        harness.deadlineReached()
        guard case .send(.connect(let connect)) = harness.linkUp().first else {
            Issue.record("no CONNECT")
            return
        }
        #expect(connect.cleanStart)
        let effects = harness.receive(.connAck(ConnAck()))
        // Nothing is sent as a repetition, nothing behind PUBREC goes on, and the server is asked for the filters anew.
        #expect(
            effects.sent == [sendPublish(self.one, 1), sendPublish(self.two, 2), sendSubscribe(3, ["t/#"])]
        )
        #expect(effects.failure(of: 2)?.kind == .outcomeUnknown)
        #expect(harness.arrive("t/1", .exactlyOnce, id: 7) != nil)
    }

    @Test(
        .sends("5:MQTT-4.1.0-1", "3.1.1:MQTT-4.1.0-1", "3.1.1:MQTT-4.1.0-2", "3.1.1:MQTT-3.1.2-4"),
        .receives("5:MQTT-4.1.0-1", "3.1.1:MQTT-4.1.0-1", "3.1.1:MQTT-4.1.0-2"),
        arguments: [ProtocolVersion.v311, .v5],
        [UInt32(0), 1]
    )
    func `nothing of the session goes while the connection stands, however long`(
        version: ProtocolVersion,
        sessionExpiry: UInt32
    ) {
        var harness = Self.subscribed(version) {
            $0.cleanStart = .always
            $0.sessionExpiry = sessionExpiry
            $0.keepAlive = 3_600
        }
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        harness.receive(pubRec(3))
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 7))
        for _ in 0..<240 {
            #expect(harness.pass(.seconds(3_599)) == [.send(.pingRequest)])
            #expect(harness.receive(.pingResponse) == [])
        }
        #expect(harness.receivePublish(.message("t/1", .exactlyOnce, 7, true)).arrival == .nothing)
        #expect(harness.receive(pubRel(7)) == [.send(pubComp(7))])
        #expect(harness.receive(pubComp(3)) == [published(2)])
        #expect(harness.receive(pubAck(2)) == [published(1)])
    }

    @Test(.sends("5:MQTT-4.4.0-2"), arguments: [ReasonCode.notAuthorized, .quotaExceeded, .unspecifiedError])
    func `what the server refused is not sent again`(reason: ReasonCode) {
        var harness = EngineHarness.connected()
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        harness.receive(pubAck(1, reason))
        harness.receive(pubRec(2, reason))
        #expect(harness.reconnect().sent == [])
        #expect(harness.reconnect(ConnAck()).sent == [])
        #expect(harness.engine.session.outbound.exchanges.isEmpty)
    }

    // MARK: - Messages around SUBSCRIBE and UNSUBSCRIBE

    @Test(.receives("U5-3.8.4-1?"), arguments: ProtocolVersion.allCases)
    func `a message before SUBACK reaches the new subscription`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        harness.subscribe(.to(["a"]), 1)
        let token = harness.arrive("a", .atLeastOnce, id: 9)
        #expect(token != nil)
        #expect(harness.acknowledge(token) == [.send(pubAck(9))])
        #expect(harness.receive(subAck(1, .grantedQoS1)).completions.count == 1)
    }

    @Test(
        .receives("3.1.1:MQTT-3.10.4-2", "3.1.1:MQTT-3.10.4-3", "3.1.1:MQTT-3.3.2-3"),
        .sends("5:MQTT-4.5.0-2", "3.1.1:MQTT-4.5.0-2"),
        .receives("U5-3.10.4-1?", "5:MQTT-3.10.4-2", "5:MQTT-3.10.4-3"),
        arguments: [ProtocolVersion.v311, .v5],
        [false, true]
    )
    func `messages behind UNSUBSCRIBE and behind UNSUBACK are acknowledged by their QoS`(
        version: ProtocolVersion,
        isAnswered: Bool
    ) {
        var harness = Self.subscribed(version)
        let before = harness.arrive("t/1", .exactlyOnce, id: 3)
        harness.unsubscribe(1, 1)
        if isAnswered { harness.receive(version == .v5 ? unsubAck(2, .success) : unsubAck(2)) }
        #expect(harness.acknowledge(before) == [.send(pubRec(3))])
        #expect(harness.receive(pubRel(3)) == [.send(pubComp(3))])
        #expect(harness.receivePublish(.message("t/1", .atMostOnce)).effects.sent == [])
        #expect(harness.receivePublish(.message("t/1", .atLeastOnce, 4)).effects.sent == [.send(pubAck(4))])
        #expect(harness.receivePublish(.message("t/1", .exactlyOnce, 5)).effects.sent == [.send(pubRec(5))])
        #expect(harness.receive(pubRel(5)) == [.send(pubComp(5))])
        #expect(harness.engine.isConnected)
    }

    // MARK: - Order

    @Test(
        .sends("5:MQTT-4.6.0-2", "5:MQTT-4.6.0-3", "3.1.1:MQTT-4.6.0-2", "3.1.1:MQTT-4.6.0-3"),
        arguments: [ProtocolVersion.v311, .v5],
        [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]]
    )
    func `PUBACK and PUBREC leave in the order of their messages`(version: ProtocolVersion, order: [Int]) {
        var harness = Self.subscribed(version)
        let tokens = [
            harness.arrive("t/1", .atLeastOnce, id: 9), harness.arrive("t/2", .exactlyOnce, id: 3),
            harness.arrive("t/3", .atLeastOnce, id: 7), harness.arrive("t/4", .exactlyOnce, id: 1),
        ]
        let effects = order.flatMap { harness.acknowledge(tokens[$0]) }
        #expect(effects == [.send(pubAck(9)), .send(pubRec(3)), .send(pubAck(7)), .send(pubRec(1))])
    }

    @Test(.sends("5:MQTT-4.6.0-4", "3.1.1:MQTT-4.6.0-4"), arguments: [ProtocolVersion.v311, .v5])
    func `PUBRELs leave in the order of their PUBRECs`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        for number in 1...4 as ClosedRange<UInt64> { harness.publish(self.two, number) }
        let order: [UInt16] = [3, 1, 4, 2]
        #expect(order.flatMap { harness.receive(pubRec($0)) } == order.map { .send(pubRel($0)) })
        harness.linkLost()
        #expect(harness.redial().sent == order.map { .send(pubRel($0)) })
    }

    // MARK: - Flow control

    @Test(.receives("5:MQTT-4.9.0-3"))
    func `when our own window is full, everything but QoS 1 and 2 is still taken`() {
        var harness = Self.subscribed(.v5) { $0.receiveMaximum = 1 }
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        harness.subscribe(.to(["b"], id: 2), 3)
        harness.ping(4)
        let held = harness.arrive("t/1", .atLeastOnce, id: 7)
        #expect(harness.receivePublish(.message("t/1", .atMostOnce)).arrival != .nothing)
        #expect(harness.receive(pubAck(2)) == [published(1)])
        #expect(harness.receive(pubRec(3)) == [.send(pubRel(3))])
        #expect(harness.receive(pubComp(3)) == [published(2)])
        #expect(harness.receive(subAck(4, .grantedQoS2)).completions.count == 1)
        #expect(harness.receive(.pingResponse).completions.count == 1)
        #expect(harness.acknowledge(held) == [.send(pubAck(7))])
        #expect(harness.engine.isConnected)
    }

    @Test(.sends("5:MQTT-3.2.2-11", "5:MQTT-3.2.2-10"), arguments: [QoS.atMostOnce, .atLeastOnce])
    func `no message goes above the QoS the server takes, and subscriptions ask for any`(maximum: QoS) {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.maximumQoS(maximum)]))
        for qos in QoS.allCases {
            let effects = harness.publish(message("m", qos), UInt64(qos.rawValue))
            #expect(effects.sent.count == (qos <= maximum ? 1 : 0))
            guard qos > maximum else { continue }
            #expect(effects.failure(of: UInt64(qos.rawValue))?.kind == .notSupportedByServer)
            #expect(effects.failure(of: UInt64(qos.rawValue))?.reason == .qosNotSupported)
        }
        let asked = sendSubscribe(maximum == .atMostOnce ? 1 : 2, ["a"], qos: .exactlyOnce)
        #expect(harness.subscribe(.to(["a"], qos: .exactlyOnce), 9) == [asked])
    }

    // MARK: - The end of a connection

    @Test(
        .sends("5:MQTT-3.14.4-1", "5:MQTT-3.14.4-2", "3.1.1:MQTT-3.14.4-1", "3.1.1:MQTT-3.14.4-2"),
        arguments: ProtocolVersion.allCases
    )
    func `behind DISCONNECT the connection is closed and nothing is sent`(version: ProtocolVersion) {
        var harness = Self.subscribed(version)
        let token = harness.arrive("t/1", .atLeastOnce, id: 7)
        #expect(harness.disconnect(1).prefix(2) == [.send(.disconnect(Disconnect())), .close])
        #expect(harness.acknowledge(token) == [])
        #expect(harness.publish(self.one, 2).sent == [])
        #expect(harness.publish(message("zero", .atMostOnce), 3).sent == [])
        #expect(harness.subscribe(.to(["b"], id: 2), 4).sent == [])
        #expect(harness.unsubscribe(1, 5).sent == [])
        #expect(harness.ping(6).sent == [])
        #expect(harness.disconnect(7).sent == [])
        #expect(harness.pass(.seconds(100_000)) == [])
    }

    @Test(
        .sends("3.1.1:MQTT-4.8.0-1", "5:MQTT-4.13.2-1"),
        .receives("3.1.1:MQTT-4.8.0-1", "3.1.1:MQTT-1.5.3-1", "3.1.1:MQTT-1.5.3-2", "3.1.1:MQTT-2.2.2-2"),
        arguments: ProtocolVersion.allCases,
        [
            ReasonCode.malformedPacket, .protocolError, .packetTooLarge, .topicNameInvalid, .topicAliasInvalid,
            .receiveMaximumExceeded, .quotaExceeded,
        ]
    )
    func `a broken protocol closes the connection, with the reason in 5_0 and without a word before`(
        version: ProtocolVersion,
        reason: ReasonCode
    ) {
        for isConnected in [false, true] {
            var harness = EngineHarness(version)
            harness.startConnecting(operation: 1)
            harness.linkUp()
            if isConnected { harness.receive(.connAck(ConnAck())) }
            let effects = harness.malformed(reason)
            let words: [Effect] = version == .v5 ? [.send(.disconnect(Disconnect(reason: reason)))] : []
            #expect(effects.prefix(words.count + 1) == words + [.close])
            #expect(effects.disconnected?.kind == .protocolViolation)
            // It comes back by itself, but not at once: the same may happen again.
            if isConnected { #expect(effects.retryWait != nil) }
            #expect(!effects.contains(.dial))
        }
    }

    // MARK: - What the server says besides

    @Test(.receives("U5-3.2.2.3.16-1"), arguments: [ReasonCode.useAnotherServer, .serverMoved])
    func `another server the server names is told, and by default not gone to`(reason: ReasonCode) {
        let properties: Properties = [.serverReference("other.example:1883")]
        var harness = EngineHarness()
        harness.startConnecting(operation: 1)
        harness.linkUp()
        let refusal = harness.receive(.connAck(ConnAck(reason: reason, properties: properties)))
        #expect(refusal.failure(of: 1)?.reason == reason)
        #expect(refusal.failure(of: 1)?.properties.serverReference == "other.example:1883")
        #expect(!harness.engine.isActive)

        var later = EngineHarness.connected()
        let effects = later.receive(.disconnect(Disconnect(reason: reason, properties: properties)))
        #expect(effects.disconnected?.properties.serverReference == "other.example:1883")
        #expect(!later.engine.isActive)
    }

    @Test(.receives("U5-3.3.2.3.2-1"))
    func `a payload the server finds to be of another format is a refusal, and nothing worse`() {
        var harness = EngineHarness.connected()
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        let refused = Completion.publishRefused(.payloadFormatInvalid, [])
        #expect(harness.receive(pubAck(1, .payloadFormatInvalid)) == [.complete(OperationID(1), refused)])
        #expect(harness.receive(pubRec(2, .payloadFormatInvalid)) == [.complete(OperationID(2), refused)])
        #expect(harness.engine.isConnected)
        let effects = harness.receive(.disconnect(Disconnect(reason: .payloadFormatInvalid)))
        #expect(effects.disconnected?.reason == .payloadFormatInvalid)
    }

    // MARK: - CONNECT that cannot be sent

    @Test(.sends("3.1.1:MQTT-3.1.2-22"), arguments: [ProtocolVersion.v31, .v311])
    func `before 5_0 a password without a user name ends the attempt at once`(version: ProtocolVersion) {
        var harness = EngineHarness(version)
        harness.startConnecting(operation: 1)
        let empty = Publish(topic: "t").payload
        let effects = harness.linkUp(credentials: ConnectCredentials(username: nil, password: empty))
        #expect(effects.first == .close)
        #expect(effects.sent == [])
        #expect(effects.failure(of: 1)?.kind == .credentialsUnavailable)
    }

    @Test(.sends("5:MQTT-1.5.4-2", "5:MQTT-3.1.3-12", "3.1.1:MQTT-1.5.3-2"), arguments: ProtocolVersion.allCases)
    func `credentials no CONNECT can carry end the attempt at once`(version: ProtocolVersion) throws {
        let long = String(repeating: "x", count: 65_536)
        // Some bytes, more than 65,535 of them.
        let bytes = try PacketEncoder(version: version).encode(.publish(Publish(topic: String(long.dropFirst()))))
        for credentials in [
            ConnectCredentials(username: "\0", password: nil), ConnectCredentials(username: long, password: nil),
            ConnectCredentials(username: "u", password: bytes),
        ] {
            var harness = EngineHarness(version)
            harness.startConnecting(operation: 1)
            let effects = harness.linkUp(credentials: credentials)
            #expect(effects.sent == [])
            #expect(effects.failure(of: 1)?.kind == .credentialsUnavailable)
        }
    }
}
