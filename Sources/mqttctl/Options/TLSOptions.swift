// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// Whether and how to use TLS.
struct TLSOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The authorities to trust, in PEM form.", valueName: "file"))
    var cafile: String?

    @Option(help: ArgumentHelp("The client's certificate, in PEM form.", valueName: "file"))
    var cert: String?

    @Option(help: ArgumentHelp("The key of the client's certificate, in PEM form.", valueName: "file"))
    var key: String?

    @Flag(
        help: """
            Do not check that the certificate is for this host; without --cafile and --tls-use-os-certs do not check it at \
            all. For tests only.
            """
    )
    var insecure = false

    @Flag(help: "Use TLS and trust the system's authorities (what TLS does without --cafile).")
    var tlsUseOsCerts = false

    @Option(
        help: "The oldest version of TLS: tlsv1.2 or tlsv1.3 (default: tlsv1.2).",
        transform: TLSOptions.version
    )
    var tlsVersion: TLSSettings.Version?

    @Option(help: ArgumentHelp("The protocol to ask for by ALPN, for example mqtt.", valueName: "protocol"))
    var tlsAlpn: String?

    @Option(help: ArgumentHelp("The name in the broker's certificate, where it is not the host.", valueName: "name"))
    var serverName: String?

    @Flag(help: "No TLS, also on port 8883.")
    var noTls = false

    func validate() throws {
        if (self.cert == nil) != (self.key == nil) {
            throw ValidationError("--cert and --key belong together.")
        }
        if self.cafile != nil, self.tlsUseOsCerts {
            throw ValidationError("Give --cafile or --tls-use-os-certs, not both.")
        }
        if self.noTls, self.isAskedFor {
            throw ValidationError("--no-tls and other options of TLS exclude each other.")
        }
    }

    /// Whether an option makes sense with TLS only.
    var isAskedFor: Bool {
        self.cafile != nil || self.cert != nil || self.insecure || self.tlsUseOsCerts || self.tlsVersion != nil
            || self.tlsAlpn != nil || self.serverName != nil
    }

    var settings: TLSSettings {
        var settings = TLSSettings(
            trust: self.cafile.map { .file($0) } ?? .system,
            serverName: self.serverName,
            minimumVersion: self.tlsVersion ?? .tls12,
            applicationProtocols: self.tlsAlpn.map { [$0] } ?? []
        )
        if let cert, let key { settings.clientCertificate = .files(certificate: cert, key: key) }
        if self.insecure {
            let isTrustGiven = self.cafile != nil || self.tlsUseOsCerts
            settings.verification = isTrustGiven ? .insecureWithoutHostName : .insecureNone
        }
        return settings
    }

    static func version(_ text: String) throws -> TLSSettings.Version {
        switch text.lowercased() {
        case "tlsv1.3", "1.3": return .tls13
        case "tlsv1.2", "1.2": return .tls12
        case "tlsv1.1", "1.1": return .tls11
        case "tlsv1", "tlsv1.0", "1.0": return .tls10
        default: throw ValidationError("Write tlsv1.2 or tlsv1.3.")
        }
    }
}
