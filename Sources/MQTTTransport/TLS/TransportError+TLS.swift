// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOSSL

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

extension TransportError {
    /// What an error of TLS was, during the handshake or later; nil when it is no error of TLS.
    ///
    /// With TLS 1.3 a server that refuses the client's certificate says so after the handshake.
    ///
    /// - Parameters:
    ///   - endpoint: The server.
    ///   - error: What was caught.
    ///   - certificate: The one the server showed, if it came to that.
    init?(ofTLSWith endpoint: Endpoint, _ error: any Error, certificate: NIOSSLCertificate? = nil) {
        switch error {
        case let error as NIOSSLError:
            self = Self(endpoint, error, certificate)
        case let error as BoringSSLError:
            self = Self.handshake(endpoint, error, certificate, cause: error)
        case let error as NIOSSLExtraError
        where error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch:
            let name = endpoint.tls?.serverName ?? endpoint.serverName
            self = Self(
                .certificateRejected,
                "The certificate of \(endpoint) is for another host: it does not name \(name.debugDescription).",
                cause: error
            )
        case let error as NIOSSLExtraError:
            self = Self(.tlsHandshakeFailed, "TLS with \(endpoint) failed: \(error)", cause: error)
        default:
            return nil
        }
    }

    /// The connection ended during the handshake, with or without an error.
    init(ofTLSWith endpoint: Endpoint, endedBy error: (any Error)?) {
        switch error {
        case let error as TransportError:
            self = error
        case let error?:
            let reason = (error as? IOError)?.description ?? "\(error)"
            self.init(
                .tlsHandshakeFailed,
                "The connection to \(endpoint) broke during the TLS handshake; it may not speak TLS on this port: \(reason)",
                cause: error
            )
        case nil:
            let words = "\(endpoint) closed the connection during the TLS handshake; it may not speak TLS on this port."
            self.init(.tlsHandshakeFailed, words)
        }
    }

    private init(_ endpoint: Endpoint, _ error: NIOSSLError, _ certificate: NIOSSLCertificate?) {
        switch error {
        case .handshakeFailed(let error):
            self = Self.handshake(endpoint, error, certificate, cause: error)
        case .noCertificateToValidate, .unableToValidateCertificate, .cannotMatchULabel, .cannotFindPeerIP:
            self = Self(
                .certificateRejected,
                "The certificate of \(endpoint) could not be checked: \(error)",
                cause: error
            )
        case .uncleanShutdown:
            self = Self(.closed, "\(endpoint) closed the connection without ending TLS.", cause: error)
        default:
            self = Self(.tlsHandshakeFailed, "TLS with \(endpoint) failed: \(error)", cause: error)
        }
    }

    private static func handshake(
        _ endpoint: Endpoint,
        _ error: BoringSSLError,
        _ certificate: NIOSSLCertificate?,
        cause: any Error
    ) -> Self {
        if error == .sslError([.eofDuringHandshake]) {
            return Self(
                .tlsHandshakeFailed,
                "\(endpoint) closed the connection during the TLS handshake; it may not speak TLS on this port.",
                cause: cause
            )
        }
        let words = self.words(of: error)
        if words.contains("CERTIFICATE_VERIFY_FAILED") {
            return Self(
                .certificateRejected,
                "The certificate of \(endpoint) is not accepted: \(self.objection(to: certificate)).",
                cause: cause
            )
        }
        let code: Code = self.isPlaintext(words) ? .wrongProtocol : .tlsHandshakeFailed
        return Self(code, "\(endpoint) \(self.explanation(of: words)) (\(words)).", cause: cause)
    }

    /// BoringSSL keeps to itself why it did not accept a certificate, but a date can be seen from here.
    private static func objection(to certificate: NIOSSLCertificate?) -> String {
        let now = time(nil)
        if let certificate, certificate.notValidAfter < now { return "it has expired" }
        if let certificate, certificate.notValidBefore > now { return "it is not valid yet; check the clock" }
        if let certificate, !certificate.subjectName.isEmpty, certificate.subjectName == certificate.issuerName {
            return "it is self-signed and not among those that are trusted"
        }
        return "it was not issued by a trusted authority (CA)"
    }

    /// Whether BoringSSL took what came for no TLS; most of that is seen before it.
    private static func isPlaintext(_ words: String) -> Bool {
        ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"].contains { words.contains($0) }
    }

    private static func explanation(of words: String) -> String {
        let table = [
            ("WRONG_VERSION_NUMBER", "does not speak TLS on this port"),
            ("HTTP_REQUEST", "does not speak TLS on this port"),
            ("UNEXPECTED_MESSAGE", "does not keep to the rules of TLS"),
            ("UNKNOWN_PROTOCOL", "does not speak TLS on this port"),
            ("CERTIFICATE_REQUIRED", "wants a client certificate"),
            ("ALERT_UNKNOWN_CA", "does not trust the authority of the client certificate"),
            ("ALERT_CERTIFICATE_EXPIRED", "says that the client certificate has expired"),
            ("ALERT_CERTIFICATE_REVOKED", "says that the client certificate was revoked"),
            ("ALERT_BAD_CERTIFICATE", "does not accept the client certificate"),
            ("ALERT_UNSUPPORTED_CERTIFICATE", "does not accept the client certificate"),
            ("ALERT_CERTIFICATE_UNKNOWN", "does not accept the client certificate"),
            ("ALERT_PROTOCOL_VERSION", "speaks no version of TLS that is allowed here"),
            ("UNSUPPORTED_PROTOCOL", "speaks no version of TLS that is allowed here"),
            ("ALERT_NO_APPLICATION_PROTOCOL", "knows none of the ALPN protocols"),
            ("ALERT_UNRECOGNIZED_NAME", "does not know the server name"),
            ("ALERT_HANDSHAKE_FAILURE", "refused the TLS handshake; it may want a client certificate"),
        ]
        return table.first { words.contains($0.0) }?.1 ?? "and this client cannot agree on TLS"
    }

    /// The words of BoringSSL without numbers and source lines, such as `CERTIFICATE_VERIFY_FAILED`.
    static func words(of error: any Error) -> String {
        guard let error = error as? BoringSSLError else { return "\(error)" }
        switch error {
        case .sslError(let stack), .unknownError(let stack), .invalidSNIName(let stack), .failedToSetALPN(let stack):
            // "Error: 268435581 error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at file:1"
            let words = stack.map { entry in
                let text = String(describing: entry)
                let end = text.firstRange(of: " at ")?.lowerBound ?? text.endIndex
                return text[..<end].split(separator: ":").last.map(String.init) ?? text
            }
            return words.isEmpty ? "no reason given" : words.joined(separator: ", ")
        default:
            return "\(error)"
        }
    }
}
