// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

@Suite struct HandshakeTests {
    @Test(
        .receives("3.1.1:MQTT-3.1.4-4"),
        .sends("5:MQTT-3.1.0-1", "3.1.1:MQTT-3.1.0-1"),
        .receives("5:MQTT-3.1.4-5"),
        arguments: ProtocolVersion.allCases
    )
    func `connecting dials, sends CONNECT, and ends the call at CONNACK`(version: ProtocolVersion) {
        var harness = EngineHarness(version)
        #expect(harness.startConnecting(operation: 7) == [.dial])
        #expect(harness.linkUp() == [.send(.connect(Connect(clientID: "client")))])
        let limits = NegotiatedLimits(configuration: harness.engine.configuration)
        let connected = Connected(sessionPresent: false, clientID: "client", limits: limits, properties: [])
        #expect(
            harness.receive(.connAck(ConnAck())) == [
                .report(.connected(connected)), .complete(OperationID(7), .connected(connected)),
            ]
        )
        #expect(harness.engine.isConnected)
    }

    @Test func `a second call joins the attempt, and a third finds the connection`() {
        var harness = EngineHarness()
        harness.startConnecting(operation: 1)
        #expect(harness.startConnecting(operation: 2) == [])
        harness.linkUp()
        #expect(harness.receive(.connAck(ConnAck())).completions.count == 2)
        #expect(harness.startConnecting(operation: 3).completions.count == 1)
    }

    @Test func `a cancelled call is not completed, and the others are`() {
        var harness = EngineHarness()
        harness.startConnecting(operation: 1)
        harness.startConnecting(operation: 2)
        harness.engine.connectCancelled(OperationID(1))
        harness.linkUp()
        #expect(harness.receive(.connAck(ConnAck())).completions.count == 1)
        #expect(harness.engine.connectCalls.isEmpty)
    }

    @Test(
        .receives(
            "5:MQTT-3.1.2-1",
            "5:MQTT-3.1.2-2",
            "5:MQTT-3.1.3-8",
            "5:MQTT-3.1.4-2",
            "5:MQTT-3.2.2-7",
            "5:MQTT-3.2.2-12",
            "5:MQTT-3.2.2-13",
            "5:MQTT-4.13.2-1"
        ),
        arguments: [
            ReasonCode.unspecifiedError, .malformedPacket, .protocolError, .implementationSpecificError,
            .unsupportedProtocolVersion, .clientIdentifierNotValid, .badUserNameOrPassword, .notAuthorized,
            .serverUnavailable, .serverBusy, .banned, .badAuthenticationMethod, .topicNameInvalid, .packetTooLarge,
            .quotaExceeded, .payloadFormatInvalid, .retainNotSupported, .qosNotSupported, .useAnotherServer,
            .serverMoved, .connectionRateExceeded,
        ]
    )
    func `a refusal of the first attempt ends the call with its reason`(reason: ReasonCode) {
        var harness = EngineHarness()
        harness.startConnecting(operation: 1)
        harness.linkUp()
        let effects = harness.receive(.connAck(ConnAck(reason: reason)))
        #expect(effects.first == .close)
        #expect(effects.sent == [])
        #expect(effects.failure(of: 1)?.kind == .connectRefused)
        #expect(effects.failure(of: 1)?.reason == reason)
        #expect(!harness.engine.isActive)
    }

    @Test(
        .receives("3.1.1:MQTT-3.2.2-1"),
        .receives("5:MQTT-3.1.2-4", "5:MQTT-3.2.2-2", "3.1.1:MQTT-3.1.2-6"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `a session after a clean start closes the connection`(version: ProtocolVersion) {
        var harness = EngineHarness(version)
        harness.startConnecting(operation: 1)
        harness.linkUp()
        let effects = harness.receive(.connAck(ConnAck(sessionPresent: true)))
        let words: [Effect] = version == .v5 ? [.send(.disconnect(Disconnect(reason: .protocolError)))] : []
        #expect(Array(effects.prefix(words.count + 1)) == words + [.close])
        #expect(effects.failure(of: 1)?.kind == .protocolViolation)
    }

    @Test(
        .receives("3.1.1:MQTT-3.2.0-1"),
        .receives("5:MQTT-3.2.0-1", "5:MQTT-3.14.0-1"),
        arguments: ProtocolVersion.allCases,
        [
            pubAck(1), pubRec(1), pubRel(1), pubComp(1), subAck(1, .success), unsubAck(1), .pingResponse,
            .auth(Auth()), .disconnect(Disconnect()),
        ]
    )
    func `fault 8: a first packet other than CONNACK closes the connection`(version: ProtocolVersion, packet: Packet) {
        var harness = EngineHarness(version)
        harness.startConnecting(operation: 1)
        harness.linkUp()
        let effects = harness.receive(packet)
        let words: [Effect] = version == .v5 ? [.send(.disconnect(Disconnect(reason: .protocolError)))] : []
        #expect(Array(effects.prefix(words.count + 1)) == words + [.close])
        #expect(effects.failure(of: 1)?.kind == .protocolViolation)
    }

    @Test(.receives("5:MQTT-3.2.0-1"))
    func `fault 8: a PUBLISH before CONNACK closes the connection and is not delivered`() {
        var harness = EngineHarness()
        harness.startConnecting(operation: 1)
        harness.linkUp()
        let (arrival, effects) = harness.receivePublish(.message("a", .atMostOnce))
        #expect(arrival == .nothing)
        #expect(effects.failure(of: 1)?.kind == .protocolViolation)
    }

    @Test(.receives("U5-3.2-1", "5:MQTT-3.1.4-5"))
    func `fault 7: a CONNACK that does not come in time ends the attempt`() {
        var harness = EngineHarness { $0.handshakeTimeout = .seconds(5) }
        harness.startConnecting(operation: 1)
        harness.linkUp()
        #expect(harness.pass(.milliseconds(4_999)) == [])
        #expect(harness.engine.nextDeadline == harness.now.advanced(by: .milliseconds(1)))
        let effects = harness.pass(.milliseconds(1))
        #expect(effects.first == .close)
        #expect(effects.failure(of: 1)?.kind == .timedOut)
    }

    @Test(.receives("5:MQTT-3.2.0-2")) func `a second CONNACK breaks the protocol`() {
        var harness = EngineHarness.connected()
        let effects = harness.receive(.connAck(ConnAck()))
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .protocolError))), .close])
        #expect(effects.disconnected?.kind == .protocolViolation)
    }

    @Test(.receives("5:MQTT-3.1.3-6", "5:MQTT-3.1.3-7", "5:MQTT-3.2.2-16"))
    func `the identifier the server assigned is used from then on`() {
        var harness = EngineHarness()
        harness.connect(ConnAck(properties: [.assignedClientIdentifier("assigned")]))
        #expect(harness.engine.clientID == "assigned")
        harness.linkLost()
        harness.pass(.seconds(1))
        #expect(harness.linkUp() == [.send(.connect(Connect(clientID: "assigned")))])
    }

    @Test(
        .sends("5:MQTT-4.9.0-1", "5:MQTT-3.2.2-22"),
        .receives("U5-3.2.2.3.2-1", "U5-3.2.2.3.3-1", "U5-3.2.2.3.4-1", "U5-3.2.2.3.5-1", "U5-3.2.2.3.6-1")
    ) func `the limits of CONNACK count for this connection only`() {
        var harness = EngineHarness.connected(
            connAck: ConnAck(properties: [
                .receiveMaximum(3), .maximumPacketSize(64), .maximumQoS(.atLeastOnce), .retainAvailable(false),
                .wildcardSubscriptionAvailable(false), .sharedSubscriptionAvailable(false),
                .subscriptionIdentifierAvailable(false), .topicAliasMaximum(9), .serverKeepAlive(7),
                .sessionExpiryInterval(11),
            ])
        )
        var limits = NegotiatedLimits(configuration: harness.engine.configuration)
        limits.receiveMaximum = 3
        limits.maximumPacketSize = 64
        limits.maximumQoS = .atLeastOnce
        limits.retainAvailable = false
        limits.wildcardsAvailable = false
        limits.sharedSubscriptionsAvailable = false
        limits.subscriptionIdentifiersAvailable = false
        limits.topicAliasMaximum = 9
        limits.keepAlive = 7
        limits.sessionExpiry = 11
        #expect(harness.engine.connection?.limits == limits)
        harness.reconnect()
        #expect(harness.engine.connection?.limits == NegotiatedLimits(configuration: harness.engine.configuration))
    }

    @Test func `the first-only clean start asks for the session from the second connection on`() {
        var harness = EngineHarness { $0.cleanStart = .firstOnly }
        harness.startConnecting()
        #expect(harness.linkUp() == [.send(.connect(Connect(clientID: "client", cleanStart: true)))])
        harness.receive(.connAck(ConnAck()))
        harness.linkLost()
        harness.pass(.seconds(1))
        #expect(harness.linkUp() == [.send(.connect(Connect(clientID: "client", cleanStart: false)))])
    }

    @Test(.sends("5:MQTT-3.2.2-11", "5:MQTT-3.2.2-14", "5:MQTT-3.2.2-15"))
    func `a message larger than the server takes, of a higher QoS, or retained, is refused before it is sent`() {
        let limits: [(Property, PublishFrame, EngineFailure.Kind)] = [
            (.maximumPacketSize(10), message("a/long/topic", .atLeastOnce), .packetTooLarge),
            (.maximumQoS(.atLeastOnce), message("a", .exactlyOnce), .notSupportedByServer),
            (.retainAvailable(false), message("a", .atMostOnce, retain: true), .notSupportedByServer),
        ]
        for (limit, frame, kind) in limits {
            var harness = EngineHarness.connected(connAck: ConnAck(properties: [limit]))
            let effects = harness.publish(frame, 1)
            #expect(effects.failure(of: 1)?.kind == kind)
            #expect(effects.sent == [])
        }
    }

    @Test(.sends("5:MQTT-3.2.2-15")) func `fault 15: a packet of exactly the server's size is sent`() {
        let frame = message("topic", .atLeastOnce)
        let connAck = ConnAck(properties: [.maximumPacketSize(UInt32(frame.size))])
        var harness = EngineHarness.connected(connAck: connAck)
        #expect(harness.publish(frame, 1) == [sendPublish(frame, 1)])
    }

    @Test func `a link that comes up after the user gave up is closed`() {
        var harness = EngineHarness()
        harness.startConnecting(operation: 1)
        let effects = harness.disconnect(2)
        #expect(effects.failure(of: 1)?.kind == .closed)
        #expect(effects.completions.last == .complete(OperationID(2), .disconnected))
        #expect(harness.linkUp() == [.close])
    }
}
