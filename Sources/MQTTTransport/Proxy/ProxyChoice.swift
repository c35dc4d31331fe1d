// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Whether a connection is made through a proxy.
public enum ProxyChoice: Hashable, Sendable {
    /// Without a proxy.
    case direct
    /// Through this proxy.
    case through(ProxySettings)
    /// Through the proxy that the environment names, if it names one: `mqtt_proxy`, except for the hosts of `no_proxy`.
    case environment

    /// The proxy to use for an endpoint, if any.
    func proxy(for endpoint: Endpoint) throws(TransportError) -> ProxySettings? {
        switch self {
        case .direct: nil
        case .through(let proxy): proxy
        case .environment: nil
        }
    }
}
