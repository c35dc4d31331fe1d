// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The cipher suites of TLS 1.2 and before that can be asked for.
enum CipherSuiteNames {
    /// IANA's name and OpenSSL's.
    private static let known = [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
    ]

    private static let ofTLS13 = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ]

    /// The names as a list of OpenSSL's.
    ///
    /// NIOSSL traps on a list in which BoringSSL finds nothing it knows, so it sees only names of the table.
    static func list(_ names: [String]) throws(TransportError) -> String {
        var list: [String] = []
        for name in names {
            guard let suite = self.known.first(where: { $0.0 == name || $0.1 == name }) else {
                let shown = String(name.prefix(60)).debugDescription
                guard !self.ofTLS13.contains(name) else {
                    throw TransportError(
                        .tlsConfiguration,
                        "The cipher suite \(shown) is one of TLS 1.3, whose suites are fixed; name those of TLS 1.2 only."
                    )
                }
                throw TransportError(
                    .tlsConfiguration,
                    "The cipher suite \(shown) is not known; those that are: "
                        + self.known.map(\.1).joined(separator: ", ") + "."
                )
            }
            list.append(suite.1)
        }
        return list.joined(separator: ":")
    }
}
