// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTTransport
internal import NIOSSL

extension BrokerTLS {
    /// What NIOSSL makes the server's side of connections with; reads files, so not for an event loop.
    func makeContext() throws(BrokerError) -> NIOSSLContext {
        let name = "The certificate \(self.certificate.name) and the key \(self.key.name)"
        let configuration: TLSConfiguration
        do throws(TransportError) {
            configuration = try self.configuration()
        } catch {
            throw BrokerError(.certificateUnusable, error.message, cause: error)
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw BrokerError(.certificateUnusable, "\(name) cannot be used together: \(error)", cause: error)
        }
    }

    private func configuration() throws(TransportError) -> TLSConfiguration {
        let name = "The certificate \(self.certificate.name)"
        let chain = try CertificateText.certificates(self.certificate.bytes(), of: name)
        let key = try CertificateText.privateKey(self.key.bytes(), password: nil, of: "The key \(self.key.name)")
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = self.minimumVersion.nioSSL
        if let authorities = self.clientAuthorities {
            configuration.trustRoots = .certificates(try authorities.load())
            configuration.certificateVerification = .noHostnameVerification
        }
        return configuration
    }

    /// How a client of this program gets in, if it needs no certificate of its own.
    var clientSettings: TLSSettings {
        var trust = self.endpointTrust
        if trust == nil {
            switch self.certificate {
            case .file(let path): trust = .file(path)
            case .bytes(let bytes): trust = .pem(bytes.value)
            }
        }
        return TLSSettings(trust: trust ?? .system, serverName: self.serverName)
    }
}

extension BrokerTLS.Source {
    fileprivate var name: String {
        switch self {
        case .file(let path): path.debugDescription
        case .bytes: "(given as bytes)"
        }
    }

    fileprivate func bytes() throws(TransportError) -> [UInt8] {
        switch self {
        case .file(let path): try FileBytes.read(path)
        case .bytes(let bytes): bytes.value
        }
    }
}
