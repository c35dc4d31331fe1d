// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Waits behind TLS for the end of the handshake and leaves the pipeline then.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let endpoint: Endpoint
    private let identity: ServerIdentity
    /// Whether the certificate has to name the server.
    private let looksForName: Bool
    private let tls: NIOSSLClientHandler
    private let check: CertificateCheck?
    private var promise: EventLoopPromise<Void>?

    init(
        endpoint: Endpoint,
        identity: ServerIdentity,
        looksForName: Bool,
        tls: NIOSSLClientHandler,
        check: CertificateCheck?,
        promise: EventLoopPromise<Void>
    ) {
        self.endpoint = endpoint
        self.identity = identity
        self.looksForName = looksForName
        self.tls = tls
        self.check = check
        self.promise = promise
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        if self.looksForName {
            let certificate = try? self.tls.peerCertificate?.toDERBytes()
            guard let certificate, self.identity.isNamed(by: certificate) else {
                self.finish(.failure(self.namesAnother))
                return
            }
        }
        // The bytes behind the handshake come as soon as this returns, for the handlers added by then.
        self.finish(.success(()))
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nothing of a server that was refused.
        if self.promise != nil { context.fireChannelRead(data) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let refusal = self.check?.refusal {
            let message = "The program's own check does not accept the certificate of \(self.endpoint); see the cause."
            self.finish(.failure(TransportError(.certificateRejected, message, cause: refusal)))
        } else if case .failedToValidateHostname? = error as? NIOSSLExtraError {
            self.finish(.failure(self.namesAnother))
        } else {
            let mapped = TransportError(ofTLSWith: self.endpoint, error, certificate: self.tls.peerCertificate)
            self.finish(.failure(mapped ?? TransportError(ofTLSWith: self.endpoint, endedBy: error)))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(.failure(TransportError(ofTLSWith: self.endpoint, endedBy: nil)))
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.finish(.failure(TransportError(ofTLSWith: self.endpoint, endedBy: nil)))
    }

    /// The server sent something that is not TLS.
    func heardPlaintext(_ bytes: ByteBuffer) {
        self.finish(.failure(TransportError(ofTLSWith: self.endpoint, answeredWith: bytes.readableBytesView)))
    }

    private var namesAnother: TransportError {
        let certificate = try? self.tls.peerCertificate?.toDERBytes()
        let names = certificate.flatMap { CertificateNames($0) }?.summary ?? "nobody"
        return TransportError(
            .certificateRejected,
            "The certificate of \(self.endpoint) is for another host: it does not name "
                + "\(self.identity.description.debugDescription) but \(names).",
            cause: NIOSSLExtraError.failedToValidateHostname
        )
    }

    private func finish(_ result: Result<Void, TransportError>) {
        guard let promise = self.promise else { return }
        self.promise = nil
        self.check?.end()
        promise.completeWith(result.mapError { $0 })
    }
}
