// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Why no bytes can travel between this program and a broker.
public struct TransportError: Error, Sendable, CustomStringConvertible {
    /// What went wrong; later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name {
            case nameResolutionFailed, connectionRefused, connectTimedOut, unreachable, tlsHandshakeFailed
            case certificateRejected, tlsConfiguration, invalidEndpoint, closed, other
        }

        private let name: Name

        /// The host name has no address, or nobody could be asked for it.
        public static let nameResolutionFailed = Self(name: .nameResolutionFailed)
        /// Nobody listens on that port.
        public static let connectionRefused = Self(name: .connectionRefused)
        /// The name lookup, the connection and the TLS handshake together took longer than the timeout.
        public static let connectTimedOut = Self(name: .connectTimedOut)
        /// There is no way to the host.
        public static let unreachable = Self(name: .unreachable)
        /// The two sides could not agree on TLS, or the server did not accept this client.
        public static let tlsHandshakeFailed = Self(name: .tlsHandshakeFailed)
        /// This client does not accept the server's certificate: unknown authority, expired, or another host's.
        public static let certificateRejected = Self(name: .certificateRejected)
        /// A file or value of ``TLSSettings`` cannot be used; nothing was sent.
        public static let tlsConfiguration = Self(name: .tlsConfiguration)
        /// The host, port or URL of an ``Endpoint`` cannot be used; nothing was sent.
        public static let invalidEndpoint = Self(name: .invalidEndpoint)
        /// The connection ended.
        public static let closed = Self(name: .closed)
        /// Something else; see the message and the cause.
        public static let other = Self(name: .other)

        /// The name of the code.
        public var description: String { String(describing: self.name) }
    }

    /// What went wrong.
    public let code: Code

    /// What went wrong, and where, for a person; it never holds credentials.
    public let message: String

    /// The error underneath, if there is one.
    public let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message and the code.
    public var description: String { "\(self.message) (\(self.code))" }
}
