// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import Testing

extension TestCertificates {
    /// Settings that trust the CA that issued all certificates but `self-signed`.
    var trusting: TLSSettings { TLSSettings(trust: .file(self.path("ca.pem"))) }
}

extension Dialed {
    /// Sends something over a connection to a server that echoes, and closes it when it has come back.
    ///
    /// Before that `look` may look at the connection.
    static func echo(over endpoint: Endpoint, look: () async throws -> Void = {}) async throws {
        let dialed = try await Dialed.connect(to: endpoint)
        try await dialed.send("over the road")
        #expect(try await dialed.receive(13) == "over the road")
        try await look()
        try await dialed.channel.close()
    }

    /// The error of an attempt that must fail at TLS, well before its timeout, and leave no connection.
    static func failureOfTLS(
        to endpoint: Endpoint,
        at server: TestServer,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TransportError {
        let start = ContinuousClock.now
        let error = try #require(
            try await Dialed.failure(to: endpoint, timeout: .seconds(60)),
            sourceLocation: sourceLocation
        )
        #expect(ContinuousClock.now - start < .seconds(30), sourceLocation: sourceLocation)
        #expect(error.stage == .tls, "\(error)", sourceLocation: sourceLocation)
        #expect(error.message.contains("\(endpoint)"), "\(error)", sourceLocation: sourceLocation)
        try await server.waitForTheEndOfAConnection()
        return error
    }
}
