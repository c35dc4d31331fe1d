// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTT

/// What happens to a client's connection from a moment on, kept until the test looks.
///
/// ```swift
/// let events = client.recordEvents()
/// await peer.cut()
/// let wait = try await events.next("the wait") { if case .reconnecting(_, let wait) = $0 { wait } else { nil } }
/// ```
public final class EventRecorder: Sendable {
    private let inbox = Inbox<MQTTEvent>()
    private let task: Task<Void, Never>

    init(_ events: AsyncStream<MQTTEvent>) {
        let inbox = self.inbox
        self.task = Task {
            for await event in events { inbox.put(event) }
            inbox.close()
        }
    }

    deinit { self.task.cancel() }

    /// Waits for an event, and passes over others that came before it.
    ///
    /// - Parameters:
    ///   - what: What is waited for, for the message.
    ///   - limit: How long at most, in real time.
    ///   - fileID: Where it is waited for.
    ///   - line: Where it is waited for.
    ///   - match: What the test wants of the event; nil when it is another one.
    /// - Returns: What `match` gave.
    /// - Throws: ``TestKitError`` with code `timedOut` or `sequenceEnded` and the events that had come; `CancellationError`.
    public func next<Value>(
        _ what: String,
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line,
        _ match: (MQTTEvent) throws -> Value?
    ) async throws -> Value {
        let end = ContinuousClock.now + limit
        var passed: [MQTTEvent] = []
        while true {
            let inbox = self.inbox
            let limited = try await withTimeLimit(end - ContinuousClock.now) { try await inbox.next() }
            let before =
                passed.isEmpty ? "nothing else happened" : "passed over: \(passed.map(\.words).joined(separator: "; "))"
            switch limited {
            case .ended(let event?):
                if let value = try match(event) { return value }
                passed.append(event)
            case .ended(nil):
                throw TestKitError(
                    .sequenceEnded,
                    "the client ended instead of \(what); \(before)",
                    at: Place(fileID, line)
                )
            case .timeIsOver:
                let words = "\(what) did not happen within \(limit.words); \(before)"
                throw TestKitError(.timedOut, words, at: Place(fileID, line))
            }
        }
    }
}

extension MQTTClient {
    /// Keeps what happens to the connection from now on.
    public func recordEvents() -> EventRecorder { EventRecorder(self.events) }

    /// Does something, and waits for an event that comes of it.
    ///
    /// ```swift
    /// let info = try await client.nextEvent("the new connection", after: broker.restart) { event in
    ///     if case .connected(let info) = event { info } else { nil }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - what: What is waited for, for the message.
    ///   - limit: How long at most, in real time.
    ///   - fileID: Where it is waited for.
    ///   - line: Where it is waited for.
    ///   - action: What is done; events count from just before it.
    ///   - match: What the test wants of the event; nil when it is another one.
    /// - Returns: What `match` gave.
    /// - Throws: As ``EventRecorder/next(_:within:fileID:line:_:)``, and what the action throws.
    public func nextEvent<Value>(
        _ what: String,
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line,
        after action: () async throws -> Void = {},
        _ match: (MQTTEvent) throws -> Value?
    ) async throws -> Value {
        let events = self.recordEvents()
        try await action()
        return try await events.next(what, within: limit, fileID: fileID, line: line, match)
    }
}

extension MQTTEvent {
    /// In a few words, for messages.
    var words: String {
        switch self {
        case .connected(let info): "connected\(info.sessionPresent ? ", session present" : "")"
        case .disconnected(let error): "disconnected: \(error)"
        case .reconnecting(let attempt, let wait): "reconnecting, attempt \(attempt) after \(wait.words)"
        case .gaveUp(let error): "gave up: \(error)"
        default: "\(self)"
        }
    }
}
