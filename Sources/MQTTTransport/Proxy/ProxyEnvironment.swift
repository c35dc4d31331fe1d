// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// What the environment says about proxies.
struct ProxyEnvironment {
    /// The value of a variable, if it is set.
    let value: (String) -> String?

    /// That of this process.
    static var system: Self { Self { name in getenv(name).map { String(cString: $0) } } }

    /// The proxy to use for an endpoint, if any; an error names the variable and does not show its value.
    func proxy(for endpoint: Endpoint) throws(TransportError) -> ProxySettings? {
        guard case .host(let host, let port) = endpoint.target, let (name, text) = self.first(of: "mqtt_proxy") else {
            return nil
        }
        if let (name, list) = self.first(of: "no_proxy") {
            guard let exceptions = ProxyExceptions(list) else {
                throw TransportError(
                    .invalidEndpoint,
                    "The environment variable \(name) is no list of hosts, domains, IP addresses and blocks of them."
                )
            }
            if exceptions.contain(host: host, port: port) { return nil }
        }
        do throws(TransportError) {
            return try ProxySettings(url: text.contains("://") ? text : "http://\(text)")
        } catch {
            throw TransportError(error.code, "The environment variable \(name) names no proxy: \(error.message)")
        }
    }

    /// The variable in small letters, or else in capitals; nil when it is empty.
    private func first(of name: String) -> (name: String, value: String)? {
        for name in [name, name.uppercased()] {
            guard let value = self.value(name) else { continue }
            let trimmed = value.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
            return trimmed.isEmpty ? nil : (name, String(trimmed))
        }
        return nil
    }
}
