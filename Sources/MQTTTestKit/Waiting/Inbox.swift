// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What one side puts in and the other takes out, in order; waiting heeds cancellation and loses nothing.
final class Inbox<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isClosed = false
        var lastWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            defer { self.waiters = [:] }
            return Array(self.waiters.values)
        }
    }

    private let state = Mutex(State())

    /// Whether somebody waits, and there is nothing to take.
    var isAwaited: Bool { self.state.withLock { $0.elements.isEmpty && !$0.waiters.isEmpty } }

    /// Whether nothing more will come.
    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// Puts one in; one that comes after the end is dropped.
    func put(_ element: Element) {
        let waiters = self.state.withLock { state in
            if !state.isClosed { state.elements.append(element) }
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Nothing more will come.
    func close() {
        let waiters = self.state.withLock { state in
            state.isClosed = true
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Takes what is there.
    func take() -> Element? { self.state.withLock { $0.elements.isEmpty ? nil : $0.elements.removeFirst() } }

    /// Waits for the next one; nil when nothing more will come.
    ///
    /// - Throws: `CancellationError`, and then has taken nothing.
    func next() async throws -> Element? {
        while true {
            if let element = self.take() { return element }
            if self.isClosed { return self.take() }
            try Task.checkCancellation()
            await self.wait()
        }
    }

    /// Waits until something has changed or the task is cancelled.
    private func wait() async {
        let number = self.state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = self.state.withLock { state in
                    guard state.elements.isEmpty, !state.isClosed, !Task.isCancelled else { return false }
                    state.waiters[number] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }
}
