// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Logging

extension MQTTClient.Configuration {
    /// Has the client log nothing, for programs that speak to their user themselves.
    package mutating func switchLoggingOff() {
        self.logger = Logger(label: "MQTT") { _ in SwiftLogNoOpLogHandler() }
    }
}
