// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A connection that carries bytes, made by the user's own code.
public protocol ByteStream: Sendable {
    /// The next bytes from the peer, at least one; nil when the peer sends no more.
    func read() async throws -> ByteBuffer?

    /// Sends bytes; returns when there may be more.
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
