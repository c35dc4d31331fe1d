// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension TransportError {
    /// The time was over at a stage.
    init(timedOutAt stage: Stage, to endpoint: Endpoint, after timeout: TimeAmount) {
        let code: Code =
            switch stage {
            case .nameLookup: .nameResolutionTimedOut
            case .proxy: .proxyTimedOut
            case .tls: .tlsTimedOut
            case .webSocket: .webSocketTimedOut
            default: .connectTimedOut
            }
        let words =
            "Connecting to \(endpoint) took longer than \(Self.text(timeout)); it was not done with: \(stage)."
        self = TransportError(code, words).at(stage)
    }

    /// The name of the host has no address.
    init(of endpoint: Endpoint, unresolvedBecause reason: String) {
        self.init(
            .nameResolutionFailed,
            "The host name \(endpoint.host.debugDescription) could not be resolved: \(reason)."
        )
    }

    /// The connection to the proxy itself could not be made.
    init(reaching proxy: ProxySettings, failedWith error: any Error) {
        let hop = Endpoint.tcp(proxy.host, port: proxy.port)
        let inner = TransportError(connectingTo: hop, failedWith: error)
        self.init(inner.code, "The proxy \(proxy) cannot be reached: \(inner.message)", cause: inner.cause)
    }

    private static func text(_ amount: TimeAmount) -> String {
        let milliseconds = amount.nanoseconds / 1_000_000
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000) s" : "\(milliseconds) ms"
    }
}
