// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// What a peer can try against the rules of the session.
@Suite struct AttackTests {
    // MARK: - Packet in the wrong direction or state

    /// What the client is doing.
    enum State: CaseIterable {
        case idle, dialing, handshaking, connected, waiting, disconnected

        func harness(_ version: ProtocolVersion) -> EngineHarness {
            var harness = EngineHarness(version)
            switch self {
            case .idle: break
            case .dialing: harness.startConnecting()
            case .handshaking:
                harness.startConnecting()
                harness.linkUp()
            case .connected: harness.connect()
            case .waiting:
                harness.connect()
                harness.linkLost()
            case .disconnected:
                harness.connect()
                harness.disconnect()
            }
            return harness
        }
    }

    /// One packet of every type but PUBLISH, which has a way of its own.
    static let packets: [Packet] = [
        .connect(Connect(clientID: "c")), .connAck(ConnAck()), pubAck(1), pubRec(1), pubRel(1), pubComp(1),
        .subscribe(Subscribe(packetID: .first, entries: [.init(filter: "a")])), subAck(1, .success),
        .unsubscribe(Unsubscribe(packetID: .first, filters: ["a"])), unsubAck(1, .success), .pingRequest,
        .pingResponse, .disconnect(Disconnect()), .auth(Auth()),
    ]

    private func violation(_ version: ProtocolVersion) -> [Effect] {
        (version == .v5 ? [.send(.disconnect(Disconnect(reason: .protocolError)))] : []) + [.close]
    }

    @Test(
        .receives("5:MQTT-3.2.0-1", "5:MQTT-3.2.0-2", "5:MQTT-3.14.0-1", "3.1.1:MQTT-4.8.0-1"),
        arguments: ProtocolVersion.allCases,
        State.allCases
    )
    func `attack wrong state: a packet in the wrong direction or state closes the connection or does nothing`(
        version: ProtocolVersion,
        state: State
    ) {
        for packet in Self.packets {
            var harness = state.harness(version)
            let wasActive = harness.engine.isActive
            let effects = harness.receive(packet)
            switch (state, packet) {
            case (.idle, _), (.dialing, _), (.waiting, _), (.disconnected, _):
                #expect(effects == [], "\(packet)")
                #expect(harness.engine.isActive == wasActive)
            case (.handshaking, .connAck):
                #expect(harness.engine.isConnected)
            case (.connected, .pubAck), (.connected, .pubComp), (.connected, .pingResponse):
                // Late answers do no harm.
                #expect(effects == [], "\(packet)")
                #expect(harness.engine.isConnected)
            case (.connected, .pubRec), (.connected, .pubRel):
                // Nobody knows the identifier; without an answer the server would ask for ever.
                #expect(effects.count == 1 && effects == effects.sent, "\(packet)")
                #expect(harness.engine.isConnected)
            case (.connected, .disconnect) where version == .v5:
                #expect(effects.first == .close)
                #expect(effects.disconnected?.kind == .disconnectedByServer)
            case (.handshaking, _), (.connected, _):
                let expected = self.violation(version)
                #expect(effects.prefix(expected.count) == expected[...], "\(packet)")
                #expect(effects.disconnected?.kind == .protocolViolation)
                #expect(!harness.engine.isConnected)
            }
        }
    }

    @Test(
        .receives("5:MQTT-3.2.0-1", "3.1.1:MQTT-4.8.0-1"),
        arguments: ProtocolVersion.allCases,
        State.allCases
    )
    func `a PUBLISH in the wrong state closes the connection or does nothing`(version: ProtocolVersion, state: State) {
        for qos in QoS.allCases {
            var harness = state.harness(version)
            let (arrival, effects) = harness.receivePublish(.message("a", qos, qos == .atMostOnce ? nil : 1))
            #expect(arrival == .nothing)
            switch state {
            case .idle, .dialing, .waiting, .disconnected: #expect(effects == [])
            case .handshaking: #expect(Array(effects.prefix(self.violation(version).count)) == self.violation(version))
            case .connected: #expect(harness.engine.isConnected)
            }
        }
    }

    // MARK: - Repeated ids and unfinished exchanges pile up

    @Test(.receives("5:MQTT-4.3.3-10"), arguments: [ProtocolVersion.v311, .v5])
    func `repetitions of one QoS 2 message pile nothing up, answered or not`(version: ProtocolVersion) {
        for isAnswered in [false, true] {
            var harness = EngineHarness.connected(version)
            harness.subscribe(.to(["t"]), nil)
            harness.receive(subAck(1, .grantedQoS2))
            let token = harness.arrive("t", .exactlyOnce, id: 5)
            if isAnswered { harness.acknowledge(token) }
            for number in 0..<20_000 {
                if number.isMultiple(of: 1_000) { harness.reconnect() }
                let (arrival, effects) = harness.receivePublish(.message("t", .exactlyOnce, 5, true))
                guard arrival == .nothing, effects == (isAnswered ? [.send(pubRec(5))] : []),
                    harness.engine.session.inbound.unacknowledgedCount <= 1
                else {
                    Issue.record("repetition \(number): \(arrival), \(effects)")
                    return
                }
            }
        }
    }

    @Test(.receives("5:MQTT-3.3.4-9"))
    func `exchanges a server does not finish are bounded by what we allowed`() {
        var harness = EngineHarness.connected { $0.receiveMaximum = 10 }
        for number in 1...10 as ClosedRange<UInt16> {
            #expect(harness.receivePublish(.message("x", .exactlyOnce, number)).effects.sent == [.send(pubRec(number))])
        }
        #expect(harness.engine.isConnected)
        #expect(
            harness.receivePublish(.message("x", .exactlyOnce, 11)).effects.prefix(2) == [
                .send(.disconnect(Disconnect(reason: .receiveMaximumExceeded))), .close,
            ]
        )
    }
}
