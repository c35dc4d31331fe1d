// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTransport

extension Failure {
    /// What an error on the way to the broker means for the program's end, and what its user may try.
    init(_ error: TransportError, to endpoint: Endpoint) {
        let (stage, status) = Self.class(of: error)
        self.init(status, stage, error.message, advice: Self.advice(error, to: endpoint))
    }

    private static func `class`(of error: TransportError) -> (Stage, ExitClass) {
        switch error.code {
        case .nameResolutionFailed, .nameResolutionTimedOut: (.resolve, .unknownHost)
        case .connectionRefused, .connectTimedOut, .unreachable: (.connect, .unreachable)
        case .proxyRefused, .proxyTimedOut: (.proxy, .unreachable)
        case .proxyAuthenticationFailed: (.proxy, .refused)
        case .tlsHandshakeFailed, .certificateRejected: (.tls, .protocolError)
        case .tlsTimedOut: (.tls, .unreachable)
        case .tlsConfiguration: (.tls, .configuration)
        case .webSocketRefused, .webSocketViolation: (.websocket, .protocolError)
        case .webSocketTimedOut: (.websocket, .unreachable)
        case .headersUnavailable: (.websocket, .configuration)
        case .wrongProtocol: (self.stage(error.stage) ?? .session, .protocolError)
        case .invalidEndpoint: (.arguments, .usage)
        // During the handshake a server that closes says no; later it is a loss.
        case .closed where error.stage == .tls: (.tls, .protocolError)
        default: (self.stage(error.stage) ?? .connect, .unreachable)
        }
    }

    private static func stage(_ stage: TransportError.Stage?) -> Stage? {
        switch stage {
        case .preparing?: .arguments
        case .nameLookup?: .resolve
        case .connecting?: .connect
        case .proxy?: .proxy
        case .tls?: .tls
        case .webSocket?: .websocket
        case .open?: .session
        default: nil
        }
    }

    private static func advice(_ error: TransportError, to endpoint: Endpoint) -> String {
        switch error.code {
        case .nameResolutionFailed, .nameResolutionTimedOut: self.adviceOnName(endpoint)
        case .connectionRefused, .connectTimedOut, .unreachable: self.adviceOnReaching(endpoint)
        case .proxyRefused: "Check the proxy (--proxy), and that it may connect to this host and port."
        case .proxyTimedOut: "Check the proxy (--proxy), and that the broker runs."
        case .proxyAuthenticationFailed:
            "Give the proxy's user and password in its URL, by --proxy or in the variable mqtt_proxy."
        case .tlsHandshakeFailed, .tlsTimedOut, .closed: self.adviceOnTLS(error, endpoint)
        case .certificateRejected:
            "Name the authority with --cafile or --capath, the certificate's host with --server-name."
        case .webSocketRefused:
            "Check the port and the path (--ws-path, or in the URL), and what the server wants (-H)."
        case .webSocketTimedOut: "Is this the broker's port for WebSocket?"
        case .wrongProtocol: self.adviceOnProtocol(error, endpoint)
        default: ""
        }
    }

    private static func adviceOnName(_ endpoint: Endpoint) -> String {
        if endpoint.isService { return "Check the domain (-h); without -S one host is connected to." }
        return endpoint.proxy == .direct
            ? "Check the host (-h) and the network." : "Check the host (-h), the proxy (--proxy) and the network."
    }

    private static func adviceOnReaching(_ endpoint: Endpoint) -> String {
        if endpoint.isService { return "Check that the broker runs, and what the DNS says of it." }
        if endpoint.port == 0 { return "Check the path of the socket, and that the broker runs." }
        if endpoint.proxy != .direct { return "Check the proxy (--proxy), the port (-p) and that the broker runs." }
        return endpoint.socketOptions.bindAddress == nil
            ? "Check the port (-p) and that the broker runs."
            : "Check the port (-p), the address to connect from (-A) and that the broker runs."
    }

    private static func adviceOnTLS(_ error: TransportError, _ endpoint: Endpoint) -> String {
        guard endpoint.isSecure, error.stage != .open || error.code == .tlsHandshakeFailed else { return "" }
        if error.message.contains("client certificate") { return "Show one it accepts: --cert and --key." }
        return "Is this the broker's port for TLS? Without TLS: --no-tls, or mqtt:// or ws:// in the URL."
    }

    private static func adviceOnProtocol(_ error: TransportError, _ endpoint: Endpoint) -> String {
        if endpoint.isSecure, error.stage == .tls {
            return "Is this the broker's port for TLS? Without TLS: --no-tls, or mqtt:// or ws:// in the URL."
        }
        return
            "Is \(endpoint) an MQTT broker? A port for TLS needs TLS: --tls-use-os-certs or --cafile; one for WebSocket "
            + "--ws."
    }
}

extension Endpoint {
    /// Whether it has no host and no port but a path.
    private var isUnixSocket: Bool { self.port == 0 && self.description.hasPrefix("unix://") }

    /// Whether the DNS says which servers it has.
    var isService: Bool { self.port == 0 && !self.isUnixSocket }
}
