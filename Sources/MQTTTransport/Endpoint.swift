// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Where a broker is and how to talk to it: a host, a port, with or without TLS.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A user name, and a password if there is one.
    package struct UserInfo: Hashable, Sendable {
        package var user: String
        package var password: String?

        package init(user: String, password: String?) {
            self.user = user
            self.password = password
        }
    }

    /// The host name or IP address; an IPv6 address without brackets.
    public let host: String

    /// The port.
    public let port: Int

    /// How to make TLS, or nil for a plain connection.
    package let tls: TLSSettings?

    /// The credentials of the URL; they are for CONNECT and no business of the transport.
    package private(set) var userInfo: Hidden<UserInfo>?

    init(host: String, port: Int, tls: TLSSettings?, userInfo: UserInfo? = nil) {
        let utf8 = host.utf8
        let isBracketed = utf8.first == UInt8(ascii: "[") && utf8.last == UInt8(ascii: "]") && utf8.count > 2
        self.host = isBracketed ? String(host.dropFirst().dropLast()) : host
        self.port = port
        self.tls = tls
        self.userInfo = userInfo.map { Hidden($0) }
    }

    /// A broker without TLS: everything, passwords too, can be read on the way.
    public static func tcp(_ host: String, port: Int = 1883) -> Self {
        Self(host: host, port: port, tls: nil)
    }

    /// A broker with TLS; by default the system's authorities are trusted and the host name is checked.
    public static func tls(_ host: String, port: Int = 8883, _ settings: TLSSettings = TLSSettings()) -> Self {
        Self(host: host, port: port, tls: settings)
    }

    /// The same kind of endpoint on another host, whose own name its certificate has to be for.
    package func moved(to host: String, port: Int?) -> Endpoint {
        var tls = self.tls
        tls?.serverName = nil
        return Endpoint(host: host, port: port ?? self.port, tls: tls, userInfo: self.userInfo?.value)
    }

    /// The endpoint as a URL, without credentials, for example `mqtts://broker.example.com:8883`.
    public var description: String {
        let scheme = self.tls == nil ? "mqtt" : "mqtts"
        let isIPv6 = self.host.utf8.contains(UInt8(ascii: ":"))
        return "\(scheme)://\(isIPv6 ? "[\(self.host)]" : self.host):\(self.port)"
    }

    /// Throws when the host or the port cannot be used.
    package func check() throws(TransportError) {
        guard (1...65_535).contains(self.port) else {
            throw TransportError(.invalidEndpoint, "The port \(self.port) is not between 1 and 65535.")
        }
        guard !self.host.isEmpty else {
            throw TransportError(.invalidEndpoint, "The host is empty; give a host name or an IP address.")
        }
        guard !self.host.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }), self.host.utf8.count <= 255 else {
            throw TransportError(
                .invalidEndpoint,
                "The host \(String(self.host.prefix(60)).debugDescription) is longer than 255 bytes or holds spaces or "
                    + "control characters."
            )
        }
    }
}
