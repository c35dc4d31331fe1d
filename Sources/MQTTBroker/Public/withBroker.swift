// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Runs a broker for the time of a function, and always stops it.
///
/// ```swift
/// try await MQTTBroker.withBroker { broker in
///     let client = MQTTClient<V5>(to: broker.endpoint)
///     …
/// }
/// ```
///
/// Errors of `body` go through. When the task is cancelled, it is for `body` to end; then the broker stops.
///
/// - Throws: What `body` throws; ``BrokerError`` when the broker cannot start.
public func withBroker<Result>(
    _ configuration: BrokerConfiguration = BrokerConfiguration(),
    _ body: (Broker) async throws -> Result
) async throws -> Result {
    let broker = try await Broker.start(configuration)
    do {
        let result = try await body(broker)
        await broker.stop()
        return result
    } catch {
        await broker.stop()
        throw error
    }
}
