// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Gives each element to all who look.
final class Fan<Element: Sendable>: Sendable {
    private struct State {
        var readers: [Int: AsyncStream<Element>.Continuation] = [:]
        var next = 0
        var isFinished = false
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int = 1) { self.capacity = max(capacity, 1) }

    func stream() -> AsyncStream<Element> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Element.self,
            bufferingPolicy: .bufferingNewest(self.capacity)
        )
        let number = self.state.withLock { state -> Int? in
            guard !state.isFinished else { return nil }
            state.next += 1
            state.readers[state.next] = continuation
            return state.next
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in self?.remove(number) }
        return stream
    }

    private func remove(_ number: Int) { self.state.withLock { $0.readers[number] = nil } }

    func send(_ element: Element) {
        let readers = self.state.withLock { $0.readers }
        for reader in readers.values { reader.yield(element) }
    }

    func finish() {
        let readers = self.state.withLock { state in
            state.isFinished = true
            defer { state.readers = [:] }
            return state.readers
        }
        for reader in readers.values { reader.finish() }
    }
}
