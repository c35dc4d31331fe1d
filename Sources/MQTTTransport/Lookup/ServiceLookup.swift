// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A service of a domain, whose servers its DNS names (RFC 2782).
struct ServiceLookup: Hashable, Sendable {
    /// nil is the domain of this host.
    var domain: String?
    /// Whether to ask for `_secure-mqtt._tcp` instead of `_mqtt._tcp`.
    var isSecure: Bool
    /// The name server to ask, an IP address and a port; nil is the system's.
    var nameServer: HostAndPort?

    /// The servers, in the order in which to try them; blocks, so not on an event loop.
    func servers() throws(TransportError) -> [HostAndPort] {
        throw TransportError(.other, "to be written")
    }
}
