// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

@Suite struct CoreConnectTests {
    @Test(.serves("5:MQTT-3.1.4-5", "3.1.1:MQTT-3.1.4-4"), arguments: ProtocolVersion.allCases)
    func `a good CONNECT is answered with success and no session`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let (id, connAck) = broker.connecting(Connect(clientID: "a"), version)
        #expect(connAck?.reason == .success)
        #expect(connAck?.sessionPresent == false)
        #expect(!broker.closed.contains(id))
        #expect(broker.takeEvents() == [.connected(clientID: "a", version: version, sessionPresent: false)])
    }

    @Test func `the first packet must be CONNECT`() {
        var broker = CoreHarness()
        let id = broker.open()
        broker.send(.pingRequest, from: id)
        #expect(broker.received(id) == [])
        #expect(broker.closed.contains(id))
    }

    @Test(.serves("5:MQTT-3.1.0-2", "3.1.1:MQTT-3.1.0-2", "3.1.1:MQTT-4.8.0-1"), arguments: ProtocolVersion.allCases)
    func `a second CONNECT is a protocol error`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.send(.connect(Connect(clientID: "a")), from: id)
        #expect(broker.received(id).map(\.reason) == (version == .v5 ? [.protocolError] : []))
        #expect(broker.closed.contains(id))
    }

    @Test func `a connection that sends no CONNECT in time is closed`() {
        var broker = CoreHarness()
        let id = broker.open()
        broker.advance(.seconds(9))
        #expect(!broker.closed.contains(id))
        broker.advance(.seconds(1))
        #expect(broker.closed.contains(id))
        #expect(broker.received(id) == [])
    }

    @Test func `a connection that was accepted has no connect timeout`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.advance(.hours(1))
        #expect(!broker.closed.contains(id))
    }

    @Test(.serves("5:MQTT-3.1.2-2", "3.1.1:MQTT-3.1.2-2"))
    func `an unknown protocol version is refused with its code`() {
        var broker = CoreHarness()
        let id = broker.open()
        broker.sendFault(.unsupportedProtocolVersion, from: id)
        #expect(broker.received(id) == [.connAck(ConnAck(reason: .unsupportedProtocolVersion))])
        #expect(broker.closed.contains(id))
    }

    @Test(.serves("5:MQTT-3.1.4-1", "5:MQTT-3.14.0-1", "3.1.1:MQTT-3.1.4-1"))
    func `a malformed CONNECT is closed without CONNACK`() {
        var broker = CoreHarness()
        let id = broker.open()
        broker.sendFault(.malformedPacket, from: id)
        #expect(broker.received(id) == [])
        #expect(broker.closed.contains(id))
        #expect(broker.events == [.refused(clientID: "", reason: .malformedPacket)])
    }

    @Test(.serves("5:MQTT-3.1.3-6", "5:MQTT-3.2.2-16"))
    func `an empty identifier is replaced by a new one each time`() throws {
        var broker = CoreHarness()
        let first = try #require(broker.connecting(Connect(clientID: "")).connAck?.properties.assignedClientIdentifier)
        let second = try #require(broker.connecting(Connect(clientID: "")).connAck?.properties.assignedClientIdentifier)
        #expect(first != second)
        #expect((1...23).contains(first.utf8.count))
    }

    @Test(
        .serves("3.1.1:MQTT-3.1.3-8", "3.1.1:MQTT-3.1.3-9", "3.1.1:MQTT-3.2.2-5"),
        arguments: [(true, ReasonCode.success), (false, .clientIdentifierNotValid)]
    )
    func `in 3_1_1 an empty identifier needs a clean session`(clean: Bool, reason: ReasonCode) {
        var broker = CoreHarness()
        let (id, connAck) = broker.connecting(Connect(clientID: "", cleanStart: clean), .v311)
        #expect(connAck?.reason == reason)
        #expect(connAck?.properties.isEmpty == true)
        #expect(broker.closed.contains(id) == !clean)
    }

    @Test(arguments: [(0, false), (1, true), (23, true), (24, false)])
    func `in 3_1 an identifier has 1 to 23 characters`(length: Int, isAccepted: Bool) {
        var broker = CoreHarness()
        let connect = Connect(clientID: String(repeating: "é", count: length))
        let connAck = broker.connecting(connect, .v31).connAck
        #expect(connAck?.reason == (isAccepted ? .success : .clientIdentifierNotValid))
    }

    @Test(.serves("5:MQTT-3.1.3-8"))
    func `a broker that assigns no identifiers refuses an empty one`() {
        var broker = CoreHarness { $0.assignsClientIdentifiers = false }
        let (id, connAck) = broker.connecting(Connect(clientID: ""))
        #expect(connAck?.reason == .clientIdentifierNotValid)
        #expect(broker.closed.contains(id))
    }

    @Test func `a CONNACK of a broker without limits has only what is not the default`() {
        var broker = CoreHarness { $0.topicAliasMaximum = 0 }
        let connAck = broker.connecting(Connect(clientID: "a", properties: [.sessionExpiryInterval(60)])).connAck
        #expect(connAck?.properties == [])
    }

    @Test(.serves("5:MQTT-3.2.2-9", "U5-3.2.2.3.14-1", "U5-3.2.2.3.2-1"))
    func `a CONNACK tells every limit`() {
        var broker = CoreHarness {
            $0.receiveMaximum = 8
            $0.maximumQoS = .atLeastOnce
            $0.retainAvailable = false
            $0.maximumPacketSize = 1_000
            $0.topicAliasMaximum = 5
            $0.wildcardSubscriptionAvailable = false
            $0.subscriptionIdentifierAvailable = false
            $0.sharedSubscriptionAvailable = false
            $0.keepAliveCap = 30
            $0.sessionExpiryCap = 60
        }
        let connect = Connect(clientID: "a", keepAlive: 0, properties: [.sessionExpiryInterval(61)])
        #expect(
            broker.connecting(connect).connAck?.properties == [
                .sessionExpiryInterval(60), .receiveMaximum(8), .maximumQoS(.atLeastOnce), .retainAvailable(false),
                .maximumPacketSize(1_000), .topicAliasMaximum(5), .wildcardSubscriptionAvailable(false),
                .subscriptionIdentifierAvailable(false), .sharedSubscriptionAvailable(false), .serverKeepAlive(30),
            ]
        )
    }

    @Test(
        .serves("5:MQTT-3.2.2-12", "5:MQTT-3.2.2-13", "3.1.1:MQTT-3.2.2-6"),
        arguments: [ProtocolVersion.v5, .v311],
        [true, false]
    )
    func `a will the broker cannot publish refuses the client`(version: ProtocolVersion, isRetain: Bool) {
        var broker = CoreHarness {
            $0.maximumQoS = .atLeastOnce
            $0.retainAvailable = false
        }
        let qos: QoS = isRetain ? .atMostOnce : .exactlyOnce
        let will = Will(topic: "w", payload: ByteBuffer(), qos: qos, retain: isRetain)
        let (id, connAck) = broker.connecting(Connect(clientID: "a", will: will), version)
        let reason: ReasonCode = isRetain ? .retainNotSupported : .qosNotSupported
        #expect(connAck?.reason == (version == .v5 ? reason : nil))
        #expect(broker.closed.contains(id))
    }

    @Test(
        .serves(
            "5:MQTT-3.1.2-22",
            "5:MQTT-3.12.4-1",
            "5:MQTT-3.2.2-22",
            "3.1.1:MQTT-3.1.2-24",
            "3.1.1:MQTT-3.12.4-1"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `a client is given one and a half keep-alives`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version, keepAlive: 10)
        broker.advance(.seconds(14))
        broker.send(.pingRequest, from: id)
        #expect(broker.received(id) == [.pingResponse])
        broker.advance(.milliseconds(14_999))
        #expect(!broker.closed.contains(id))
        broker.advance(.milliseconds(1))
        #expect(broker.closed.contains(id))
        #expect(broker.received(id).map(\.reason) == (version == .v5 ? [.keepAliveTimeout] : []))
    }

    @Test(arguments: [0, 100])
    func `attack keep-alive: a cap holds for who asks for more or none`(keepAlive: UInt16) {
        var broker = CoreHarness { $0.keepAliveCap = 20 }
        let id = broker.connect("a", .v311, keepAlive: keepAlive)
        broker.advance(.seconds(30))
        #expect(broker.closed.contains(id))
    }

    @Test(.serves("5:MQTT-3.1.4-3", "3.1.1:MQTT-3.1.4-2"), arguments: ProtocolVersion.allCases)
    func `a second connection with the same identifier ends the first`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let first = broker.connect("a", version)
        let second = broker.connect("a", version)
        #expect(broker.received(first).map(\.reason) == (version == .v5 ? [.sessionTakenOver] : []))
        #expect(broker.closed == [first])
        broker.send(.pingRequest, from: second)
        #expect(broker.received(second) == [.pingResponse])
        broker.close(first)
        broker.send(.pingRequest, from: second)
        #expect(broker.received(second) == [.pingResponse])
    }

    @Test func `client identifiers are compared by their bytes`() {
        var broker = CoreHarness()
        let composed = broker.connect("\u{E9}")
        _ = broker.connect("e\u{301}")
        #expect(broker.closed == [])
        #expect(broker.received(composed) == [])
    }

    @Test func `a broker full of sessions refuses new ones only`() {
        var broker = CoreHarness { $0.sessions = 1 }
        let first = broker.connectForGood("a")
        broker.close(first)
        #expect(broker.connecting(Connect(clientID: "b")).connAck?.reason == .quotaExceeded)
        #expect(broker.connecting(Connect(clientID: "a", cleanStart: false)).connAck?.sessionPresent == true)
    }

    @Test func `a broker that stops tells 5_0 clients and closes everybody`() {
        var broker = CoreHarness()
        let new = broker.connect("new")
        let old = broker.connect("old", .v311)
        let silent = broker.open()
        broker.stop()
        #expect(broker.received(new).map(\.reason) == [.serverShuttingDown])
        #expect(broker.received(old) == [])
        #expect(broker.received(silent) == [])
        #expect(broker.closed == [new, old, silent])
        #expect(broker.core.nextDeadline == nil)
    }

    @Test(.serves("5:MQTT-3.1.2-24", "5:MQTT-3.14.2-3"))
    func `a reason string is left out where it would make a packet too large`() {
        var broker = CoreHarness()
        let id = broker.connect("a", .v5, [.maximumPacketSize(20)])
        broker.send(.connect(Connect(clientID: "a")), from: id)
        #expect(broker.received(id) == [.disconnect(Disconnect(reason: .protocolError))])
    }
}
