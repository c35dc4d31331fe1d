// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTWire
internal import NIOCore

/// One connection: what came and waits for the broker, what is to go; all of it on the event loop.
final class BrokerConnection {
    /// What came, in order.
    enum Inbound {
        case step(FaultStep)
        case malformed(DecodingError)
        /// The client sends no more.
        case end
    }

    enum State {
        case open
        /// What was said is being sent; nothing more is.
        case closing(isAbrupt: Bool)
        /// Our side is closed, or both are.
        case over
    }

    let id: ConnectionID
    let channel: any Channel
    let runtime: BrokerRuntime
    /// Of its CONNECT.
    var version = ProtocolVersion.v5
    var state = State.open
    /// TCP and Unix sockets: the client reads to the end even if it is still sending.
    let canHalfClose: Bool

    // In.
    private var first: FirstPacket?
    private var decoder: PacketDecoder
    private var inbound = Lane<Inbound>()
    private var receivedBytes = 0
    /// A packet waits for an answer of the user's code, and all behind it.
    var isAwaiting = false
    private var hasStoppedReading = false
    private var isReading = true
    private var receivedAliases = FaultAliases()
    /// Beyond it nothing is read until what came is done with.
    private static let longestLane = 256

    // Out.
    var outbound = Lane<FaultStep>()
    var outbox = ByteBuffer()
    var sentAliases = FaultAliases()
    var isDirty = false
    /// What the broker says to a packet that is cut behind is lost.
    var isMuted = false
    var sentBytes = 0
    /// How many bytes the channel has not sent.
    var waitingBytes = 0
    var timer: Scheduled<Void>?
    var wakeUp: (due: NIODeadline, task: Scheduled<Void>)?

    init(_ id: ConnectionID, _ channel: any Channel, canHalfClose: Bool, _ runtime: BrokerRuntime) {
        self.id = id
        self.channel = channel
        self.canHalfClose = canHalfClose
        self.runtime = runtime
        let limit = min(Int(runtime.core.limits.maximumPacketSize), runtime.configuration.firstPacketSize)
        self.first = FirstPacket(limit: limit)
        self.decoder = PacketDecoder(version: .v5, role: .server, maximumPacketSize: limit)
    }

    var isOpen: Bool { if case .open = self.state { true } else { false } }

    /// Where the client is, if it is anywhere.
    var remoteAddress: String? {
        guard let address = self.channel.remoteAddress, let ip = address.ipAddress else { return nil }
        return "\(ip):\(address.port ?? 0)"
    }

    // MARK: - In

    func opened() { self.runtime.opened(self) }

    func received(_ bytes: ByteBuffer) {
        guard self.isOpen, !self.hasStoppedReading else { return }
        var bytes = Self.compact(bytes)
        let before = self.receivedBytes
        self.receivedBytes += bytes.readableBytes
        self.runtime.updateFaults()
        guard let position = self.runtime.player.cutPosition(.toBroker, on: self.id), self.receivedBytes >= position
        else {
            self.decode(bytes)
            // A CONNECT may have said that the script means this client.
            self.cutLate()
            return
        }
        bytes = bytes.getSlice(at: bytes.readerIndex, length: max(position - before, 0)) ?? ByteBuffer()
        self.decode(bytes)
        self.inbound.append(.step(.cut))
    }

    private func cutLate() {
        guard let position = self.runtime.player.cutPosition(.toBroker, on: self.id) else { return }
        if self.receivedBytes >= position { self.inbound.append(.step(.cut)) }
    }

    /// A small message must not pin a large read buffer.
    private static func compact(_ buffer: ByteBuffer) -> ByteBuffer {
        guard buffer.readableBytes < buffer.capacity / 2 else { return buffer }
        var small = ByteBufferAllocator().buffer(capacity: buffer.readableBytes)
        small.writeImmutableBuffer(buffer)
        return small
    }

    private func decode(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        guard self.first != nil else {
            self.decodeAll(bytes)
            return
        }
        guard let (first, rest) = self.first?.received(bytes) else { return }
        self.first = nil
        self.decodeAll(first)
        guard rest.readableBytes > 0 else { return }
        self.decodeAll(rest)
    }

    private func decodeAll(_ bytes: ByteBuffer) {
        var packets: [Packet] = []
        var failure: DecodingError?
        do throws(DecodingError) { try self.decoder.decode(bytes, into: &packets) } catch { failure = error }
        for packet in packets {
            if case .connect = packet, !self.hasConnected { self.connect() }
            self.arrived(packet)
        }
        if let failure { self.inbound.append(.malformed(failure)) }
    }

    private var hasConnected = false

    /// The CONNECT came, on its own: what follows is read by its version, and may be as long as the limits allow.
    private func connect() {
        self.hasConnected = true
        self.version = self.decoder.version
        self.decoder = PacketDecoder(
            version: self.version,
            role: .server,
            maximumPacketSize: Int(self.runtime.core.limits.maximumPacketSize)
        )
    }

    private func arrived(_ packet: Packet) {
        var packet = packet
        let isActive = self.runtime.player.isActive
        if case .publish(var publish) = packet, isActive || !self.receivedAliases.isEmpty {
            self.receivedAliases.receive(&publish, isActive: isActive)
            packet = .publish(publish)
        }
        let isName = if case .connect = packet { true } else { false }
        guard isActive || isName else {
            self.inbound.append(.step(.pass(packet)))
            return
        }
        for step in self.runtime.player.received(packet, on: self.id, version: self.version) {
            if case .wait(let time) = step {
                self.inbound.wait(until: self.runtime.now + TimeAmount(time))
            } else {
                self.inbound.append(.step(step))
            }
        }
    }

    func readCompleted() { self.runtime.enter { self.drain() } }

    /// Gives the broker what came and is due.
    func drain() {
        while self.isOpen, !self.isAwaiting, let next = self.inbound.next(now: self.runtime.now) {
            self.perform(next)
        }
        self.updateReading()
        self.scheduleWakeUp()
    }

    private func perform(_ inbound: Inbound) {
        switch inbound {
        case .malformed(let error): self.runtime.feed { [id] in $0.received(error, from: id, now: $1) }
        case .end: self.gone()
        case .step(.pass(let packet)): self.feed(packet)
        case .step(.passAndCut(let packet)):
            self.flush()
            self.isMuted = true
            self.feed(packet)
            self.finish(isAbrupt: true)
        case .step(let step): self.performOutbound(step)
        }
    }

    private func feed(_ packet: Packet) {
        self.runtime.feed { [id, version] in $0.received(packet, from: id, version: version, now: $1) }
    }

    /// The client is gone, or what it sends cannot be read.
    func ended() {
        self.runtime.enter {
            guard self.isOpen else {
                self.state = .over
                return
            }
            // What it said before it went counts, even if something of it waits for an answer.
            self.inbound.append(.end)
            if self.hasStoppedReading { self.gone() } else { self.drain() }
        }
        if case .over = self.state { self.timer?.cancel() }
    }

    /// Nothing more is to come from or go to this connection.
    func gone() {
        self.state = .over
        self.cancelWakeUp()
        self.channel.close(promise: nil)
        self.runtime.gone(self)
    }

    /// Nothing of what came or comes is taken any more.
    func stopReading() {
        self.hasStoppedReading = true
        self.inbound.removeAll()
        self.updateReading()
    }

    func updateReading() {
        let shallRead: Bool
        if self.isOpen {
            shallRead = !self.isAwaiting && !self.hasStoppedReading && self.inbound.count < Self.longestLane
        } else {
            // To the end: closing with bytes unread resets the connection, and the last packet to the client is lost.
            shallRead = true
        }
        guard shallRead != self.isReading else { return }
        self.isReading = shallRead
        try? self.channel.syncOptions?.setOption(.autoRead, value: shallRead)
    }

    func cancelWakeUp() {
        self.wakeUp?.task.cancel()
        self.wakeUp = nil
    }

    /// Goes on when something that was late is due.
    func scheduleWakeUp() {
        guard !self.inbound.isEmpty || !self.outbound.isEmpty || self.wakeUp != nil else { return }
        let inbound = self.isAwaiting ? nil : self.inbound.nextDue
        let due = [inbound, self.outbound.nextDue].compactMap { $0 }.min()
        guard due != self.wakeUp?.due else { return }
        self.cancelWakeUp()
        guard let due, self.isOpen else { return }
        let task = self.runtime.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.wakeUp = nil
            self.runtime.enter {
                self.drainOutbound()
                self.drain()
            }
        }
        self.wakeUp = (due, task)
    }
}
