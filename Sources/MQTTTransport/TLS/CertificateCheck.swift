// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOSSL

/// The program's own check of the certificates of one connection; lives on its event loop.
final class CertificateCheck {
    private let check: Hook<@Sendable ([[UInt8]]) async throws -> Void>
    private var task: Task<Void, Never>?

    /// The error with which the certificates were refused.
    private(set) var refusal: (any Error)?

    init(_ check: Hook<@Sendable ([[UInt8]]) async throws -> Void>) {
        self.check = check
    }

    /// Begins the check of what the server showed, the server's own certificate first.
    func begin(_ certificates: [NIOSSLCertificate], _ answer: EventLoopPromise<NIOSSLVerificationResult>) {
        let chain: [[UInt8]]
        do {
            chain = try certificates.map { try $0.toDERBytes() }
        } catch {
            self.refusal = error
            answer.succeed(.failed)
            return
        }
        let (check, eventLoop) = (self.check, answer.futureResult.eventLoop)
        let end = eventLoop.makePromise(of: Void.self)
        self.task = end.completeWithTask { try await check.call(chain) }
        end.futureResult.assumeIsolated().whenComplete { result in
            if case .failure(let error) = result { self.refusal = error }
            answer.succeed(self.refusal == nil ? .certificateVerified : .failed)
        }
    }

    /// The attempt is over: nobody waits for the check any more.
    func end() {
        self.task?.cancel()
    }
}
