// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import Testing

/// What was waited for did not happen in time.
struct DeadlineMissed: Error, CustomStringConvertible {
    let description: String
}

/// Runs `body`, and fails with words when it has not ended in time, also when it does not heed cancellation.
func withDeadline<Value: Sendable>(
    _ limit: Duration = .seconds(120),
    _ what: String = "the test",
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let race = Race<Value>()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            race.start(continuation)
            let work = Task {
                do { race.end(.success(try await body())) } catch { race.end(.failure(error)) }
            }
            let watch = MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: TimeAmount(limit)) {
                race.end(.failure(DeadlineMissed(description: "\(what) has not ended within \(limit)")))
            }
            race.whenOver { work.cancel() }
            race.whenOver { watch.cancel() }
        }
    } onCancel: {
        race.end(.failure(CancellationError()))
    }
}

/// The first of several ends counts; the rest is cancelled.
private final class Race<Value: Sendable>: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Value, any Error>?
        var result: Result<Value, any Error>?
        var cancels: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    func start(_ continuation: CheckedContinuation<Value, any Error>) {
        let result = self.state.withLock { state in
            if state.result == nil { state.continuation = continuation }
            return state.result
        }
        if let result { continuation.resume(with: result) }
    }

    func whenOver(_ cancel: @escaping @Sendable () -> Void) {
        let isOver = self.state.withLock { state in
            if state.result == nil { state.cancels.append(cancel) }
            return state.result != nil
        }
        if isOver { cancel() }
    }

    func end(_ result: Result<Value, any Error>) {
        let (continuation, cancels) = self.state.withLock { state in
            guard state.result == nil else {
                return (nil as CheckedContinuation<Value, any Error>?, [@Sendable () -> Void]())
            }
            state.result = result
            return (state.continuation.take(), state.cancels)
        }
        continuation?.resume(with: result)
        for cancel in cancels { cancel() }
    }
}
