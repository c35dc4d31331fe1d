// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Something one task waits for and another makes happen, once.
struct Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (self.stream, self.continuation) = AsyncStream.makeStream() }

    func open() { self.continuation.finish() }

    func wait() async { for await _ in self.stream {} }
}
