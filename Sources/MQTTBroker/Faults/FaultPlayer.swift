// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTWire

/// Plays a ``FaultScript``: packets go in, what becomes of them comes out; it knows no sockets and no clocks.
struct FaultPlayer {
    private struct Client {
        var id: String?
        /// The answers that are not to be given.
        var unanswered: Set<ExpectedAnswer> = []
        /// Chance, by rule.
        var random: [Int: FaultRandom] = [:]
        /// Whether a rule that cuts at a byte applies, once that is known.
        var cuts: [Int: Bool] = [:]
    }

    private(set) var script: FaultScript
    /// How many packets fitted each rule.
    private var counts: [Int]
    private var clients: [ConnectionID: Client] = [:]

    init(_ script: FaultScript = .none) {
        self.script = script
        self.counts = Array(repeating: 0, count: script.rules.count)
    }

    /// Whether something may go wrong; otherwise packets need not be asked about, but for CONNECT and CONNACK.
    var isActive: Bool { !self.script.rules.isEmpty }

    /// Begins another script; the clients' names stay known.
    mutating func play(_ script: FaultScript) {
        var next = FaultPlayer(script)
        next.clients = self.clients.mapValues { Client(id: $0.id) }
        self = next
    }

    mutating func closed(_ connection: ConnectionID) { self.clients[connection] = nil }

    // MARK: - Packets

    /// What becomes of a packet from a client.
    mutating func received(_ packet: Packet, on connection: ConnectionID, version: ProtocolVersion) -> [FaultStep] {
        if case .connect(let connect) = packet, !connect.clientID.isEmpty {
            self.clients[connection, default: Client()].id = connect.clientID
        }
        guard let action = self.action(for: packet, .toBroker, connection) else { return [.pass(packet)] }
        switch action {
        case .drop: return []
        case .delay(let time): return [.wait(time), .pass(packet)]
        case .duplicate: return [.pass(packet), .pass(packet)]
        case .cutBefore: return [.cut]
        case .cutAfter: return [.passAndCut(packet)]
        case .refuse(let reason): return packet.refusal(reason, version: version)
        case .neverAnswer:
            if let answer = ExpectedAnswer(to: packet) {
                self.clients[connection, default: Client()].unanswered.insert(answer)
            }
            return [.pass(packet)]
        case .malformed(let bytes): return [.bytes(bytes), .pass(packet)]
        case .stopReading: return [.stopReading]
        case .cut: return [.pass(packet)]
        }
    }

    /// What becomes of a packet to a client.
    mutating func sending(_ packet: Packet, on connection: ConnectionID) -> [FaultStep] {
        if case .connAck(let connAck) = packet, let id = connAck.properties.assignedClientIdentifier {
            self.clients[connection, default: Client()].id = id
        }
        if let answer = ExpectedAnswer(given: packet), self.clients[connection]?.unanswered.remove(answer) != nil {
            return []
        }
        guard let action = self.action(for: packet, .toClient, connection) else { return [.pass(packet)] }
        switch action {
        case .drop, .refuse, .neverAnswer: return []
        case .delay(let time): return [.wait(time), .pass(packet)]
        case .duplicate: return [.pass(packet), .pass(packet)]
        case .cutBefore: return [.cut]
        case .cutAfter: return [.passAndCut(packet)]
        case .malformed(let bytes): return [.bytes(bytes)]
        case .stopReading: return [.stopReading]
        case .cut: return [.pass(packet)]
        }
    }

    private mutating func action(
        for packet: Packet,
        _ direction: FaultRule.Direction,
        _ connection: ConnectionID
    ) -> FaultAction.Kind? {
        guard self.isActive else { return nil }
        let kind = FaultRule.PacketKind(packet)
        var decision: FaultAction.Kind?
        for (index, rule) in self.script.rules.enumerated() where rule.kind == nil || rule.kind == kind {
            guard !rule.action.isCutAtByte, self.fits(rule, direction, connection) else { continue }
            let happens = self.happens(index, rule, connection)
            if happens, decision == nil { decision = rule.action.kind }
        }
        return decision
    }

    private func fits(_ rule: FaultRule, _ direction: FaultRule.Direction, _ connection: ConnectionID) -> Bool {
        guard rule.direction == direction else { return false }
        if let number = rule.connection, UInt64(clamping: number) != connection.rawValue { return false }
        guard let clientID = rule.clientID else { return true }
        return self.clients[connection]?.id == clientID
    }

    /// Counts, and lets chance decide.
    private mutating func happens(_ index: Int, _ rule: FaultRule, _ connection: ConnectionID) -> Bool {
        self.counts[index] += 1
        guard rule.occurrences.contains(self.counts[index]) else { return false }
        guard rule.probability < 1 else { return true }
        let beginning = FaultRandom(seed: self.script.seed, rule: index, connection: connection.rawValue)
        return self.clients[connection, default: Client()].random[index, default: beginning].happens(rule.probability)
    }

    // MARK: - Bytes

    /// Behind how many bytes of a direction a connection is to be cut, as far as that is known now.
    mutating func cutPosition(_ direction: FaultRule.Direction, on connection: ConnectionID) -> Int? {
        guard self.isActive else { return nil }
        var position: Int?
        for (index, rule) in self.script.rules.enumerated() {
            guard case .cut(let count) = rule.action.kind, self.fits(rule, direction, connection) else { continue }
            let known = self.clients[connection]?.cuts[index]
            let happens = known ?? self.happens(index, rule, connection)
            if known == nil { self.clients[connection, default: Client()].cuts[index] = happens }
            if happens { position = min(position ?? count, count) }
        }
        return position
    }
}

extension FaultAction {
    /// Whether it is about bytes, not packets.
    fileprivate var isCutAtByte: Bool { if case .cut = self.kind { true } else { false } }
}
