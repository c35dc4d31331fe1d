// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MosquittoFixture
import NIOSSL
import Testing

@Suite(.timeLimit(.minutes(10))) struct MosquittoServerTests {
    /// What the broker answers to CONNECT, and PINGRESP to show that it goes on.
    private func answer(
        port: Int = 0,
        path: String? = nil,
        tls: TLSConfiguration? = nil,
        _ connect: [UInt8]
    ) async throws -> [UInt8] {
        try await RawConnection.with(port: port, path: path, tls: tls) { connection in
            try await connection.write(connect)
            let answer = try await connection.next(4)
            guard answer.last == 0 else { return answer }
            try await connection.write(Packets.pingRequest)
            return answer + (try await connection.next(2))
        }
    }

    /// Returns once a file has been removed by somebody else; the time limit of the test is the bound.
    private func gone(_ file: String) async throws {
        while FileManager.default.fileExists(atPath: file) {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    private func trusting(_ server: MosquittoServer, certificate: Bool = false) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(server.caFile)
        if certificate {
            tls.certificateChain = try NIOSSLCertificate.fromPEMFile(server.clientCertificateFile).map {
                .certificate($0)
            }
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: server.clientKeyFile, format: .pem))
        }
        return tls
    }

    @Test func `a server answers on its port`() async throws {
        try await MosquittoServer.withServer { server in
            let answer = try await self.answer(port: server.port, Packets.connect("a"))
            #expect(answer == Packets.accepted + Packets.pingResponse)
            #expect(server.log.contains("New client connected"))
        }
    }

    @Test func `many servers run at once`() async throws {
        let ports = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await MosquittoServer.withServer { server in
                        let answer = try await self.answer(port: server.port, Packets.connect("a"))
                        #expect(answer == Packets.accepted + Packets.pingResponse)
                        return server.port
                    }
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ports.count == 8)
    }

    @Test(arguments: [false, true]) func `a restart keeps the port, and the session if asked`(keeps: Bool) async throws
    {
        try await MosquittoServer.withServer(.init(persistence: keeps)) { server in
            let connect = Packets.connect("durable", cleanSession: false)
            #expect(try await self.answer(port: server.port, connect).starts(with: Packets.accepted))
            try await server.restart()
            let wanted = keeps ? Packets.acceptedWithSession : Packets.accepted
            #expect(try await self.answer(port: server.port, connect).starts(with: wanted))
        }
    }

    @Test func `a stopped server refuses connections until it is started again`() async throws {
        try await MosquittoServer.withServer { server in
            try await server.stop()
            #expect(!server.isRunning)
            await #expect(throws: (any Error).self) {
                try await self.answer(port: server.port, Packets.connect("a"))
            }
            try await server.start()
            #expect(try await self.answer(port: server.port, Packets.connect("a")).starts(with: Packets.accepted))
        }
    }

    @Test func `TLS speaks to a client that trusts the authority, and plain TCP goes on`() async throws {
        try await MosquittoServer.withServer(.init(tls: .init())) { server in
            for file in [server.caFile, server.clientCertificateFile, server.clientKeyFile] {
                #expect(FileManager.default.fileExists(atPath: file))
            }
            let tls = try self.trusting(server)
            let secure = try await self.answer(port: server.tlsPort, tls: tls, Packets.connect("a"))
            #expect(secure == Packets.accepted + Packets.pingResponse)
            let plain = try await self.answer(port: server.port, Packets.connect("a"))
            #expect(plain == Packets.accepted + Packets.pingResponse)
        }
    }

    /// The beginning of the answer to a request for a WebSocket.
    private func upgrade(port: Int, tls: TLSConfiguration? = nil) async throws -> String {
        let request = [
            "GET /mqtt HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: mqtt", "", "",
        ]
        return try await RawConnection.with(port: port, tls: tls) { connection in
            try await connection.write(Array(request.joined(separator: "\r\n").utf8))
            return String(decoding: try await connection.next(12), as: UTF8.self)
        }
    }

    @Test func `listeners for WebSocket, WebSocket over TLS and a Unix socket outlive a restart`() async throws {
        let options = MosquittoServer.Options(tls: .init(), webSocket: true, unixSocket: true)
        try await MosquittoServer.withServer(options) { server in
            #expect(server.unixSocketPath.utf8.count < 104)
            for restarts in [false, true] {
                if restarts { try await server.restart() }
                #expect(try await self.upgrade(port: server.webSocketPort) == "HTTP/1.1 101")
                let tls = try self.trusting(server)
                #expect(try await self.upgrade(port: server.secureWebSocketPort, tls: tls) == "HTTP/1.1 101")
                let answer = try await self.answer(path: server.unixSocketPath, Packets.connect("a"))
                #expect(answer == Packets.accepted + Packets.pingResponse)
                let secure = try await self.answer(port: server.tlsPort, tls: tls, Packets.connect("a"))
                #expect(secure == Packets.accepted + Packets.pingResponse)
            }
        }
    }

    @Test func `listeners that were not asked for are not there`() async throws {
        try await MosquittoServer.withServer { server in
            #expect(server.tlsPort == 0 && server.webSocketPort == 0 && server.secureWebSocketPort == 0)
            #expect(server.unixSocketPath.isEmpty)
        }
        try await MosquittoServer.withServer(.init(webSocket: true)) { server in
            #expect(server.webSocketPort != 0 && server.secureWebSocketPort == 0)
        }
    }

    @Test func `a client that trusts others only does not get through`() async throws {
        try await MosquittoServer.withServer(.init(tls: .init())) { server in
            let tls = TLSConfiguration.makeClientConfiguration()
            // The alert of the handshake, or what came of writing after it.
            await #expect(throws: (any Error).self) {
                try await self.answer(port: server.tlsPort, tls: tls, Packets.connect("a"))
            }
        }
    }

    @Test(arguments: [
        MosquittoServer.TLS(expired: true),
        MosquittoServer.TLS(serverNames: ["DNS:other.example"]),
    ])
    func `a certificate that is over or for somebody else can be had`(options: MosquittoServer.TLS) async throws {
        try await MosquittoServer.withServer(.init(tls: options)) { server in
            let tls = try self.trusting(server)
            await #expect(throws: (any Error).self) {
                try await self.answer(port: server.tlsPort, tls: tls, Packets.connect("a"))
            }
            var careless = try self.trusting(server)
            careless.certificateVerification = .none
            let answer = try await self.answer(port: server.tlsPort, tls: careless, Packets.connect("a"))
            #expect(answer == Packets.accepted + Packets.pingResponse)
        }
    }

    @Test func `a required certificate is required`() async throws {
        try await MosquittoServer.withServer(.init(tls: .init(requireCertificate: true))) { server in
            let known = try self.trusting(server, certificate: true)
            let answer = try await self.answer(port: server.tlsPort, tls: known, Packets.connect("a"))
            #expect(answer == Packets.accepted + Packets.pingResponse)

            // The refusal may come as an error or as the end of the connection, but never as a CONNACK.
            let unknown = try self.trusting(server)
            let refused = try? await self.answer(port: server.tlsPort, tls: unknown, Packets.connect("b"))
            #expect(refused ?? [] == [])
        }
    }

    @Test func `users have to say their password`() async throws {
        try await MosquittoServer.withServer(.init(users: ["ada": "secret", "bob": "x"])) { server in
            let known = try await self.answer(port: server.port, Packets.connect("ada", password: "secret"))
            #expect(known == Packets.accepted + Packets.pingResponse)
            let wrong = try await self.answer(port: server.port, Packets.connect("ada", password: "secreT"))
            #expect(wrong == Packets.notAuthorized)
            let nobody = try await self.answer(port: server.port, Packets.connect("ada"))
            #expect(nobody == Packets.notAuthorized)
        }
    }

    @Test func `a configuration mosquitto does not like is an error with its words`() async throws {
        let error = await #expect(throws: FixtureError.self) {
            _ = try await MosquittoServer.start(.init(extraLines: ["no_such_option 1"]))
        }
        #expect(try #require(error).description.contains("no_such_option"))
    }

    @Test func `nothing is left of a server that nobody holds`() async throws {
        var server: MosquittoServer? = try await .start(.init(tls: .init()))
        let port = try #require(server).port
        let file = try #require(server).caFile
        #expect(FileManager.default.fileExists(atPath: file))
        server = nil
        try await self.gone(file)
        await #expect(throws: (any Error).self) { try await self.answer(port: port, Packets.connect("a")) }
    }

    @Test func `a broker does not outlive a process of tests that is killed`() async throws {
        let note = FileManager.default.temporaryDirectory.appendingPathComponent("note-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: note) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = note.path as String] in
            let server = try await MosquittoServer.start(.init(tls: .init()))
            try Data("\(server.port) \(server.caFile)".utf8).write(to: URL(fileURLWithPath: path))
            kill(getpid(), SIGKILL)
        }
        let words = try String(contentsOf: note, encoding: .utf8).split(separator: " ").map(String.init)
        let port = try #require(words.first.flatMap { Int($0) })
        try await self.gone(words[1])
        await #expect(throws: (any Error).self) { try await self.answer(port: port, Packets.connect("a")) }
    }
}
