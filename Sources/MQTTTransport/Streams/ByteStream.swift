// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A connection that carries bytes, made by the user's own code.
///
/// ```swift
/// let endpoint = Endpoint.custom("tunnel") { try await Tunnel.open() }
/// ```
///
/// A client calls ``read()`` and ``write(_:)`` each from one task at a time, the one beside the other, and ``close()`` once,
/// while either may be under way. The task of a call that is under way then is cancelled, too. ``InMemoryByteStream`` is an
/// example of one.
public protocol ByteStream: Sendable {
    /// The next bytes from the peer, at least one; nil when the peer sends no more, which ends the connection.
    ///
    /// It is not called while the client takes nothing: then the peer has to wait, and memory stays bounded.
    func read() async throws -> ByteBuffer?

    /// Sends bytes; returns when there may be more.
    ///
    /// One that returns before the bytes are on their way makes memory grow when the peer is slow.
    func write(_ bytes: ByteBuffer) async throws

    /// Ends the connection at once, both ways; a ``read()`` or ``write(_:)`` under way ends.
    func close() async
}

/// What makes the connections of a custom endpoint.
struct ByteStreamSource: Hashable, Sendable {
    /// For descriptions.
    let name: String
    let open: Hook<@Sendable () async throws -> any ByteStream>
}
