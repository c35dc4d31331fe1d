// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOSSL

/// TLS between the channel's bytes and the caller's.
struct TLSStage: ChannelStage {
    let stage = TransportError.Stage.tls
    private let context: NIOSSLContext
    private let endpoint: Endpoint
    private let identity: ServerIdentity
    private let verification: TLSSettings.Verification

    /// Reads the files of the settings and may ask for a password: not on an event loop.
    init(_ settings: TLSSettings, for endpoint: Endpoint) throws(TransportError) {
        self.endpoint = endpoint
        self.identity = try ServerIdentity(settings, endpoint)
        self.verification = settings.verification
        self.context = try settings.makeContext(for: self.identity)
    }

    /// Puts TLS at the end of the pipeline; the future ends with the handshake.
    ///
    /// Handlers that are added in a callback of the future, before it returns, get every byte behind the handshake.
    func add(to channel: any Channel) -> EventLoopFuture<Void> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        do {
            let check = self.makeCheck()
            let tls = try self.makeHandler(check)
            let handshake = HandshakeHandler(
                endpoint: self.endpoint,
                identity: self.identity,
                looksForName: self.verification.level == .full,
                tls: tls,
                check: check,
                promise: promise
            )
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(PlaintextDetector { handshake.heardPlaintext($0) })
            try pipeline.addHandler(handshake)
            try pipeline.addHandler(tls, position: .before(handshake))
        } catch {
            promise.fail(
                TransportError(ofTLSWith: self.endpoint, error)
                    ?? TransportError(.other, "TLS with \(self.endpoint) cannot begin: \(error)", cause: error)
            )
        }
        return promise.futureResult
    }

    private func makeCheck() -> CertificateCheck? {
        guard case .replaced(let check) = self.verification.level else { return nil }
        return CertificateCheck(check)
    }

    private func makeHandler(_ check: CertificateCheck?) throws -> NIOSSLClientHandler {
        let name = self.identity.nameToAskFor
        guard let check else { return try NIOSSLClientHandler(context: self.context, serverHostname: name) }
        return try NIOSSLClientHandler(context: self.context, serverHostname: name) { certificates, promise in
            check.begin(certificates, promise)
        }
    }
}
