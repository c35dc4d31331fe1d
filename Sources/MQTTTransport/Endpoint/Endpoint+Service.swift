// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension Endpoint {
    /// The brokers that a domain names in its DNS with SRV records (RFC 2782).
    ///
    /// ```swift
    /// let client = MQTT5Client(to: .srv("example.com", tls: TLSSettings()))
    /// ```
    ///
    /// Asks for `_mqtt._tcp`, or with TLS for `_secure-mqtt._tcp`, at each attempt to connect anew, by the system's resolver.
    /// The servers found are tried in order of their priority, and by their weight at random among equals, until one takes
    /// the connection; all of them share the time of the attempt. A domain without servers fails with
    /// ``TransportError/Code/nameResolutionFailed``.
    ///
    /// The certificate has to be for the name of the server that was found. DNS is not protected: who can forge its answers
    /// chooses that name, and needs only a good certificate for a host of his own. ``TLSSettings/serverName`` can pin the
    /// name, for example to the domain itself, which RFC 6125 has servers of a service put into their certificates.
    ///
    /// - Parameters:
    ///   - domain: The domain; nil is the one this host is in, by its own name.
    ///   - tls: How to make TLS, or nil for a connection without: everything, passwords too, can be read on the way.
    ///   - webSocket: How to ask for a WebSocket, or nil for a connection without.
    /// - Returns: The endpoint.
    public static func srv(
        _ domain: String? = nil,
        tls: TLSSettings? = nil,
        webSocket: WebSocketSettings? = nil
    ) -> Self {
        let lookup = ServiceLookup(domain: domain, isSecure: tls != nil)
        return Self(target: .service(lookup), tls: tls, webSocket: webSocket)
    }

    /// The same, asked of one name server, an IP address and a port, once.
    package static func srv(
        _ domain: String?,
        tls: TLSSettings? = nil,
        webSocket: WebSocketSettings? = nil,
        nameServer: HostAndPort
    ) -> Self {
        var lookup = ServiceLookup(domain: domain, isSecure: tls != nil, nameServer: nameServer)
        lookup.attempts = 1
        lookup.patience = .seconds(4)
        return Self(target: .service(lookup), tls: tls, webSocket: webSocket)
    }
}
