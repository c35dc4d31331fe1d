// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MQTT
import MosquittoFixture
import Testing

/// A real broker behind a Unix socket.
@Suite(.timeLimit(.minutes(10))) struct UnixSocketRoadTests {
    @Test(arguments: TestedVersion.allCases)
    func `messages of every QoS and of 1 MiB come back over a Unix socket`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(240)) {
                try await MosquittoServer.withServer(.init(unixSocket: true)) { server in
                    try await Roads.carryMessages(V.self, over: .unix(server.unixSocketPath))
                    try await Roads.outliveRestarts(V.self, of: server, over: .unix(server.unixSocketPath))
                }
            }
        }
        try await run(version.type)
    }

    /// The error of an attempt that must fail at once.
    private func cause(_ path: String) async throws -> TransportError {
        try await withDeadline {
            let start = ContinuousClock.now
            let client = MQTT5Client(to: .unix(path))
            let error = try await failure(.transportFailed) { try await client.connect() }
            #expect(ContinuousClock.now - start < .seconds(20))
            let cause = try #require(error.cause as? TransportError)
            #expect(cause.stage == .connecting)
            #expect(cause.message.contains(path), "\(cause)")
            return cause
        }
    }

    @Test func `a path where nothing is has no socket`() async throws {
        let cause = try await self.cause("/tmp/swift-mqtt-nothing-\(UInt32.random(in: 0 ... .max))")
        #expect(cause.code == .unreachable)
        #expect(cause.message.contains("no socket"), "\(cause)")
    }

    @Test func `a file that is no socket refuses, and so does the socket of a broker that has ended`() async throws {
        let file = "/tmp/swift-mqtt-file-\(UInt32.random(in: 0 ... .max))"
        try Data("no socket".utf8).write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(try await self.cause(file).code == .connectionRefused)
        let server = try await MosquittoServer.start(.init(unixSocket: true))
        try await server.stop()
        let cause = try await self.cause(server.unixSocketPath)
        #expect(cause.code == .connectionRefused || cause.code == .unreachable, "\(cause)")
    }
}
