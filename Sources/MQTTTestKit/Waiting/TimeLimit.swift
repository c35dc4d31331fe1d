// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// How something ended that had a time limit.
enum Limited<Value: Sendable>: Sendable {
    case ended(Value)
    case timeIsOver
}

/// Runs a body that heeds cancellation, for at most so long; what it has in the last moment counts.
///
/// - Throws: What the body throws in its time; `CancellationError` when the calling task was cancelled.
func withTimeLimit<Value: Sendable>(
    _ limit: Duration,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Limited<Value> {
    let limited = try await withThrowingTaskGroup(of: Limited<Value>.self) { group in
        group.addTask { .ended(try await body()) }
        group.addTask {
            try? await ContinuousClock().sleep(for: max(limit, .zero))
            return .timeIsOver
        }
        defer { group.cancelAll() }
        let first = try await group.next() ?? .timeIsOver
        if case .ended = first { return first }
        group.cancelAll()
        // What fails from here on fails because it was cancelled.
        return (try? await group.next()) ?? .timeIsOver
    }
    if case .timeIsOver = limited { try Task.checkCancellation() }
    return limited
}

extension Duration {
    /// As a person says it: `5 s`, `250 ms`.
    var words: String {
        let (seconds, attoseconds) = self.components
        if attoseconds == 0 { return "\(seconds) s" }
        let milliseconds = Double(seconds) * 1_000 + Double(attoseconds) / 1e15
        return milliseconds.rounded() == milliseconds ? "\(Int64(milliseconds)) ms" : "\(milliseconds) ms"
    }
}
