// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Whether a connection is made through a proxy.
public enum ProxyChoice: Hashable, Sendable {
    /// Without a proxy.
    case direct
    /// Through this proxy.
    case through(ProxySettings)
    /// Through the proxy that the environment names, if it names one.
    ///
    /// `mqtt_proxy`, or `MQTT_PROXY`, holds a URL as ``ProxySettings/init(url:)`` reads it, or a host and port of an HTTP
    /// proxy. `no_proxy`, or `NO_PROXY`, lists what is reached without it, with commas: hosts and domains with all below
    /// them, IP addresses, blocks of them (`10.0.0.0/8`), each with `:port` if it is for one port only; `*` is everything.
    /// The variables are read at each attempt to connect; the name in small letters comes first, and an empty one is none.
    case environment

    /// The proxy to use for an endpoint, if any.
    func proxy(for endpoint: Endpoint) throws(TransportError) -> ProxySettings? {
        switch self {
        case .direct: nil
        case .through(let proxy): proxy
        case .environment: try ProxyEnvironment.system.proxy(for: endpoint)
        }
    }
}
