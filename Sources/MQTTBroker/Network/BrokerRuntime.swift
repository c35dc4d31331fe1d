// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MQTTWire
internal import NIOCore

/// The broker that runs: the core, its connections and its clock, all of it on one event loop.
final class BrokerRuntime {
    let configuration: BrokerConfiguration
    let eventLoop: any EventLoop
    let gate: LoopGate
    let events: Fan<BrokerEvent>
    private let faults: FaultBox
    private var faultsNumber = 0
    var core: BrokerCore
    var player: FaultPlayer
    /// Those the core knows.
    var connections: [ConnectionID: BrokerConnection] = [:]
    /// All that were accepted and are not closed, those in the middle of a handshake too.
    var channels: [ObjectIdentifier: any Channel] = [:]
    var isAccepting = true
    private var connectionCount: UInt64 = 0
    /// Those with something to flush.
    private var written: [BrokerConnection] = []
    /// Those that read on.
    private var resumed: [BrokerConnection] = []
    private var isSettling = false
    private var isCarryingOut = false
    private var alarm: (due: NIODeadline, task: Scheduled<Void>)?
    // What the user's code is doing.
    var questions: [QuestionID: Task<Void, Never>] = [:]
    var exchanges: [ConnectionID: any BrokerAuthenticationExchange] = [:]

    init(
        _ configuration: BrokerConfiguration,
        on eventLoop: any EventLoop,
        gate: LoopGate,
        events: Fan<BrokerEvent>,
        faults: FaultBox
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.gate = gate
        self.events = events
        self.faults = faults
        self.player = FaultPlayer(configuration.faults)
        var questions: BrokerCore.Questions = []
        if configuration.authenticate != nil { questions.insert(.authenticate) }
        if configuration.authorize != nil { questions.insert(.authorize) }
        if configuration.authenticator != nil { questions.insert(.exchange) }
        self.core = BrokerCore(limits: configuration.limits, questions: questions, seed: configuration.seed)
    }

    var now: NIODeadline { self.eventLoop.now }

    /// Takes over a script that was set meanwhile.
    func updateFaults() {
        guard let script = self.faults.changed(since: &self.faultsNumber) else { return }
        self.player.play(script)
    }

    // MARK: - Connections

    func makeConnection(_ channel: any Channel, canHalfClose: Bool) -> BrokerConnection {
        self.connectionCount += 1
        let id = ConnectionID(rawValue: self.connectionCount)
        return BrokerConnection(id, channel, canHalfClose: canHalfClose, self)
    }

    func opened(_ connection: BrokerConnection) {
        self.connections[connection.id] = connection
        self.enter { self.feed { $0.opened(connection.id, now: $1) } }
    }

    /// The core is told, and what is sent to it from now on is lost.
    func gone(_ connection: BrokerConnection) {
        guard self.connections.removeValue(forKey: connection.id) != nil else { return }
        self.exchanges[connection.id] = nil
        self.player.closed(connection.id)
        self.enter { self.feed { $0.closed(connection.id, now: $1) } }
    }

    func dirty(_ connection: BrokerConnection) {
        guard !connection.isDirty else { return }
        connection.isDirty = true
        self.written.append(connection)
    }

    // MARK: - The core

    /// Does something with the core, and then everything that follows from it: one write for each connection.
    func enter(_ body: () -> Void) {
        guard !self.isSettling else {
            // Somewhere below this, it is going on already.
            body()
            return
        }
        self.isSettling = true
        self.updateFaults()
        body()
        self.carryOutEffects()
        while let connection = self.resumed.popLast() {
            connection.drain()
            self.carryOutEffects()
        }
        self.flush()
        self.isSettling = false
        self.setAlarm()
    }

    /// One thing for the core; only inside of ``enter(_:)``.
    func feed(_ body: (inout BrokerCore, NIODeadline) -> Void) {
        body(&self.core, self.now)
        self.carryOutEffects()
    }

    /// Carries out all there are, in the core's order; what follows from one of them comes behind those before it.
    private func carryOutEffects() {
        guard !self.isCarryingOut else { return }
        self.isCarryingOut = true
        defer { self.isCarryingOut = false }
        while true {
            let effects = self.core.takeEffects()
            if effects.isEmpty { return }
            for effect in effects { self.carryOut(effect) }
        }
    }

    private func flush() {
        // Flushing may find that a client does not read, which the core hears of and others are told of.
        while !self.written.isEmpty {
            let connections = self.written
            self.written = []
            for connection in connections { connection.flush() }
        }
    }

    private func carryOut(_ effect: BrokerEffect) {
        switch effect {
        case .send(let packet, let id): self.connections[id]?.send(packet)
        case .sendToMany(let publish, let ids): self.send(publish, to: ids)
        case .close(let id): self.connections[id]?.close()
        case .read(let id, let reads): self.read(id, reads)
        case .ask(let id, let question): self.ask(id, question)
        case .note(let event): self.note(event)
        }
    }

    private func read(_ id: ConnectionID, _ reads: Bool) {
        guard let connection = self.connections[id] else { return }
        connection.isAwaiting = !reads
        if reads { self.resumed.append(connection) } else { connection.updateReading() }
    }

    private func send(_ publish: Publish, to ids: [ConnectionID]) {
        // Those before 5.0 are alike.
        var (plain, withProperties): (ByteBuffer?, ByteBuffer?)
        for id in ids {
            guard let connection = self.connections[id] else { continue }
            guard !self.player.isActive, connection.outbound.isEmpty else {
                connection.send(.publish(publish))
                continue
            }
            let bytes: ByteBuffer?
            if connection.version.hasProperties {
                if withProperties == nil { withProperties = self.encoded(publish, .v5) }
                bytes = withProperties
            } else {
                if plain == nil { plain = self.encoded(publish, connection.version) }
                bytes = plain
            }
            if let bytes { connection.send(encoded: bytes) }
        }
    }

    private func encoded(_ publish: Publish, _ version: ProtocolVersion) -> ByteBuffer? {
        var publish = publish
        if !version.hasProperties { publish.properties = Properties() }
        return try? PacketEncoder(version: version).encode(.publish(publish))
    }

    private func note(_ event: BrokerEvent) {
        self.configuration.logger?.info("\(event)")
        self.events.send(event)
    }

    // MARK: - Time

    private func setAlarm() {
        let due = self.isAccepting ? self.core.nextDeadline : nil
        guard due != self.alarm?.due else { return }
        self.alarm?.task.cancel()
        self.alarm = nil
        guard let due else { return }
        let task = self.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.alarm = nil
            self.enter { self.feed { $0.timeReached(now: $1) } }
        }
        self.alarm = (due, task)
    }
}
