// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTEngine
package import MQTTWire

extension Credentials {
    /// What CONNECT says at an attempt; a provider is asked, and told how the connection or attempt before ended.
    package func forAttempt(after previous: EngineFailure?) async throws -> ConnectCredentials {
        switch self.source {
        case .value(let value): ConnectCredentials(value)
        case .provider(let provider): ConnectCredentials(try await provider(previous.map { MQTTError($0) }))
        }
    }
}
