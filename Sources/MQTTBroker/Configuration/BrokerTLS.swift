// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTTransport

/// The certificate and key of a listener with TLS, and whether clients need a certificate of their own.
public struct BrokerTLS: Hashable, Sendable {
    enum Source: Hashable, Sendable {
        case file(String)
        case bytes(Hidden<[UInt8]>)
    }

    let certificate: Source
    let key: Source

    /// Whose certificates the clients must have; nil asks for none.
    public var clientAuthorities: TLSSettings.Trust?

    /// Whom ``Broker/endpoint`` trusts; nil is the certificates of the listener itself, which is right where the last one of
    /// them is that of the authority, or signed by itself.
    public var endpointTrust: TLSSettings.Trust?

    /// The name in the certificate, for ``Broker/endpoint``; nil is the address of the listener.
    public var serverName: String?

    /// The oldest version of TLS to accept.
    public var minimumVersion = TLSSettings.Version.tls12

    private init(certificate: Source, key: Source) {
        self.certificate = certificate
        self.key = key
    }

    /// Files, PEM or DER: the certificate, with those between it and its authority behind it, and its key, not encrypted.
    ///
    /// They are read when the broker starts.
    public static func files(certificate: String, key: String) -> Self {
        Self(certificate: .file(certificate), key: .file(key))
    }

    /// The same as bytes.
    public static func bytes(certificate: [UInt8], key: [UInt8]) -> Self {
        Self(certificate: .bytes(Hidden(certificate)), key: .bytes(Hidden(key)))
    }
}
