// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
public import NIOCore

/// A user name and a password, or where to get them at each attempt to connect.
///
/// Their description never shows them.
public struct Credentials: Sendable, CustomStringConvertible {
    /// One user name and password.
    public struct Value: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
        /// The user name; nil sends none, which before 5.0 is only allowed without a password.
        public var username: String?

        /// The password, any bytes.
        public var password: ByteBuffer?

        /// Makes credentials of text.
        public init(username: String?, password: String? = nil) {
            self.username = username
            self.password = password.map { ByteBuffer(string: $0) }
        }

        /// Makes credentials with a password of any bytes.
        public init(username: String?, passwordBytes: ByteBuffer) {
            self.username = username
            self.password = passwordBytes
        }

        /// Does not show them.
        public var description: String { "credentials" }

        /// Does not show them.
        public var debugDescription: String { "credentials" }

        /// Does not show them.
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    enum Source: Sendable {
        case value(Value)
        case provider(@Sendable (_ previous: MQTTError?) async throws -> Value)
    }

    let source: Source

    /// Uses the same user name and password at every attempt.
    public init(username: String?, password: String? = nil) {
        self.source = .value(Value(username: username, password: password))
    }

    /// Uses the same user name and password, of any bytes, at every attempt.
    public init(username: String?, passwordBytes: ByteBuffer) {
        self.source = .value(Value(username: username, passwordBytes: passwordBytes))
    }

    /// Asks for the credentials at each attempt to connect, for tokens that expire.
    ///
    /// When it throws, the attempt fails with ``MQTTError/Code/credentialsUnavailable`` and is retried by the reconnect policy.
    public init(provider: @escaping @Sendable () async throws -> Value) {
        self.source = .provider { _ in try await provider() }
    }

    /// Asks for the credentials at each attempt to connect, and says how the attempt or connection before it ended.
    ///
    /// The error is nil at the first attempt since ``MQTTClient/connect()``. After a refusal with "bad user name or password"
    /// or "not authorized" its ``MQTTError/reason`` says so: the time to get a new token. Refused credentials are asked for
    /// again five times.
    public init(provider: @escaping @Sendable (_ previous: MQTTError?) async throws -> Value) {
        self.source = .provider(provider)
    }

    /// Does not show them.
    public var description: String { "credentials" }

    /// What goes into every CONNECT; nil when a provider is asked each time.
    var fixed: ConnectCredentials? {
        if case .value(let value) = self.source { ConnectCredentials(value) } else { nil }
    }

    var mayChange: Bool { if case .provider = self.source { true } else { false } }
}
