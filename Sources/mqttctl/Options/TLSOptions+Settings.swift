// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

extension TLSOptions {
    /// Where the password of the key is.
    var keyPassword: SecretSource { SecretSource(file: self.keyPasswordFile, variable: self.keyPasswordEnv) }

    /// What the options say, with the password of the key if there is one.
    func settings(keyPassword: String? = nil) -> TLSSettings {
        var settings = TLSSettings(
            trust: self.cafile.map { .file($0) } ?? self.capath.map { .directory($0) } ?? .system,
            clientCertificate: self.clientCertificate(keyPassword),
            serverName: self.serverName,
            minimumVersion: self.tlsVersion ?? .tls12,
            applicationProtocols: self.tlsAlpn.map { [$0] } ?? [],
            cipherSuites: self.ciphers?.split(separator: ":").map(String.init) ?? []
        )
        if self.insecure {
            let isTrustGiven = self.cafile != nil || self.capath != nil || self.tlsUseOsCerts
            settings.verification = isTrustGiven ? .insecureWithoutHostName : .insecureNone
        }
        return self.tlsKeylog.map { settings.insecurelyLoggingKeys(toFile: $0) } ?? settings
    }

    private func clientCertificate(_ password: String?) -> TLSSettings.ClientCertificate? {
        guard let cert else { return nil }
        if self.isPKCS12 { return .pkcs12(file: cert, password: password) }
        return self.key.map { .files(certificate: cert, key: $0, password: password) }
    }
}
