// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// Whether and how to use TLS.
struct TLSOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The authorities to trust, in PEM form.", valueName: "file"))
    var cafile: String?

    @Option(help: ArgumentHelp("A folder with the authorities to trust.", valueName: "folder"))
    var capath: String?

    @Option(
        help: ArgumentHelp(
            "The client's certificate: PEM with its key in --key, or PKCS#12 in a file .p12 or .pfx.",
            valueName: "file"
        )
    )
    var cert: String?

    @Option(help: ArgumentHelp("The key of the client's certificate, in PEM form.", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp("A file with the password of the key, or of PKCS#12, in its first line.", valueName: "file")
    )
    var keyPasswordFile: String?

    @Option(help: ArgumentHelp("An environment variable with the password of the key.", valueName: "variable"))
    var keyPasswordEnv: String?

    @Flag(
        help: """
            Do not check that the certificate is for this host; without --cafile, --capath and --tls-use-os-certs do not \
            check it at all. For tests only.
            """
    )
    var insecure = false

    @Flag(help: "Use TLS and trust the system's authorities (what TLS does without --cafile and --capath).")
    var tlsUseOsCerts = false

    @Option(
        help: "The oldest version of TLS: tlsv1.2 or tlsv1.3 (default: tlsv1.2).",
        transform: TLSOptions.version
    )
    var tlsVersion: TLSSettings.Version?

    @Option(
        help: ArgumentHelp(
            "The cipher suites to offer up to TLS 1.2, by OpenSSL's names or IANA's, with colons between.",
            valueName: "list"
        )
    )
    var ciphers: String?

    @Option(help: ArgumentHelp("The protocol to ask for by ALPN, for example mqtt.", valueName: "protocol"))
    var tlsAlpn: String?

    @Option(help: ArgumentHelp("The name in the broker's certificate, where it is not the host.", valueName: "name"))
    var serverName: String?

    @Option(
        help: ArgumentHelp(
            "Append the keys of the connections to a file, with which everything can be read. For debugging only.",
            valueName: "file"
        )
    )
    var tlsKeylog: String?

    @Flag(help: "No TLS, also on port 8883.")
    var noTls = false

    func validate() throws {
        try self.validateCertificate()
        let authorities = [self.cafile != nil, self.capath != nil, self.tlsUseOsCerts].filter { $0 }
        guard authorities.count <= 1 else {
            throw ValidationError("Say once whom to trust: --cafile, --capath or --tls-use-os-certs, not both.")
        }
        if let ciphers {
            guard !ciphers.split(separator: ":").isEmpty else {
                throw ValidationError("--ciphers is empty: name suites, with colons between, or leave it out.")
            }
            if self.tlsVersion == .tls13 {
                throw ValidationError("The cipher suites of TLS 1.3 are fixed: leave out --ciphers, or allow tlsv1.2.")
            }
        }
        if self.noTls, self.isAskedFor {
            throw ValidationError("--no-tls and other options of TLS exclude each other.")
        }
    }

    private func validateCertificate() throws {
        if self.isPKCS12 {
            if self.key != nil {
                throw ValidationError("A PKCS#12 file holds the key, too: leave out --key.")
            }
        } else if (self.cert == nil) != (self.key == nil) {
            throw ValidationError("--cert and --key belong together, unless --cert is a PKCS#12 file (.p12, .pfx).")
        }
        if self.keyPasswordFile != nil, self.keyPasswordEnv != nil {
            throw ValidationError("Give one password of the key: --key-password-file or --key-password-env.")
        }
        if self.cert == nil, self.keyPasswordFile != nil || self.keyPasswordEnv != nil {
            throw ValidationError("A password of a key needs the key: --cert and --key, or a PKCS#12 file in --cert.")
        }
    }

    /// The certificate and its key are in one file.
    var isPKCS12: Bool {
        let name = self.cert?.lowercased() ?? ""
        return name.hasSuffix(".p12") || name.hasSuffix(".pfx")
    }

    /// Whether an option makes sense with TLS only.
    var isAskedFor: Bool {
        self.cafile != nil || self.capath != nil || self.cert != nil || self.insecure || self.tlsUseOsCerts
            || self.tlsVersion != nil || self.ciphers != nil || self.tlsAlpn != nil || self.serverName != nil
            || self.tlsKeylog != nil
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
