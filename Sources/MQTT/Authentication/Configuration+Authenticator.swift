// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// An authenticator where dumps do not look.
struct HiddenAuthenticator: Sendable, CustomStringConvertible, CustomReflectable {
    let authenticator: any Authenticator

    var description: String { "authenticator" }

    var customMirror: Mirror { Mirror(self, children: []) }
}

extension MQTTClient.Configuration where Version == V5 {
    /// Proves who the client is, and finds out who the server is, in as many rounds as that takes (MQTT 5.0, 4.12).
    ///
    /// nil, the default, is none. The user name and password are sent beside it where there are any. The whole exchange has
    /// to end within the handshake timeout.
    public var authenticator: (any Authenticator)? {
        get { self.versioned.authenticator?.authenticator }
        set { self.versioned.authenticator = newValue.map { HiddenAuthenticator(authenticator: $0) } }
    }
}

extension MQTTClient.Configuration {
    /// Only MQTT 5.0 has enhanced authentication.
    @available(*, unavailable, message: "only MQTT 5.0 has enhanced authentication: use MQTT5Client, or credentials")
    public var authenticator: (any Authenticator)? {
        get { nil }
        set {}
    }
}
