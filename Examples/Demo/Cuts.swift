// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// How often the connections of a client have ended without its doing.
struct Cuts {
    private let counting: Task<Int, Never>

    /// Counts from now on.
    init(of client: MQTT5Client) {
        let events = client.events
        self.counting = Task {
            var count = 0
            for await event in events {
                if case .disconnected(let error) = event, error.code != .clientClosed { count += 1 }
            }
            return count
        }
    }

    /// Ends the counting; what was told before is counted.
    func count() async -> Int {
        self.counting.cancel()
        return await self.counting.value
    }
}
