// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTEngine
import MQTTTransport
import MQTTWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

/// Channels in memory and a clock that moves when it is told to: a whole client without a socket or a second of waiting.
final class VirtualWorld: LinkWorld {
    private struct State {
        var now = Instant(nanoseconds: 0)
        var alarms: [(at: Instant, link: Link)] = []
        var peers: [ScriptedPeer] = []
        var waiting: [CheckedContinuation<ScriptedPeer, Never>] = []
        /// Dials still to be refused.
        var refusals = 0
        /// Whether dials have to wait, and those that do.
        var isHolding = false
        var held: [(link: Link, attempt: UInt64)] = []
    }

    let eventLoop = NIOAsyncTestingEventLoop()
    private let version: ProtocolVersion
    /// Whether connections read as those of sockets do, with buffers that are used again.
    private let usesReadBuffers: Bool
    private let state = Mutex(State())

    init(version: ProtocolVersion, usesReadBuffers: Bool = false) {
        self.version = version
        self.usesReadBuffers = usesReadBuffers
    }

    var now: Instant { self.state.withLock { $0.now } }

    func wake(_ link: Link) { self.eventLoop.execute { link.flush() } }

    func setAlarm(at instant: Instant, for link: Link) { self.state.withLock { $0.alarms.append((instant, link)) } }

    func dial(for link: Link, attempt: UInt64) {
        let isHeld = self.state.withLock { state in
            if state.isHolding { state.held.append((link, attempt)) }
            return state.isHolding
        }
        guard !isHeld else { return }
        let isRefused = self.state.withLock { state in
            guard state.refusals > 0 else { return false }
            state.refusals -= 1
            return true
        }
        Task {
            if isRefused {
                try await self.eventLoop.executeInContext {
                    link.openFailed(EngineFailure(.transportFailed, "refused by the test"), attempt: attempt)
                }
                return
            }
            let channel = NIOAsyncTestingChannel(loop: self.eventLoop)
            try await channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1883)).get()
            let buffers = self.usesReadBuffers ? ReadBuffers() : nil
            try await self.eventLoop.executeInContext {
                let handler = link.makeHandler(attempt: attempt, readBuffers: buffers)
                try channel.pipeline.syncOperations.addHandler(handler)
                link.opened(channel, credentials: nil, attempt: attempt)
            }
            let socket = buffers.map { VirtualSocket(channel, $0) }
            self.accepted(ScriptedPeer(channel: channel, version: self.version, socket: socket))
        }
    }

    /// Lets dials take as long as the test wants.
    func holdDials() { self.state.withLock { $0.isHolding = true } }

    /// Lets dials go on.
    func releaseDials() {
        let held = self.state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
        for dial in held { self.dial(for: dial.link, attempt: dial.attempt) }
    }

    /// Lets the next dials fail.
    func refuse(_ dials: Int) { self.state.withLock { $0.refusals = dials } }

    /// The server's end of the next connection.
    func accept() async -> ScriptedPeer {
        await withCheckedContinuation { continuation in
            let peer: ScriptedPeer? = self.state.withLock { state in
                if !state.peers.isEmpty { return state.peers.removeFirst() }
                state.waiting.append(continuation)
                return nil
            }
            if let peer { continuation.resume(returning: peer) }
        }
    }

    private func accepted(_ peer: ScriptedPeer) {
        let continuation: CheckedContinuation<ScriptedPeer, Never>? = self.state.withLock { state in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.peers.append(peer)
            return nil
        }
        continuation?.resume(returning: peer)
    }

    /// Moves the clock and rings what is due, oldest first.
    func advance(by duration: Duration) async throws {
        let end = self.now.advanced(by: duration)
        while let alarm = self.takeAlarm(until: end) {
            try await self.eventLoop.executeInContext { alarm.alarmRang() }
            // What the alarm has left for the event loop, as to write.
            await self.eventLoop.run()
        }
        self.state.withLock { $0.now = end }
    }

    private func takeAlarm(until end: Instant) -> Link? {
        self.state.withLock { state in
            let due = state.alarms.indices.filter { state.alarms[$0].at <= end }
            guard let index = due.min(by: { state.alarms[$0].at < state.alarms[$1].at }) else { return nil }
            let alarm = state.alarms.remove(at: index)
            state.now = max(state.now, alarm.at)
            return alarm.link
        }
    }
}

/// The server's end of a connection in memory: says which packet has to come, and sends packets.
final class ScriptedPeer: Sendable {
    let channel: NIOAsyncTestingChannel
    /// Where bytes come from when the world uses read buffers.
    let socket: VirtualSocket?
    private let encoder: PacketEncoder
    private struct Decoding: ~Copyable {
        var decoder: PacketDecoder
        var packets: [Packet] = []
    }

    private let decoding: Mutex<Decoding>

    init(channel: NIOAsyncTestingChannel, version: ProtocolVersion, socket: VirtualSocket? = nil) {
        self.channel = channel
        self.socket = socket
        self.encoder = PacketEncoder(version: version)
        self.decoding = Mutex(Decoding(decoder: PacketDecoder(version: version, role: .server)))
    }

    /// Waits for the next packet of the client.
    func next() async throws -> Packet {
        while true {
            let known: Packet? = self.decoding.withLock { $0.packets.isEmpty ? nil : $0.packets.removeFirst() }
            if let known { return known }
            let bytes = try await self.channel.waitForOutboundWrite(as: ByteBuffer.self)
            try self.decoding.withLock { try $0.decoder.decode(bytes, into: &$0.packets) }
        }
    }

    /// Waits for the next packet, which has to be this one.
    func expect(_ packet: Packet, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let came = try await self.next()
        #expect(came == packet, sourceLocation: sourceLocation)
    }

    /// Sends packets in one burst.
    func send(_ packets: Packet...) async throws { try await self.send(packets) }

    /// Sends packets in one burst.
    func send(_ packets: [Packet]) async throws {
        try await self.write(try self.bytes(of: packets))
    }

    /// The bytes of packets, one behind the other.
    func bytes(of packets: [Packet]) throws -> ByteBuffer {
        var bytes = ByteBuffer()
        for packet in packets { try self.encoder.encode(packet, into: &bytes) }
        return bytes
    }

    /// Lets bytes arrive at once.
    func write(_ bytes: ByteBuffer) async throws {
        if let socket = self.socket {
            try await socket.arrive(bytes)
        } else {
            _ = try await self.channel.writeInbound(bytes)
        }
    }

    /// Answers the CONNECT that has to come.
    @discardableResult
    func acceptConnect(sessionPresent: Bool = false, properties: Properties = Properties()) async throws -> Connect {
        guard case .connect(let connect) = try await self.next() else { throw UnexpectedPacket() }
        try await self.send(.connAck(ConnAck(sessionPresent: sessionPresent, properties: properties)))
        return connect
    }

    /// Cuts the connection.
    func cut() async throws { try await self.channel.close().get() }
}

struct UnexpectedPacket: Error {}
