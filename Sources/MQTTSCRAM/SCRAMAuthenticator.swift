// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTT

/// Proves that the client knows a password without sending it, and finds out whether the server knows it too (RFC 5802,
/// RFC 7677).
///
/// ```swift
/// configuration.authenticator = SCRAMAuthenticator(.sha256, username: "user", password: "pencil")
/// ```
///
/// The server learns enough to guess weak passwords, so that TLS is still worth having; the exchange is not bound to the
/// TLS connection. What the password makes with the server's salt is kept, so that only the first exchange is expensive.
public struct SCRAMAuthenticator: Authenticator {
    /// Which hash function is used.
    public let mechanism: SCRAMMechanism

    /// A server that asks for fewer rounds of hashing is refused: it makes the password easy to guess.
    public var minimumIterations = 4_096

    /// A server that asks for more rounds of hashing is refused: it may only want to keep the client busy.
    ///
    /// The time of the first exchange grows with them.
    public var maximumIterations = 1_000_000

    private enum Source: Sendable {
        case value(SCRAMCredentials)
        case provider(@Sendable () async throws -> SCRAMCredentials)
    }

    private let source: Source
    private let cache = KeyCache()

    /// Uses the same user name and password in every exchange.
    public init(_ mechanism: SCRAMMechanism, username: String, password: String) {
        self.mechanism = mechanism
        self.source = .value(SCRAMCredentials(username: username, password: password))
    }

    /// Asks for user name and password before each exchange, for passwords that change.
    ///
    /// When it throws, the attempt to connect fails with `credentialsUnavailable`.
    public init(_ mechanism: SCRAMMechanism, provider: @escaping @Sendable () async throws -> SCRAMCredentials) {
        self.mechanism = mechanism
        self.source = .provider(provider)
    }

    /// "SCRAM-SHA-256" or "SCRAM-SHA-512".
    public var method: String { self.mechanism.name }

    /// Whether a provider is asked each time.
    public var credentialsMayChange: Bool { if case .provider = self.source { true } else { false } }

    /// Makes the client's side of one exchange.
    ///
    /// - Throws: ``SCRAMError`` with code `invalidCredentials`, or what the provider throws.
    public func makeExchange() async throws -> any AuthenticationExchange {
        let credentials: SCRAMCredentials
        switch self.source {
        case .value(let value): credentials = value
        case .provider(let provider): credentials = try await provider()
        }
        var exchange = try SCRAMExchange(self.mechanism, credentials, nonce: SCRAMExchange.makeNonce())
        exchange.iterations = self.minimumIterations...max(self.minimumIterations, self.maximumIterations)
        exchange.cache = self.cache
        return exchange
    }
}

extension SCRAMAuthenticator: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The mechanism, without credentials.
    public var description: String { self.mechanism.name }

    /// The mechanism, without credentials.
    public var debugDescription: String { self.mechanism.name }

    /// Does not show the credentials.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
