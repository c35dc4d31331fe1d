// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Why no bytes can travel between this program and a broker.
public struct TransportError: Error, Sendable, CustomStringConvertible {
    /// What went wrong; later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name {
            case nameResolutionFailed, nameResolutionTimedOut, connectionRefused, connectTimedOut, unreachable
            case proxyRefused, proxyAuthenticationFailed, proxyTimedOut
            case tlsHandshakeFailed, tlsTimedOut, certificateRejected, tlsConfiguration
            case webSocketRefused, webSocketTimedOut, webSocketViolation, headersUnavailable
            case wrongProtocol, invalidEndpoint, closed, other
        }

        private let name: Name

        /// The host name has no address, or nobody could be asked for it.
        public static let nameResolutionFailed = Self(name: .nameResolutionFailed)
        /// The name lookup took longer than the timeout.
        public static let nameResolutionTimedOut = Self(name: .nameResolutionTimedOut)
        /// Nobody listens on that port.
        public static let connectionRefused = Self(name: .connectionRefused)
        /// The TCP connection could not be made before the timeout.
        public static let connectTimedOut = Self(name: .connectTimedOut)
        /// There is no way to the host.
        public static let unreachable = Self(name: .unreachable)
        /// The proxy does not connect to the broker, or is no such proxy.
        public static let proxyRefused = Self(name: .proxyRefused)
        /// The proxy wants a user name and password, or others.
        public static let proxyAuthenticationFailed = Self(name: .proxyAuthenticationFailed)
        /// The proxy did not answer before the timeout, or had no answer from the broker.
        public static let proxyTimedOut = Self(name: .proxyTimedOut)
        /// The two sides could not agree on TLS, or the server did not accept this client.
        public static let tlsHandshakeFailed = Self(name: .tlsHandshakeFailed)
        /// The TLS handshake was not done before the timeout.
        public static let tlsTimedOut = Self(name: .tlsTimedOut)
        /// This client does not accept the server's certificate: unknown authority, expired, or another host's.
        public static let certificateRejected = Self(name: .certificateRejected)
        /// A file or value of ``TLSSettings`` cannot be used; nothing was sent.
        public static let tlsConfiguration = Self(name: .tlsConfiguration)
        /// The HTTP server does not give a WebSocket, or not one for MQTT.
        public static let webSocketRefused = Self(name: .webSocketRefused)
        /// The answer to the request for a WebSocket did not come before the timeout.
        public static let webSocketTimedOut = Self(name: .webSocketTimedOut)
        /// The server broke the rules of WebSocket, or sent text where MQTT is binary (MQTT 5.0, 6).
        public static let webSocketViolation = Self(name: .webSocketViolation)
        /// The function that gives the headers of the WebSocket request threw; nothing was asked.
        public static let headersUnavailable = Self(name: .headersUnavailable)
        /// The server speaks something else on that port: TLS, or HTTP, where MQTT was expected, or the reverse.
        public static let wrongProtocol = Self(name: .wrongProtocol)
        /// The host, port or URL of an ``Endpoint`` cannot be used; nothing was sent.
        public static let invalidEndpoint = Self(name: .invalidEndpoint)
        /// The connection ended.
        public static let closed = Self(name: .closed)
        /// Something else; see the message and the cause.
        public static let other = Self(name: .other)

        /// The name of the code.
        public var description: String { String(describing: self.name) }
    }

    /// How far an attempt to connect had come; later versions may add stages.
    public struct Stage: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String {
            case preparing = "preparation"
            case nameLookup = "name lookup"
            case connecting = "connection"
            case proxy = "proxy handshake"
            case tls = "TLS handshake"
            case webSocket = "WebSocket handshake"
            case open = "open connection"
        }

        private let name: Name

        /// Files were read and settings checked; nothing was sent.
        public static let preparing = Self(name: .preparing)
        /// The addresses of the host, or the hosts of the service, were looked up.
        public static let nameLookup = Self(name: .nameLookup)
        /// The connection itself was made: TCP, a Unix socket, a custom transport.
        public static let connecting = Self(name: .connecting)
        /// The proxy was asked to connect to the broker.
        public static let proxy = Self(name: .proxy)
        /// TLS shook hands, with the broker or with the proxy.
        public static let tls = Self(name: .tls)
        /// The server was asked for a WebSocket.
        public static let webSocket = Self(name: .webSocket)
        /// The connection stood.
        public static let open = Self(name: .open)

        /// The name of the stage.
        public var description: String { self.name.rawValue }
    }

    /// What went wrong.
    public let code: Code

    /// Where it went wrong.
    public private(set) var stage: Stage?

    /// What went wrong, and where, for a person; it never holds credentials.
    public let message: String

    /// The status of the answer that refused a WebSocket or a tunnel, as 403; nil where no HTTP was spoken.
    public internal(set) var httpStatus: Int?

    /// The error underneath, if there is one.
    public let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The same error, of the stage, unless it has one.
    func at(_ stage: Stage) -> TransportError {
        var error = self
        error.stage = error.stage ?? stage
        return error
    }

    /// The message and the code.
    public var description: String { "\(self.message) (\(self.code))" }
}
