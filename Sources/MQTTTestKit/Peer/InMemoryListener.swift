// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTTransport
import Synchronization

/// A server of no network: clients of its endpoint connect in memory, in real time.
///
/// ```swift
/// let listener = InMemoryListener()
/// let client = MQTT5Client(to: listener.endpoint)
/// async let connected = client.connect()
/// let peer = try await listener.accept()
/// try await peer.acceptConnect()
/// ```
///
/// Clients that are made by somebody else than the test take an ``endpoint`` like any other. A connection stays until it is
/// cut, whoever holds its peer.
public final class InMemoryListener: Sendable {
    /// Connects to this listener, any number of times.
    public let endpoint: Endpoint

    private let desk: Desk

    /// Makes a listener.
    ///
    /// - Parameters:
    ///   - name: What it is called in descriptions and errors.
    ///   - capacity: How many bytes wait each way for the other end to read; a client's writes then wait too.
    public init(name: String = "memory", capacity: Int = 65_536) {
        let desk = Desk(name: name, capacity: capacity)
        self.desk = desk
        self.endpoint = Endpoint.custom(name) { try desk.open() }
    }

    /// The server's end of the next connection, in the order they were made.
    ///
    /// - Parameters:
    ///   - limit: How long at most.
    ///   - fileID: Where it is expected.
    ///   - line: Where it is expected.
    /// - Returns: The server's end.
    /// - Throws: ``TestKitError`` with code `timedOut`, or `connectionEnded` when the listener is closed;
    ///   `CancellationError`.
    public func accept(
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> ScriptedPeer {
        let peer = ScriptedPeer(try await self.acceptStream(within: limit, fileID: fileID, line: line))
        self.desk.keep(peer)
        return peer
    }

    /// The server's end of the next connection as bytes, for a server of the test's own.
    ///
    /// - Throws: As ``accept(within:fileID:line:)``.
    public func acceptStream(
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> InMemoryByteStream {
        let streams = self.desk.streams
        switch try await withTimeLimit(limit, { try await streams.next() }) {
        case .ended(let stream?): return stream
        case .ended(nil): throw TestKitError(.connectionEnded, "the listener is closed", at: Place(fileID, line))
        case .timeIsOver:
            throw TestKitError(.timedOut, "nobody connected within \(limit.words)", at: Place(fileID, line))
        }
    }

    /// Connects as a client does and gives its end as bytes, for a client that is none of this package.
    ///
    /// - Throws: `TransportError` with code `connectionRefused` when it is refused or closed.
    public func connectStream() async throws -> InMemoryByteStream { try self.desk.open() }

    /// Lets the next attempts to connect fail, as with nobody listening.
    public func refuse(next count: Int) { self.desk.refusals.withLock { $0 = count } }

    /// Refuses whoever comes from now on, and ends connections that were not accepted; those that were go on.
    public func close() { self.desk.close() }
}

/// Where connections are made: what the endpoint, and so its clients, hold.
private final class Desk: Sendable {
    let streams = Inbox<InMemoryByteStream>()
    let refusals = Mutex(0)
    private let peers = Mutex<[ScriptedPeer]>([])
    private let name: String
    private let capacity: Int

    init(name: String, capacity: Int) {
        self.name = name
        self.capacity = capacity
    }

    func open() throws -> InMemoryByteStream {
        let isRefused = self.refusals.withLock { refusals in
            guard refusals > 0 else { return false }
            refusals -= 1
            return true
        }
        guard !isRefused, !self.streams.isClosed else {
            throw TransportError(.connectionRefused, "Nobody listens at \(self.name.debugDescription).")
        }
        let (client, server) = InMemoryByteStream.pair(capacity: self.capacity)
        self.streams.put(server)
        return client
    }

    /// Holds a peer as long as its connection.
    func keep(_ peer: ScriptedPeer) {
        self.peers.withLock { peers in
            peers.removeAll(where: \.hasEnded)
            peers.append(peer)
        }
    }

    func close() {
        self.streams.close()
        while self.streams.take() != nil {}
    }
}
