// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// The way to a broker's event loop for other threads, closed before the loop ends.
final class LoopGate: Sendable {
    private let eventLoop: any EventLoop
    private let isOpen = Mutex(true)

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Runs something on the event loop; false when it will never run.
    @discardableResult
    func execute(_ task: @escaping @Sendable () -> Void) -> Bool {
        self.isOpen.withLock { isOpen in
            if isOpen { self.eventLoop.execute(task) }
            return isOpen
        }
    }

    func close() { self.isOpen.withLock { $0 = false } }
}
