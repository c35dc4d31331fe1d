// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire

/// An engine with a clock that tests turn, driven by real events.
///
/// Every event gives the effects it had.
struct EngineHarness {
    var engine: Engine
    private var wire: Wire
    var now = Instant(nanoseconds: 1_000_000_000_000)

    init(
        _ version: ProtocolVersion = .v5,
        seed: UInt64 = 1,
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) {
        var configuration = EngineConfiguration(version: version, clientID: "client")
        configure(&configuration)
        self.engine = Engine(configuration: configuration, seed: seed)
        self.wire = Wire(version)
    }

    /// A connection stands; by default the session is kept and resumed.
    static func connected(
        _ version: ProtocolVersion = .v5,
        connAck: ConnAck = ConnAck(),
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) -> EngineHarness {
        var harness = EngineHarness(version) { configuration in
            configuration.cleanStart = .never
            configuration.sessionExpiry = .max
            configure(&configuration)
        }
        harness.connect(connAck)
        return harness
    }

    /// The user asks for a connection, and it comes to stand.
    @discardableResult
    mutating func connect(_ connAck: ConnAck = ConnAck(), operation: UInt64 = 0) -> [Effect] {
        var effects = self.startConnecting(operation: operation)
        effects += self.linkUp()
        return effects + self.receive(.connAck(connAck))
    }

    @discardableResult
    mutating func startConnecting(operation: UInt64 = 0) -> [Effect] {
        self.run { $0.connect(OperationID(operation), now: $1, into: &$2) }
    }

    @discardableResult
    mutating func linkUp(credentials: ConnectCredentials? = nil) -> [Effect] {
        self.run { $0.linkUp(credentials: credentials, now: $1, into: &$2) }
    }

    @discardableResult
    mutating func linkFailed(_ failure: EngineFailure = .transport) -> [Effect] {
        self.run { $0.linkFailed(failure, now: $1, into: &$2) }
    }

    @discardableResult
    mutating func linkLost() -> [Effect] {
        self.run { $0.linkLost(.lost, now: $1, into: &$2) }
    }

    /// The link ends and the next one comes to stand; gives the effects of CONNACK.
    @discardableResult
    mutating func reconnect(_ connAck: ConnAck = ConnAck(sessionPresent: true)) -> [Effect] {
        self.linkLost()
        return self.redial(connAck)
    }

    /// The next connection comes to stand; gives the effects of CONNACK.
    @discardableResult
    mutating func redial(_ connAck: ConnAck = ConnAck(sessionPresent: true)) -> [Effect] {
        if let due = self.engine.nextDeadline { self.now = due }
        self.deadlineReached()
        self.linkUp()
        return self.receive(.connAck(connAck))
    }

    @discardableResult
    mutating func receive(_ packet: Packet) -> [Effect] {
        self.run { engine, now, effects in
            engine.bytesReceived(now: now)
            engine.received(packet, now: now, into: &effects)
        }
    }

    mutating func receivePublish(_ publish: Publish) -> (arrival: Arrival, effects: [Effect]) {
        let burst = self.wire.burst(of: publish)
        var arrival = Arrival.nothing
        let effects = self.run { engine, now, effects in
            arrival = engine.receivedPublish(burst.entries[0], of: burst, now: now, into: &effects)
        }
        return (arrival, effects)
    }

    /// A message comes; gives the token it is acknowledged with.
    mutating func arrive(_ topic: String, _ qos: QoS, id: UInt16, duplicate: Bool = false) -> DeliveryToken? {
        guard case .deliver(_, let token) = self.receivePublish(.message(topic, qos, id, duplicate)).arrival else {
            return nil
        }
        return token
    }

    /// The user publishes; what the caller writes at once is given as the effect it amounts to.
    @discardableResult
    mutating func publish(
        _ frame: PublishFrame,
        _ operation: UInt64,
        offline: EngineConfiguration.OfflineChoice? = nil
    ) -> [Effect] {
        self.run { engine, now, effects in
            let operation = OperationID(operation)
            var decision = engine.publish(frame, operation: operation, offline: offline, now: { now }, into: &effects)
            if decision == .mustWait {
                decision = engine.queue(frame, operation: operation, offline: offline, now: now)
            }
            switch decision {
            case .send(nil): effects.append(.sendUnacknowledged(frame))
            case .send(let packetID?): effects.append(.sendPublish(frame, packetID: packetID, duplicate: false))
            case .queued, .mustWait: break
            case .refused(let failure): effects.append(.complete(operation, .failed(failure)))
            }
        }
    }

    @discardableResult
    mutating func subscribe(
        _ request: SubscribeRequest,
        _ operation: UInt64?,
        offline: EngineConfiguration.OfflineChoice? = nil
    ) -> [Effect] {
        self.run { engine, now, effects in
            let operation = operation.map { OperationID($0) }
            engine.subscribe(request, operation: operation, offline: offline, now: { now }, into: &effects)
        }
    }

    @discardableResult
    mutating func unsubscribe(_ id: UInt32, _ operation: UInt64?) -> [Effect] {
        self.run { $0.unsubscribe(SubscriptionID(id), operation: operation.map { OperationID($0) }, into: &$2) }
    }

    @discardableResult
    mutating func acknowledge(_ token: DeliveryToken?, reason: ReasonCode = .success) -> [Effect] {
        guard let token else { return [] }
        return self.run { $0.acknowledge(token, reason: reason, into: &$2) }
    }

    @discardableResult
    mutating func ping(_ operation: UInt64) -> [Effect] {
        self.run { $0.ping(OperationID(operation), now: $1, into: &$2) }
    }

    @discardableResult
    mutating func disconnect(_ operation: UInt64 = 0, packet: Disconnect = Disconnect()) -> [Effect] {
        self.run { $0.disconnect(OperationID(operation), packet: packet, now: $1, into: &$2) }
    }

    @discardableResult
    mutating func malformed(_ reason: ReasonCode = .malformedPacket) -> [Effect] {
        self.run { $0.malformed(DecodingError(reason, "broken"), now: $1, into: &$2) }
    }

    @discardableResult
    mutating func persisted(_ ticket: UInt64) -> [Effect] {
        self.run { $0.persisted(Ticket(ticket), now: $1, into: &$2) }
    }

    @discardableResult
    mutating func persistFailed(_ ticket: UInt64) -> [Effect] {
        self.run { $0.persistFailed(Ticket(ticket), message: "disk full", now: $1, into: &$2) }
    }

    /// Time passes, and whatever is due happens.
    @discardableResult
    mutating func pass(_ duration: Duration) -> [Effect] {
        self.now = self.now.advanced(by: duration)
        return self.deadlineReached()
    }

    @discardableResult
    mutating func deadlineReached() -> [Effect] {
        self.run { $0.deadlineReached(now: $1, into: &$2) }
    }

    private mutating func run(_ body: (inout Engine, Instant, inout [Effect]) -> Void) -> [Effect] {
        var effects: [Effect] = []
        body(&self.engine, self.now, &effects)
        return effects.map(\.asSent)
    }
}

/// The bytes between a server and the engine: what is received goes through the decoder.
private final class Wire {
    private let encoder: PacketEncoder
    private var decoder: PacketDecoder

    init(_ version: ProtocolVersion) {
        self.encoder = PacketEncoder(version: version)
        self.decoder = PacketDecoder(version: version, role: .client)
    }

    func burst(of publish: Publish) -> PacketBurst {
        var bursts: [PacketBurst] = []
        do {
            try self.decoder.decode(try self.encoder.encode(.publish(publish)), into: &bursts)
        } catch {
            preconditionFailure("The test's own message cannot be sent: \(error)")
        }
        return bursts[0]
    }
}

extension Effect {
    /// An answer as the packet it is sent as.
    fileprivate var asSent: Effect { if case .answer(let answer) = self { .send(answer.packet) } else { self } }
}

// MARK: - Values

extension EngineFailure {
    static let lost = EngineFailure(.connectionLost, "the peer closed the connection")
    static let transport = EngineFailure(.transportFailed, "connection refused")
}

extension Publish {
    static func message(
        _ topic: String,
        _ qos: QoS,
        _ id: UInt16? = nil,
        _ duplicate: Bool = false,
        properties: Properties = []
    ) -> Publish {
        Publish(
            topic: topic,
            qos: qos,
            duplicate: duplicate,
            packetID: id.flatMap(PacketID.init),
            properties: properties
        )
    }
}

extension SubscribeRequest {
    static func to(
        _ filters: [String],
        id: UInt32 = 1,
        qos: QoS = .exactlyOnce,
        identifier: UInt32? = nil,
        acknowledgesLater: Bool = true
    ) -> SubscribeRequest {
        let filters = filters.compactMap { try? TopicFilter($0) }
            .map { Filter($0, options: SubscriptionOptions(qos: qos)) }
        return SubscribeRequest(
            id: SubscriptionID(id),
            filters: filters,
            identifier: identifier,
            acknowledgesLater: acknowledgesLater
        )
    }
}

/// A message to publish.
///
/// The topic tells messages apart.
func message(_ topic: String, _ qos: QoS, retain: Bool = false, version: ProtocolVersion = .v5) -> PublishFrame {
    do {
        return try PublishFrame(OutgoingMessage(topic: topic, qos: qos, retain: retain), version: version)
    } catch {
        preconditionFailure("The test's own message cannot be sent: \(error)")
    }
}

func id(_ number: UInt16) -> PacketID { PacketID.first.advanced(by: Int(number) - 1) }

func pubAck(_ number: UInt16, _ reason: ReasonCode = .success) -> Packet {
    .pubAck(Acknowledgement(packetID: id(number), reason: reason))
}

func pubRec(_ number: UInt16, _ reason: ReasonCode = .success) -> Packet {
    .pubRec(Acknowledgement(packetID: id(number), reason: reason))
}

func pubRel(_ number: UInt16, _ reason: ReasonCode = .success) -> Packet {
    .pubRel(Acknowledgement(packetID: id(number), reason: reason))
}

func pubComp(_ number: UInt16, _ reason: ReasonCode = .success) -> Packet {
    .pubComp(Acknowledgement(packetID: id(number), reason: reason))
}

func subAck(_ number: UInt16, _ reasons: ReasonCode...) -> Packet {
    .subAck(SubAck(packetID: id(number), reasons: reasons))
}

func unsubAck(_ number: UInt16, _ reasons: ReasonCode...) -> Packet {
    .unsubAck(UnsubAck(packetID: id(number), reasons: reasons))
}

func sendPublish(_ frame: PublishFrame, _ number: UInt16, duplicate: Bool = false) -> Effect {
    .sendPublish(frame, packetID: id(number), duplicate: duplicate)
}

func published(_ operation: UInt64, _ reason: ReasonCode = .success) -> Effect {
    .complete(OperationID(operation), .published(reason, []))
}

func sendSubscribe(_ number: UInt16, _ filters: [String], qos: QoS = .exactlyOnce, identifier: UInt32? = nil) -> Effect
{
    let entries = filters.map { Subscribe.Entry(filter: $0, options: SubscriptionOptions(qos: qos)) }
    let properties: Properties = identifier.map { [.subscriptionIdentifier($0)] } ?? []
    return .send(.subscribe(Subscribe(packetID: id(number), entries: entries, properties: properties)))
}

func sendUnsubscribe(_ number: UInt16, _ filters: [String]) -> Effect {
    .send(.unsubscribe(Unsubscribe(packetID: id(number), filters: filters)))
}

extension [Effect] {
    /// What goes to the server, in order.
    var sent: [Effect] {
        self.filter { effect in
            switch effect {
            case .send, .sendPublish, .sendUnacknowledged: true
            default: false
            }
        }
    }

    /// How calls ended.
    var completions: [Effect] {
        self.filter { if case .complete = $0 { true } else { false } }
    }

    /// How the call of an operation ended without success.
    func failure(of operation: UInt64) -> EngineFailure? {
        for case .complete(OperationID(operation), .failed(let failure)) in self { return failure }
        return nil
    }

    /// Why the connection ended.
    var disconnected: EngineFailure? {
        for case .report(.disconnected(let failure)) in self { return failure }
        return nil
    }

    /// The wait before the next attempt.
    var retryWait: Duration? {
        for case .report(.reconnecting(_, let wait)) in self { return wait }
        return nil
    }

    /// The changes for the store.
    var changes: [StoreChange] {
        self.compactMap { if case .persist(let change, _) = $0 { change } else { nil } }
    }
}
