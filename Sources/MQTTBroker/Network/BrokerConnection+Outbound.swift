// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MQTTWire
internal import NIOCore

extension BrokerConnection {
    /// Larger packets are handed to the channel as they are.
    private static let copiedSize = 4_096
    private static let outboxSize = 65_536
    /// What a packet costs that waits for its time.
    private static let laneLimit = 100_000

    /// Sends a packet of the broker, if the script lets it.
    func send(_ packet: Packet) {
        guard self.isOpen, !self.isMuted else { return }
        var packet = packet
        let isActive = self.runtime.player.isActive
        if case .publish(var publish) = packet, isActive || !self.sentAliases.isEmpty {
            self.sentAliases.send(&publish, isActive: isActive)
            packet = .publish(publish)
        }
        let isName = if case .connAck = packet { true } else { false }
        let now = self.runtime.now
        guard isActive || isName || !self.outbound.isFree(now: now) else {
            self.encode(packet)
            return
        }
        for step in self.runtime.player.sending(packet, on: self.id) {
            if case .wait(let time) = step {
                self.outbound.wait(until: now + TimeAmount(time))
            } else {
                self.outbound.append(step)
            }
        }
        self.drainOutbound()
        if self.outbound.count > Self.laneLimit { self.finish(isAbrupt: true) }
    }

    /// Sends bytes that are the same for many.
    func send(encoded bytes: ByteBuffer) {
        guard self.isOpen, !self.isMuted else { return }
        self.write(bytes)
    }

    /// Closes the connection behind what was sent.
    func close() {
        guard self.isOpen else { return }
        guard self.outbound.isEmpty else {
            // For the broker it is closed.
            self.stopReading()
            self.outbound.append(.close)
            return
        }
        self.finish(isAbrupt: false)
    }

    func drainOutbound() {
        while self.isOpen, let step = self.outbound.next(now: self.runtime.now) { self.performOutbound(step) }
        self.scheduleWakeUp()
    }

    func performOutbound(_ step: FaultStep) {
        switch step {
        case .pass(let packet), .say(let packet): self.encode(packet)
        case .passAndCut(let packet):
            self.encode(packet)
            self.finish(isAbrupt: true)
        case .bytes(let bytes): self.write(ByteBuffer(bytes: bytes))
        case .cut: self.finish(isAbrupt: true)
        case .close: self.finish(isAbrupt: false)
        case .stopReading: self.stopReading()
        case .wait: break
        }
    }

    private func encode(_ packet: Packet) {
        do throws(EncodingError) {
            if case .publish(let publish) = packet, publish.payload.readableBytes > Self.copiedSize {
                self.write(try PacketEncoder(version: self.version).encode(packet))
            } else {
                try PacketEncoder(version: self.version).encode(packet, into: &self.outbox)
                self.noteOutbox()
            }
        } catch {
            // Not in this version, as a DISCONNECT of the server before 5.0.
            self.runtime.configuration.logger?.debug("not sent: \(error)")
        }
    }

    private func write(_ bytes: ByteBuffer) {
        if bytes.readableBytes <= Self.copiedSize {
            self.outbox.writeImmutableBuffer(bytes)
        } else {
            self.pass(flushing: false)
            self.pass(bytes, flushing: false)
        }
        self.noteOutbox()
    }

    private func noteOutbox() {
        self.runtime.dirty(self)
        if self.outbox.readableBytes > Self.outboxSize { self.pass(flushing: false) }
    }

    // MARK: - To the channel

    /// Hands everything to the channel, for the socket.
    func flush() {
        self.isDirty = false
        self.pass(flushing: true)
        guard self.isOpen, self.waitingBytes > self.runtime.configuration.outboundBytes else { return }
        self.runtime.configuration.logger?.info("a client does not read what it is sent; its connection is closed")
        self.gone()
    }

    private func pass(flushing: Bool) {
        let bytes = self.outbox
        if bytes.readableBytes > 0 { self.outbox = ByteBuffer() }
        self.pass(bytes, flushing: flushing)
    }

    private func pass(_ bytes: ByteBuffer, flushing: Bool) {
        var bytes = bytes
        var cuts = false
        if self.isOpen, let position = self.runtime.player.cutPosition(.toClient, on: self.id),
            bytes.readableBytes > 0, self.sentBytes + bytes.readableBytes >= position
        {
            let count = max(position - self.sentBytes, 0)
            bytes = bytes.getSlice(at: bytes.readerIndex, length: count) ?? ByteBuffer()
            cuts = true
        }
        if bytes.readableBytes > 0 { self.hand(bytes) }
        if flushing || cuts { self.channel.flush() }
        if cuts { self.finish(isAbrupt: true) }
    }

    private func hand(_ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        self.sentBytes += count
        self.waitingBytes += count
        let promise = self.runtime.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.waitingBytes -= count
            if self.waitingBytes == 0, case .closing = self.state { self.written() }
        }
        self.channel.write(bytes, promise: promise)
    }

    func writabilityChanged(to isWritable: Bool) {
        guard self.isOpen else { return }
        self.runtime.enter { self.runtime.feed { [id] in $0.writabilityChanged(of: id, to: isWritable, now: $1) } }
    }

    // MARK: - The end

    /// Sends what there is and closes; nothing more is taken from the client.
    func finish(isAbrupt: Bool) {
        guard self.isOpen else { return }
        // As long as it is open, so that a script may cut inside of what is sent.
        self.pass(flushing: true)
        guard self.isOpen else { return }
        self.state = .closing(isAbrupt: isAbrupt)
        self.cancelWakeUp()
        self.updateReading()
        self.runtime.gone(self)
        guard self.waitingBytes > 0 else {
            self.written()
            return
        }
        self.closeChannel(in: TimeAmount(self.runtime.configuration.closingTime))
    }

    /// Everything is sent.
    private func written() {
        guard case .closing(let isAbrupt) = self.state else { return }
        self.state = .over
        self.timer?.cancel()
        guard self.canHalfClose, !isAbrupt, self.channel.isActive else {
            self.channel.close(promise: nil)
            return
        }
        self.channel.close(mode: .output, promise: nil)
        self.closeChannel(in: Self.patience)
    }

    /// How long a client may take to close its side when ours is closed.
    private static let patience = TimeAmount.milliseconds(500)

    private func closeChannel(in time: TimeAmount) {
        self.timer?.cancel()
        let channel = self.channel
        self.timer = self.runtime.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}
