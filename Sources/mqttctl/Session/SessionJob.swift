// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// What a command does with a client, apart from connecting and ending well.
protocol SessionJob: Sendable {
    /// How long it bears to be without a connection; nil is for ever.
    var longestOutage: Duration? { get }

    /// Whether a signal ends it before it was done.
    var hasEnd: Bool { get }

    /// Does it; the client is not connected yet. Throws ``MQTTError`` or ``Failure``.
    func run<Version: MQTTVersion>(on client: MQTTClient<Version>) async throws
}
