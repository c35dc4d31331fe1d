// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTT
import MQTTTransport
import MQTTWire
public import NIOCore
import Synchronization

/// The server's end of a connection in memory: says which packet has to come, and sends what the test wants.
///
/// ```swift
/// let peer = try await network.accept()
/// try await peer.acceptConnect()
/// let publish = try await peer.expectPublish(to: "alarm")
/// try await peer.send(.pubAck(packetID: publish.packetID ?? 0))
/// ```
///
/// It checks nothing of itself: packets that a server must not send, and bytes that are none, go out as they are. Time limits
/// are of real time, with a virtual clock too: what is waited for is the work of other threads. One task at a time expects.
public final class ScriptedPeer: Sendable {
    private struct State: ~Copyable {
        var decoder = PacketDecoder(version: .v5, role: .server)
        var packets: [Packet] = []
        var failure: DecodingError?
        var isAtEnd = false
        var isServing = false
        var isCut = false
        var log: [String] = []
    }

    /// What is there to take.
    private enum Arrival {
        case packet(TestPacket)
        case malformed(String)
        case end
        case nothing
    }

    private let connection: any ByteStream
    private let state = Mutex(State())

    init(_ connection: any ByteStream) { self.connection = connection }

    /// The version of the connection, as CONNECT said; 5.0 before it.
    public var version: ProtocolVersion { self.state.withLock { $0.decoder.version } }

    /// Every packet so far, both ways, the oldest first: `client: PINGREQ`, `server: PINGRESP`.
    public var log: [String] { self.state.withLock { $0.log } }

    // MARK: What comes

    /// The next packet of the client.
    ///
    /// - Parameters:
    ///   - limit: How long at most.
    ///   - fileID: Where it is expected.
    ///   - line: Where it is expected.
    /// - Returns: The packet.
    /// - Throws: ``TestKitError`` with code `timedOut`, `connectionEnded` or `malformedBytes`; `CancellationError`.
    public func next(
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> TestPacket { try await self.next("a packet", within: limit, Place(fileID, line)) }

    /// Waits for the next packet, which has to be this one in every field.
    ///
    /// - Throws: ``TestKitError`` with code `unexpectedPacket`, which says what differs, or as ``next(within:fileID:line:)``.
    public func expect(
        _ expected: TestPacket,
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws {
        let place = Place(fileID, line)
        let came = try await self.next("\(expected)", within: limit, place)
        guard came != expected else { return }
        let differences = came.differences(from: expected)
        let words = differences.isEmpty ? "" : "; what differs: \(differences.joined(separator: "; "))"
        throw self.unexpected(came, instead: "\(expected)", words, place)
    }

    /// Waits for the next packets, which have to be these ones in any order.
    ///
    /// A client acknowledges when it can: whether before or after a message of its own, nobody should rely on.
    ///
    /// - Throws: As ``expect(_:within:fileID:line:)``.
    public func expect(
        inAnyOrder packets: [TestPacket],
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws {
        let place = Place(fileID, line)
        let end = ContinuousClock.now + limit
        var left = packets
        while !left.isEmpty {
            let what = left.map(\.description).joined(separator: ", or ")
            let came = try await self.next(what, within: end - ContinuousClock.now, place)
            guard let index = left.firstIndex(of: came) else { throw self.unexpected(came, instead: what, "", place) }
            left.remove(at: index)
        }
    }

    /// Waits for the next packet, which has to be one the test finds what it wants in.
    ///
    /// - Parameters:
    ///   - what: What is expected, for the message.
    ///   - limit: How long at most.
    ///   - fileID: Where it is expected.
    ///   - line: Where it is expected.
    ///   - match: What the test wants of the packet; nil when it is the wrong one.
    /// - Returns: What `match` gave.
    /// - Throws: As ``expect(_:within:fileID:line:)``, and what `match` throws.
    public func expect<Value>(
        _ what: String,
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line,
        _ match: (TestPacket) throws -> Value?
    ) async throws -> Value {
        let place = Place(fileID, line)
        let came = try await self.next(what, within: limit, place)
        guard let value = try match(came) else { throw self.unexpected(came, instead: what, "", place) }
        return value
    }

    /// Waits until the client has closed the connection; a packet before that is an error.
    ///
    /// - Throws: ``TestKitError`` with code `unexpectedPacket`, `malformedBytes` or `timedOut`; `CancellationError`.
    public func expectEnd(
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws {
        let place = Place(fileID, line)
        switch try await self.arrival(within: limit, place) {
        case .end: return
        case .packet(let came): throw self.unexpected(came, instead: "the end of the connection", "", place)
        case .malformed(let reason): throw self.malformed(reason, instead: "the end of the connection", place)
        case .nothing: throw self.error(.timedOut, "the connection did not end within \(limit.words)", place)
        }
    }

    /// Waits for a while, in which the client has to send nothing and stay.
    ///
    /// - Throws: ``TestKitError`` with code `unexpectedPacket`, `malformedBytes` or `connectionEnded`; `CancellationError`.
    public func expectNothing(
        for duration: Duration = .milliseconds(50),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws {
        let place = Place(fileID, line)
        switch try await self.arrival(within: duration, place) {
        case .nothing: return
        case .packet(let came): throw self.unexpected(came, instead: "nothing", "", place)
        case .malformed(let reason): throw self.malformed(reason, instead: "nothing", place)
        case .end: throw self.error(.connectionEnded, "the connection ended where nothing was expected", place)
        }
    }

    // MARK: What goes

    /// Sends packets in one burst, in the version of the connection.
    ///
    /// - Throws: ``TestKitError`` with code `notSent` when one cannot be encoded, for which ``send(bytes:fileID:line:)`` is
    ///   there, or `connectionEnded`.
    public func send(_ packets: TestPacket..., fileID: String = #fileID, line: UInt = #line) async throws {
        try await self.send(packets, fileID: fileID, line: line)
    }

    /// Sends packets in one burst, in the version of the connection.
    ///
    /// - Throws: As the form with single packets.
    public func send(_ packets: [TestPacket], fileID: String = #fileID, line: UInt = #line) async throws {
        let bytes = try self.bytes(of: packets, fileID: fileID, line: line)
        try await self.write(bytes, packets.map(\.description), Place(fileID, line))
    }

    /// Sends any bytes at once.
    ///
    /// - Throws: ``TestKitError`` with code `connectionEnded`.
    public func send(bytes: ByteBuffer, fileID: String = #fileID, line: UInt = #line) async throws {
        try await self.write(bytes, ["bytes \(bytes.words)"], Place(fileID, line))
    }

    /// The bytes of packets, one behind the other: to be changed or cut, and sent with ``send(bytes:fileID:line:)``.
    ///
    /// - Throws: ``TestKitError`` with code `notSent`.
    public func bytes(
        of packets: [TestPacket],
        fileID: String = #fileID,
        line: UInt = #line
    ) throws -> ByteBuffer {
        let encoder = PacketEncoder(version: self.version)
        var bytes = ByteBuffer()
        for packet in packets {
            do throws(EncodingError) {
                try encoder.encode(try packet.packet(), into: &bytes)
            } catch {
                let words = "\(packet) cannot be sent, bytes can: \(error)"
                throw TestKitError(.notSent, words, at: Place(fileID, line))
            }
        }
        return bytes
    }

    /// Cuts the connection; with a virtual clock the client has noticed when this returns.
    public func cut() async {
        self.state.withLock { $0.isCut = true }
        await self.connection.close()
    }

    /// Whether the connection is known to have ended.
    var hasEnded: Bool {
        self.state.withLock { $0.isAtEnd || $0.isCut } || (self.connection as? VirtualConnection)?.isClosed ?? false
    }

    private func write(_ bytes: ByteBuffer, _ words: [String], _ place: Place) async throws {
        self.note(words.map { "server: \($0)" })
        do {
            try await self.connection.write(bytes)
        } catch {
            try Task.checkCancellation()
            throw self.error(.connectionEnded, "nothing can be sent, the connection has ended", place)
        }
    }

    // MARK: Serving

    /// Whether ``serve(_:)`` answers for this peer.
    public var isServing: Bool { self.state.withLock { $0.isServing } }

    /// Whether it answers by itself and has nothing to answer.
    var isIdle: Bool {
        guard self.isServing else { return true }
        return (self.connection as? VirtualConnection)?.isAwaited ?? true
    }

    /// From now on the peer answers by itself, until the connection ends.
    ///
    /// ```swift
    /// peer.serve { packet in
    ///     if case .subscribe(let subscribe) = packet { [subscribe.refused(.notAuthorized)] } else { nil }
    /// }
    /// ```
    ///
    /// Nothing can be expected of it any more; ``log`` tells what came.
    ///
    /// - Parameter script: What is sent in answer to a packet; nil is ``TestPacket/plainAnswer(_:)``, an empty array nothing.
    public func serve(_ script: @escaping @Sendable (TestPacket) async -> [TestPacket]? = { _ in nil }) {
        self.state.withLock { $0.isServing = true }
        Task {
            defer { self.state.withLock { $0.isServing = false } }
            while true {
                switch self.take() {
                case .packet(let packet):
                    let plain = packet.plainAnswer(self.version).map { [$0] } ?? []
                    let answers = await script(packet) ?? plain
                    if !answers.isEmpty { try await self.send(answers) }
                case .malformed, .end: return
                case .nothing: try await self.read()
                }
            }
        }
    }

    // MARK: Within

    private func next(_ what: String, within limit: Duration, _ place: Place) async throws -> TestPacket {
        switch try await self.arrival(within: limit, place) {
        case .packet(let packet): return packet
        case .malformed(let reason): throw self.malformed(reason, instead: what, place)
        case .end: throw self.error(.connectionEnded, "the connection ended instead of \(what)", place)
        case .nothing: throw self.error(.timedOut, "\(what) did not come within \(max(limit, .zero).words)", place)
        }
    }

    private func arrival(within limit: Duration, _ place: Place) async throws -> Arrival {
        guard !self.isServing else {
            throw TestKitError(.invalidUse, "nothing can be expected of a peer that serves by itself", at: place)
        }
        let end = ContinuousClock.now + limit
        while true {
            let arrival = self.take()
            if case .nothing = arrival {} else { return arrival }
            if case .timeIsOver = try await withTimeLimit(end - ContinuousClock.now, { try await self.read() }) {
                // Something may have come with the last moment.
                return self.take()
            }
        }
    }

    private func take() -> Arrival {
        self.state.withLock { state in
            if !state.packets.isEmpty {
                let packet = TestPacket(state.packets.removeFirst())
                state.log.append("client: \(packet)")
                return .packet(packet)
            }
            if let failure = state.failure { return .malformed(failure.description) }
            return state.isAtEnd ? .end : .nothing
        }
    }

    /// Waits for bytes; what comes is kept, whoever has waited for it.
    ///
    /// - Throws: `CancellationError`.
    private func read() async throws {
        do {
            guard let bytes = try await self.connection.read() else {
                self.state.withLock { $0.isAtEnd = true }
                return
            }
            self.state.withLock { state in
                do throws(DecodingError) {
                    try state.decoder.decode(bytes, into: &state.packets)
                } catch {
                    state.failure = error
                }
            }
        } catch {
            try Task.checkCancellation()
            self.state.withLock { $0.isAtEnd = true }
        }
    }

    private func note(_ lines: [String]) { self.state.withLock { $0.log.append(contentsOf: lines) } }

    private func unexpected(_ came: TestPacket, instead what: String, _ more: String, _ place: Place) -> TestKitError {
        self.error(.unexpectedPacket, "\(came) came instead of \(what)\(more)", place, leavingOut: 1)
    }

    private func malformed(_ reason: String, instead what: String, _ place: Place) -> TestKitError {
        self.error(.malformedBytes, "bytes came that are no packet, instead of \(what): \(reason)", place)
    }

    /// An error that says what had come before.
    private func error(
        _ code: TestKitError.Code,
        _ message: String,
        _ place: Place,
        leavingOut count: Int = 0
    ) -> TestKitError {
        let log = self.log.dropLast(count)
        let shown = log.suffix(10)
        let left = log.count - shown.count
        let before = (left > 0 ? ["(\(left) more)"] : []) + shown
        let words = before.isEmpty ? "nothing was exchanged before" : "before: \(before.joined(separator: "; "))"
        return TestKitError(code, "\(message); \(words)", at: place)
    }
}
