// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension Endpoint {
    /// Reads a URL: `mqtt://host`, `mqtts://user:password@host:8883` or `mqtt://[::1]:1883`.
    ///
    /// The user name and the password are kept for CONNECT and never appear in ``description`` or in an error.
    ///
    /// - Throws: ``TransportError`` with code ``TransportError/Code/invalidEndpoint``, which says what is wrong.
    public init(url: String) throws(TransportError) {
        guard let (scheme, text, rest) = URLAuthority.split(url) else {
            // The URL is not shown: it may hold a password.
            throw Self.invalid("The URL has no scheme; write 'mqtt://host:port' or 'mqtts://host:port'.")
        }
        let defaultPort: Int
        let tls: TLSSettings?
        switch scheme {
        case "mqtt":
            (defaultPort, tls) = (1883, nil)
        case "mqtts":
            (defaultPort, tls) = (8883, TLSSettings())
        default:
            throw Self.invalid("The URL scheme \(scheme.debugDescription) is not known; use 'mqtt' or 'mqtts'.")
        }
        guard rest.isEmpty || rest == "/" else {
            throw Self.invalid("An \(scheme) URL has no path, query or fragment; end it after the port.")
        }
        let authority = try URLAuthority(text)
        self.init(
            host: authority.host,
            port: authority.port ?? defaultPort,
            tls: tls,
            userInfo: authority.userInfo?.value
        )
        try self.check()
    }

    private static func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }
}
