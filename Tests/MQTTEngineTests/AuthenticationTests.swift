// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// The exchange that belongs to CONNECT.
@Suite struct AuthenticationTests {
    @Test(.sends("5:MQTT-4.12.0-3", "5:MQTT-4.12.0-5"))
    func `an exchange of several rounds carries one method, and ends when the proof of CONNACK is found good`() {
        var harness = EngineHarness { $0.authenticationMethod = "M" }
        harness.startConnecting(operation: 7)
        let connect = Connect(clientID: "client", properties: [.authenticationMethod("M"), says("one")])
        #expect(harness.linkUp(saying: [says("one"), .reasonString("not in CONNECT")]) == [.send(.connect(connect))])
        for round in 1...3 as ClosedRange<UInt64> {
            let challenge: Properties = [.authenticationMethod("M"), says("challenge \(round)")]
            #expect(harness.receive(auth(challenge)) == [.authenticate(.answer(challenge), StepNumber(round))])
            let reply = harness.answer(round, [says("answer \(round)")])
            #expect(reply == [.send(auth([.authenticationMethod("M"), says("answer \(round)")]))])
        }
        let proof: Properties = [.authenticationMethod("M"), says("proof")]
        #expect(harness.receive(.connAck(ConnAck(properties: proof))) == [.authenticate(.finish(proof), StepNumber(4))])
        #expect(!harness.engine.isConnected)
        #expect(harness.engine.holdsPackets)
        let effects = harness.finish(4)
        #expect(effects.completions.count == 1)
        #expect(harness.engine.isConnected)
        #expect(!harness.engine.holdsPackets)
        #expect(!harness.engine.isAuthenticating)
    }

    @Test(.sends("U5-3.1.2.11.10-1"))
    func `without a method no data goes into CONNECT`() {
        var harness = EngineHarness()
        harness.startConnecting()
        #expect(harness.linkUp(saying: [says("data")]) == [.send(.connect(Connect(clientID: "client")))])
    }

    @Test(.sends("5:MQTT-3.1.2-30"))
    func `before the exchange has ended nothing but AUTH and DISCONNECT is sent`() {
        var harness = EngineHarness.authenticating { configuration in
            configuration.offlineAtMostOnce = .queue
            configuration.retriesFirstAttempt = true
        }
        func doEverything() -> [Effect] {
            var effects = harness.publish(message("a", .atMostOnce), 10)
            effects += harness.publish(message("a", .atLeastOnce), 11)
            effects += harness.subscribe(.to(["a"]), 12)
            effects += harness.unsubscribe(1, 13)
            effects += harness.ping(14)
            effects += harness.pass(.seconds(1))
            return effects
        }
        #expect(doEverything().sent == [])
        harness.receive(auth(ours))
        #expect(doEverything().sent == [])
        #expect(harness.answer(1).sent == [.send(auth(ours))])
        harness.receive(.connAck(ConnAck(properties: ours)))
        #expect(doEverything().sent == [])
        #expect(harness.finish(2).sent != [])
    }

    /// What a server may not say, where it stands in the exchange, and whether our answer was out.
    private static let offences: [(name: String, packet: Packet, isOurTurn: Bool)] = [
        ("another method", auth([.authenticationMethod("N")]), false),
        ("no method", auth([]), false),
        ("nothing at all", .auth(Auth()), false),
        ("success before CONNACK", auth(ours, .success), false),
        ("a wish to authenticate again", auth(ours, .reauthenticate), false),
        ("another reason code", auth(ours, .notAuthorized), false),
        ("a CONNACK with another method", .connAck(ConnAck(properties: [.authenticationMethod("N")])), false),
        ("a CONNACK without a method", .connAck(ConnAck()), false),
        ("a second AUTH before our answer", auth(ours), true),
        ("a CONNACK before our answer", .connAck(ConnAck(properties: ours)), true),
        ("a packet that is neither", .pingResponse, false),
    ]

    @Test(
        .receives(
            "5:MQTT-4.12.0-2",
            "5:MQTT-4.12.0-5",
            "5:MQTT-3.15.2-1",
            "5:MQTT-3.2.0-1",
            "U5-3.15.2-1?",
            "U5-4.13.1-1"
        ),
        arguments: offences.indices
    )
    func `what breaks the exchange of CONNECT closes the connection`(index: Int) {
        let offence = Self.offences[index]
        var harness = EngineHarness.authenticating()
        if offence.isOurTurn { harness.receive(auth(ours)) }
        let effects = harness.receive(offence.packet)
        #expect(
            effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .protocolError))), .close],
            "\(offence.name)"
        )
        #expect(effects.failure(of: 0)?.kind == .protocolViolation, "\(offence.name)")
        #expect(harness.answer(1) == [], "\(offence.name)")
        #expect(!harness.engine.isAuthenticating)
    }

    @Test(.receives("5:MQTT-4.12.0-6"))
    func `a client without a method takes no AUTH and no method in CONNACK`() {
        for packet in [auth(ours), .connAck(ConnAck(properties: ours))] {
            var harness = EngineHarness()
            harness.startConnecting()
            harness.linkUp()
            let effects = harness.receive(packet)
            #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .protocolError))), .close])
        }
        var harness = EngineHarness.connected()
        let effects = harness.receive(auth(ours))
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .protocolError))), .close])
        #expect(effects.disconnected?.kind == .protocolViolation)
    }

    @Test func `a server may ask 32 times and not more, and is not tried again`() {
        var harness = EngineHarness.authenticating { $0.retriesFirstAttempt = true }
        for round in 1...32 as ClosedRange<UInt64> {
            harness.receive(auth(ours))
            #expect(harness.answer(round) == [.send(auth(ours))])
        }
        let effects = harness.receive(auth(ours))
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .unspecifiedError))), .close])
        #expect(effects.failure(of: 0)?.kind == .authenticationFailed)
        #expect(effects.retryWait == nil)
        #expect(!harness.engine.isActive)
    }

    @Test func `the handshake timeout covers all rounds and the look at the proof`() {
        for rounds in 0...2 as ClosedRange<UInt64> {
            var harness = EngineHarness.authenticating { $0.handshakeTimeout = .seconds(10) }
            for round in 0..<rounds {
                #expect(harness.pass(.seconds(3)) == [])
                harness.receive(auth(ours))
                harness.answer(round + 1)
            }
            harness.receive(.connAck(ConnAck(properties: ours)))
            #expect(harness.pass(.seconds(10) - .seconds(3) * Int(rounds) - .milliseconds(1)) == [])
            let effects = harness.pass(.milliseconds(1))
            #expect(effects.first == .close)
            #expect(effects.failure(of: 0)?.kind == .timedOut)
            #expect(harness.finish(rounds + 1) == [])
        }
    }

    @Test(.sends("U5-4.12-1"), arguments: [true, false])
    func `an authenticator that throws has the client say why and close, and stays away`(isFinishing: Bool) {
        var harness = EngineHarness.authenticating { $0.retriesFirstAttempt = true }
        harness.receive(isFinishing ? .connAck(ConnAck(properties: ours)) : auth(ours))
        let effects = harness.fail(1)
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .unspecifiedError))), .close])
        #expect(effects.failure(of: 0)?.kind == .authenticationFailed)
        #expect(effects.failure(of: 0)?.cause?.error is Refusal)
        #expect(effects.retryWait == nil)
        #expect(!harness.engine.isConnected)
    }

    @Test func `an answer that no packet can carry fails the exchange`() {
        var harness = EngineHarness.authenticating()
        harness.receive(auth(ours))
        let effects = harness.answer(1, [.reasonString("\u{0}")])
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .unspecifiedError))), .close])
        #expect(effects.failure(of: 0)?.kind == .authenticationFailed)
    }

    @Test(.receives("5:MQTT-4.12.0-4", "5:MQTT-4.12.0-1"), arguments: [false, true])
    func `a server may refuse at any point, and the refusal tells no data`(isOurTurn: Bool) throws {
        var harness = EngineHarness.authenticating()
        if isOurTurn { harness.receive(auth(ours)) }
        let data = try PacketEncoder(version: .v5).encode(.pingRequest)
        let refusal = ConnAck(reason: .badAuthenticationMethod, properties: [.authenticationData(data), says("why")])
        let effects = harness.receive(.connAck(refusal))
        #expect(effects.first == .close)
        #expect(effects.failure(of: 0)?.kind == .connectRefused)
        #expect(effects.failure(of: 0)?.reason == .badAuthenticationMethod)
        #expect(effects.failure(of: 0)?.properties == [says("why")])
        #expect(harness.answer(1) == [])
    }

    @Test func `what a connection begins with tells no data, and the step has it`() throws {
        var harness = EngineHarness.authenticating()
        let data = try PacketEncoder(version: .v5).encode(.pingRequest)
        let properties: Properties = ours + [.authenticationData(data)]
        let effects = harness.receive(.connAck(ConnAck(properties: properties)))
        #expect(effects == [.authenticate(.finish(properties), StepNumber(1))])
        harness.finish(1)
        #expect(harness.engine.connection?.connected.properties == ours)
    }

    @Test func `the result of a step comes too late when its connection is gone`() {
        var harness = EngineHarness.authenticating { $0.retriesFirstAttempt = true }
        harness.receive(auth(ours))
        harness.linkLost()
        #expect(harness.answer(1) == [])
        #expect(harness.fail(1) == [])
        if let due = harness.engine.nextDeadline { harness.now = due }
        harness.deadlineReached()
        harness.linkUp(saying: [])
        harness.receive(auth(ours))
        #expect(harness.answer(1) == [])
        #expect(harness.finish(2) == [])
        #expect(harness.answer(2) == [.send(auth(ours))])
    }

    @Test(.sends("U5-4.12-1")) func `the user may end it at any point, with DISCONNECT when the server has accepted`() {
        var harness = EngineHarness.authenticating()
        harness.receive(auth(ours))
        #expect(harness.disconnect(9).first == .close)
        #expect(harness.answer(1) == [])

        harness = EngineHarness.authenticating()
        harness.receive(.connAck(ConnAck(properties: ours)))
        #expect(harness.disconnect(9).prefix(2) == [.send(.disconnect(Disconnect())), .close])
        #expect(harness.finish(1) == [])
        #expect(!harness.engine.isActive)
    }
}

/// Authenticating again.
@Suite struct ReauthenticationTests {
    @Test(.sends("5:MQTT-4.12.1-1", "5:MQTT-4.12.0-3", "5:MQTT-3.15.2-1"))
    func `it begins with AUTH 0x19, goes on with 0x18, and ends when the proof is found good`() {
        var harness = EngineHarness.authenticated()
        #expect(!harness.engine.isAwaitingReply)
        #expect(harness.reauthenticate(1) == [.authenticate(.begin, StepNumber(2))])
        #expect(harness.engine.isAwaitingReply)
        #expect(harness.answer(2, [says("a")]) == [.send(auth(ours + [says("a")], .reauthenticate))])
        #expect(harness.receive(auth(ours)) == [.authenticate(.answer(ours), StepNumber(3))])
        #expect(harness.answer(3, [says("b")]) == [.send(auth(ours + [says("b")]))])
        #expect(harness.receive(auth(ours, .success)) == [.authenticate(.finish(ours), StepNumber(4))])
        #expect(harness.engine.isAwaitingReply)
        #expect(!harness.engine.holdsPackets)
        #expect(harness.finish(4) == [.complete(OperationID(1), .authenticated)])
        #expect(!harness.engine.isAwaitingReply)
        #expect(harness.reauthenticate(2) == [.authenticate(.begin, StepNumber(5))])
    }

    @Test(.sends("5:MQTT-4.12.0-7"))
    func `a client that gave no method sends no AUTH`() {
        var harness = EngineHarness.connected()
        let effects = harness.reauthenticate(1)
        #expect(effects.count == 1)
        #expect(effects.failure(of: 1)?.kind == .authenticationFailed)
    }

    @Test(.sends("5:MQTT-4.12.1-1"))
    func `it needs a connection, and not one that is still being made`() {
        var harness = EngineHarness { $0.authenticationMethod = "M" }
        #expect(harness.reauthenticate(1).failure(of: 1)?.kind == .notConnected)
        harness = EngineHarness.authenticating()
        #expect(harness.reauthenticate(1).failure(of: 1)?.kind == .notConnected)
        #expect(harness.reauthenticate(1).sent == [])
    }

    @Test(.sends("5:MQTT-4.12.1-1")) func `a second call joins the first`() {
        var harness = EngineHarness.authenticated()
        harness.reauthenticate(1)
        #expect(harness.reauthenticate(2) == [])
        harness.answer(2)
        #expect(harness.reauthenticate(3) == [])
        harness.receive(auth(ours, .success))
        let ends = (1...3).map { Effect.complete(OperationID($0), .authenticated) }
        #expect(harness.finish(3) == ends)
    }

    @Test func `everything else goes on meanwhile`() {
        var harness = EngineHarness.authenticated()
        harness.reauthenticate(1)
        harness.answer(2)
        let frame = message("a", .atLeastOnce)
        #expect(harness.publish(frame, 5) == [sendPublish(frame, 1)])
        #expect(harness.receive(pubAck(1)) == [published(5)])
        #expect(harness.ping(6) == [.send(.pingRequest)])
    }

    private static let offences: [(name: String, packet: Packet, isOurTurn: Bool)] = [
        ("another method", auth([.authenticationMethod("N")]), false),
        ("no method", .auth(Auth()), false),
        ("a wish to authenticate again", auth(ours, .reauthenticate), false),
        ("a refusal", auth(ours, .notAuthorized), false),
        ("more before our answer", auth(ours), true),
        ("success before our answer", auth(ours, .success), true),
    ]

    @Test(
        .receives("5:MQTT-4.12.0-5", "5:MQTT-3.15.2-1", "5:MQTT-4.12.1-2", "U5-3.15.2-1?", "U5-4.13.1-1"),
        arguments: offences.indices
    )
    func `what breaks it closes the connection`(index: Int) {
        let offence = Self.offences[index]
        var harness = EngineHarness.authenticated()
        harness.reauthenticate(1)
        if !offence.isOurTurn { harness.answer(2) }
        let effects = harness.receive(offence.packet)
        #expect(
            effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .protocolError))), .close],
            "\(offence.name)"
        )
        #expect(effects.failure(of: 1)?.kind == .protocolViolation)
    }

    @Test(.receives("5:MQTT-4.12.0-2")) func `AUTH without being asked closes the connection`() {
        var harness = EngineHarness.authenticated()
        let effects = harness.receive(auth(ours))
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .protocolError))), .close])
    }

    @Test(.sends("5:MQTT-4.12.1-2"), arguments: [true, false])
    func `when we refuse, the client says why and closes`(isFinishing: Bool) {
        var harness = EngineHarness.authenticated()
        harness.reauthenticate(1)
        harness.answer(2)
        harness.receive(isFinishing ? auth(ours, .success) : auth(ours))
        let effects = harness.fail(3)
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .unspecifiedError))), .close])
        #expect(effects.failure(of: 1)?.kind == .authenticationFailed)
        #expect(effects.failure(of: 1)?.cause?.error is Refusal)
        #expect(!harness.engine.isActive)
    }

    @Test func `when it cannot even begin, the connection stays`() {
        var harness = EngineHarness.authenticated()
        harness.reauthenticate(1)
        let effects = harness.fail(2)
        #expect(effects.count == 1)
        #expect(effects.failure(of: 1)?.kind == .credentialsUnavailable)
        #expect(effects.failure(of: 1)?.cause?.error is Refusal)
        #expect(harness.engine.isConnected)
        #expect(!harness.engine.isAwaitingReply)
    }

    @Test(.receives("5:MQTT-4.12.1-2")) func `when the server refuses, the call has its reason`() {
        var harness = EngineHarness.authenticated()
        harness.reauthenticate(1)
        harness.answer(2)
        let effects = harness.receive(.disconnect(Disconnect(reason: .notAuthorized)))
        #expect(effects.first == .close)
        #expect(effects.failure(of: 1)?.kind == .disconnectedByServer)
        #expect(effects.failure(of: 1)?.reason == .notAuthorized)
    }

    @Test func `a lost connection and a disconnect end the call`() {
        var harness = EngineHarness.authenticated()
        harness.reauthenticate(1)
        #expect(harness.linkLost().failure(of: 1)?.kind == .connectionLost)
        #expect(harness.answer(2) == [])

        harness = EngineHarness.authenticated()
        harness.reauthenticate(1)
        #expect(harness.disconnect(2).failure(of: 1)?.kind == .closed)
    }

    @Test func `a server that never ends it loses the connection, which is made again`() {
        var harness = EngineHarness.authenticated {
            $0.handshakeTimeout = .seconds(5)
            $0.keepAlive = 0
        }
        harness.reauthenticate(1)
        #expect(harness.engine.nextDeadline == nil)
        harness.answer(2)
        harness.pass(.seconds(3))
        harness.receive(auth(ours))
        harness.answer(3)
        #expect(harness.pass(.milliseconds(1_999)) == [])
        let effects = harness.pass(.milliseconds(1))
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .unspecifiedError))), .close])
        #expect(effects.failure(of: 1)?.kind == .timedOut)
        #expect(effects.retryWait != nil)
    }

    @Test(.sends("5:MQTT-3.15.2-2", "5:MQTT-3.15.2-3"))
    func `what is not needed is left out of an AUTH that the server would find too large`() throws {
        let whole = ours + [.reasonString("because"), says("more")]
        let encoder = PacketEncoder(version: .v5)
        let withReason = ours + [.reasonString("because")]
        for sent in [whole, withReason, ours] {
            let size = try encoder.encodedSize(of: auth(sent, .reauthenticate))
            var harness = EngineHarness.authenticated(announcing: [.maximumPacketSize(UInt32(size))])
            harness.reauthenticate(1)
            let effects = harness.answer(2, [.reasonString("because"), says("more")])
            #expect(effects == [.send(auth(sent, .reauthenticate))])
        }
        let size = try encoder.encodedSize(of: auth(ours, .reauthenticate))
        var harness = EngineHarness.authenticated(announcing: [.maximumPacketSize(UInt32(size - 1))])
        harness.reauthenticate(1)
        // Nothing can be sent: the connection is as good as it was.
        #expect(harness.answer(2).failure(of: 1)?.kind == .credentialsUnavailable)
        #expect(harness.engine.isConnected)
    }
}

// MARK: - Values

private struct Refusal: Error {}

private let ours: Properties = [.authenticationMethod("M")]

private func auth(_ properties: Properties, _ reason: ReasonCode = .continueAuthentication) -> Packet {
    .auth(Auth(reason: reason, properties: properties))
}

private func says(_ words: String) -> Property { .userProperty(name: "says", value: words) }

extension Properties {
    fileprivate static func + (left: Properties, right: [Property]) -> Properties {
        Properties(Array(left) + right)
    }
}

extension EngineHarness {
    /// A client with the method M has sent CONNECT for the call 0.
    fileprivate static func authenticating(
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) -> EngineHarness {
        var harness = EngineHarness { configuration in
            configuration.authenticationMethod = "M"
            configure(&configuration)
        }
        harness.startConnecting()
        harness.linkUp(saying: [])
        return harness
    }

    /// A client with the method M is connected, one step was done.
    fileprivate static func authenticated(
        announcing limits: [Property] = [],
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) -> EngineHarness {
        var harness = EngineHarness.authenticating(configure: configure)
        harness.receive(.connAck(ConnAck(properties: ours + limits)))
        harness.finish(1)
        return harness
    }

    @discardableResult
    fileprivate mutating func linkUp(saying content: Properties) -> [Effect] {
        var effects: [Effect] = []
        self.engine.linkUp(credentials: nil, authentication: content, now: self.now, into: &effects)
        return effects
    }

    @discardableResult
    fileprivate mutating func answer(_ step: UInt64, _ content: Properties = []) -> [Effect] {
        var effects: [Effect] = []
        self.engine.authenticationAnswered(StepNumber(step), content, now: self.now, into: &effects)
        return effects
    }

    @discardableResult
    fileprivate mutating func finish(_ step: UInt64) -> [Effect] {
        var effects: [Effect] = []
        self.engine.authenticationFinished(StepNumber(step), now: self.now, into: &effects)
        return effects
    }

    @discardableResult
    fileprivate mutating func fail(_ step: UInt64) -> [Effect] {
        var effects: [Effect] = []
        self.engine.authenticationFailed(StepNumber(step), cause: Refusal(), now: self.now, into: &effects)
        return effects
    }

    @discardableResult
    fileprivate mutating func reauthenticate(_ operation: UInt64) -> [Effect] {
        var effects: [Effect] = []
        self.engine.reauthenticate(OperationID(operation), into: &effects)
        return effects
    }
}
