// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Whom to trust and who we are, for connections with TLS.
///
/// Without arguments the settings are right for a broker whose certificate comes from a public authority. A broker of an
/// authority of your own:
///
/// ```swift
/// let settings = TLSSettings(trust: .file("/etc/mqtt/ca.pem"))
/// let endpoint = Endpoint.tls("broker.example.com", settings)
/// ```
///
/// AWS IoT on port 443, where the protocol of ALPN says what comes: `x-amzn-mqtt-ca` with a client certificate, `mqtt` with
/// a custom authorizer (on port 8883 none is needed):
///
/// ```swift
/// let settings = TLSSettings(
///     clientCertificate: .files(certificate: "thing.pem", key: "thing.key"),
///     applicationProtocols: ["x-amzn-mqtt-ca"]
/// )
/// let endpoint = Endpoint.tls("xxxxxxxx-ats.iot.eu-west-1.amazonaws.com", port: 443, settings)
/// ```
///
/// Files are read anew at each attempt to connect, so that renewed certificates are used after the next reconnect. Whatever
/// makes a connection less safe has `insecure` in its name, except for old versions of TLS and a check of the program's own;
/// the client warns of each when it starts. The environment variable `SSLKEYLOGFILE` is not heeded.
public struct TLSSettings: Hashable, Sendable {
    /// Whose certificates are accepted; what is given here replaces the system's authorities.
    public var trust: Trust

    /// The certificate that is shown to a server that asks for one.
    public var clientCertificate: ClientCertificate?

    /// The host name or IP address the server's certificate must be for, when it is not the host of the endpoint.
    ///
    /// A name is what the server is asked for by SNI, too; an address is not, since SNI knows names only (RFC 6066, 3). Unix
    /// sockets and custom transports have no host; for them it is "localhost" unless told otherwise.
    public var serverName: String?

    /// The oldest version of TLS to use; TLS 1.2 unless told otherwise.
    public var minimumVersion: Version

    /// The newest version of TLS to use; nil is the newest there is.
    public var maximumVersion: Version?

    /// How the server's certificate is checked.
    public var verification: Verification

    /// The protocols offered by ALPN, most wanted first; for example `x-amzn-mqtt-ca` for AWS IoT on port 443.
    ///
    /// A server that chooses none of them, as those that do not know ALPN, is accepted.
    public var applicationProtocols: [String]

    /// The cipher suites to offer up to TLS 1.2, most wanted first; empty is a good choice.
    ///
    /// Names of IANA or of OpenSSL: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` or `ECDHE-RSA-AES128-GCM-SHA256`. Those of
    /// TLS 1.3 are fixed and cannot be chosen here: all of them are safe.
    public var cipherSuites: [String]

    /// The groups for the exchange of keys, most wanted first; empty is a good choice.
    public var curves: [Curve]

    var keyLog: KeyLog?

    /// Makes settings; without arguments they are right for a broker with a public certificate.
    public init(
        trust: Trust = .system,
        clientCertificate: ClientCertificate? = nil,
        serverName: String? = nil,
        minimumVersion: Version = .tls12,
        maximumVersion: Version? = nil,
        verification: Verification = .full,
        applicationProtocols: [String] = [],
        cipherSuites: [String] = [],
        curves: [Curve] = []
    ) {
        self.trust = trust
        self.clientCertificate = clientCertificate
        self.serverName = serverName
        self.minimumVersion = minimumVersion
        self.maximumVersion = maximumVersion
        self.verification = verification
        self.applicationProtocols = applicationProtocols
        self.cipherSuites = cipherSuites
        self.curves = curves
    }
}
