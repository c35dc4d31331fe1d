// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Keeps a client's session beyond the life of its process.
///
/// The client calls it from one task at a time. A QoS 1 or 2 message is sent only after the change that adds it was
/// applied, and PUBREC and PUBREL are held back in the same way, so what the server has been told is always known after
/// a crash.
///
/// "Stored" means what ``apply(_:clientID:)`` promises. From then on a QoS 1 message arrives at the server at least once, and a
/// QoS 2 message exactly once, while the server keeps the session; when it does not, the message's call ends with
/// `outcomeUnknown`.
public protocol SessionStore: Sendable {
    /// Gives what is kept for a client identifier; an empty record when there is nothing.
    ///
    /// Throw when what is kept cannot be read: the client then does not connect rather than lose messages silently.
    func load(clientID: String) async throws -> SessionRecord

    /// Keeps the changes, all or none of them, in this order.
    ///
    /// When this returns the changes must survive whatever the store promises to survive. When it throws, the messages
    /// the batch would have added fail with the error and are never sent.
    func apply(_ changes: [StoreChange], clientID: String) async throws
}
