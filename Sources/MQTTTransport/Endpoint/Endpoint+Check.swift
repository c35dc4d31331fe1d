// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension Endpoint {
    /// The host name to use where there is a name but no host, as in an HTTP request or a certificate.
    var serverName: String {
        switch self.target {
        case .host(let host, _): host
        case .path, .service, .stream: "localhost"
        }
    }

    /// Throws when the endpoint cannot be used.
    package func check() throws(TransportError) {
        try self.socketOptions.check()
        switch self.target {
        case .host(let host, let port):
            try Self.check(port: port, of: "The port")
            try Self.check(host: host, of: "The host")
        case .path(let path):
            try self.checkProxyIsNotNeeded("A Unix socket")
            // What fits into sockaddr_un with its final zero, on every system.
            guard (1...103).contains(path.utf8.count), !path.utf8.contains(0) else {
                throw TransportError(.invalidEndpoint, "The path of the Unix socket is not 1 to 103 bytes long.")
            }
        case .service(let service):
            try service.check()
        case .stream:
            try self.checkProxyIsNotNeeded("A custom transport")
        }
    }

    private func checkProxyIsNotNeeded(_ what: String) throws(TransportError) {
        guard case .through = self.proxy else { return }
        throw TransportError(.invalidEndpoint, "\(what) cannot be reached through a proxy.")
    }

    static func check(port: Int, of name: String) throws(TransportError) {
        guard (1...65_535).contains(port) else {
            throw TransportError(.invalidEndpoint, "\(name) \(port) is not between 1 and 65535.")
        }
    }

    static func check(host: String, of name: String) throws(TransportError) {
        guard !host.isEmpty else {
            throw TransportError(.invalidEndpoint, "\(name) is empty; give a host name or an IP address.")
        }
        guard !host.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }), host.utf8.count <= 255 else {
            throw TransportError(
                .invalidEndpoint,
                "\(name) \(String(host.prefix(60)).debugDescription) is longer than 255 bytes or holds spaces or "
                    + "control characters."
            )
        }
    }
}
