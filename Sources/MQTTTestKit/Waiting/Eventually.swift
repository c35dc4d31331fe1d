// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Returns as soon as a condition holds.
///
/// ```swift
/// try await eventually("the lamp is on") { await lamp.isOn }
/// ```
///
/// The condition is looked at again and again, with pauses of real time that grow to 20 ms. What it throws ends the wait.
///
/// - Parameters:
///   - what: What is waited for, for the message.
///   - limit: How long at most, in real time.
///   - fileID: Where it is waited for.
///   - line: Where it is waited for.
///   - condition: Whether it holds.
/// - Throws: ``TestKitError`` with code `timedOut`, what the condition throws, or `CancellationError`.
public func eventually(
    _ what: String,
    within limit: Duration = .seconds(5),
    fileID: String = #fileID,
    line: UInt = #line,
    _ condition: () async throws -> Bool
) async throws {
    let place = Place(fileID, line)
    _ = try await poll(limit, condition, until: { $0 }) { "\(what): it did not hold within \(limit.words)\($1)" }
        .get(or: .timedOut, place)
}

/// Returns as soon as a value is the expected one.
///
/// ```swift
/// try await eventually("the number of readings", is: 3) { await thermostat.readings.count }
/// ```
///
/// As ``eventually(_:within:fileID:line:_:)``; the message says what the value was last.
///
/// - Throws: ``TestKitError`` with code `timedOut`, what the value throws, or `CancellationError`.
public func eventually<Value: Equatable>(
    _ what: String,
    is expected: Value,
    within limit: Duration = .seconds(5),
    fileID: String = #fileID,
    line: UInt = #line,
    _ value: () async throws -> Value
) async throws {
    let place = Place(fileID, line)
    _ = try await poll(limit, value, until: { $0 == expected }) { last, tries in
        "\(what): it was not \(expected) within \(limit.words); the last value was \(last)\(tries)"
    }
    .get(or: .timedOut, place)
}

/// Returns a value as soon as there is one.
///
/// As ``eventually(_:within:fileID:line:_:)``, for what is nil until then.
///
/// - Returns: The value.
/// - Throws: ``TestKitError`` with code `timedOut`, what the value throws, or `CancellationError`.
public func eventually<Value>(
    _ what: String,
    within limit: Duration = .seconds(5),
    fileID: String = #fileID,
    line: UInt = #line,
    value: () async throws -> Value?
) async throws -> Value {
    let place = Place(fileID, line)
    let isThere = { (value: Value?) in value != nil }
    let found = try await poll(limit, value, until: isThere) { "\(what): there was none within \(limit.words)\($1)" }
    guard let value = try found.get(or: .timedOut, place) else { preconditionFailure("nil was taken for a value") }
    return value
}

/// A value in time, or the words for why not.
private enum Polled<Value> {
    case value(Value)
    case failed(String)

    func get(or code: TestKitError.Code, _ place: Place) throws(TestKitError) -> Value {
        switch self {
        case .value(let value): return value
        case .failed(let words): throw TestKitError(code, words, at: place)
        }
    }
}

/// Looks at a value until it is right or the time is over; at least twice, however short the time.
private func poll<Value>(
    _ limit: Duration,
    _ value: () async throws -> Value,
    until isRight: (Value) -> Bool,
    words: (_ last: Value, _ tries: String) -> String
) async throws -> Polled<Value> {
    let end = ContinuousClock.now + limit
    var pause = Duration.milliseconds(1)
    var tries = 0
    while true {
        let isLast = tries > 0 && ContinuousClock.now >= end
        let last = try await value()
        tries += 1
        if isRight(last) { return .value(last) }
        if isLast { return .failed(words(last, " (looked at \(tries) times)")) }
        try await ContinuousClock().sleep(for: min(pause, max(end - ContinuousClock.now, .milliseconds(1))))
        pause = min(pause * 2, .milliseconds(20))
    }
}
