// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A real Mosquitto on ports of its own, for one test; any number of them may run at once.
///
/// ```swift
/// try await MosquittoServer.withServer(.init(tls: .init())) { server in
///     // server.port, server.tlsPort, server.caFile
/// }
/// ```
///
/// Start, stop and restart belong to one task at a time. The broker ends with the process of the tests, however that ends.
package final class MosquittoServer: Sendable {
    /// The address of all listeners.
    package let host = "127.0.0.1"
    /// The port for plain TCP, the same across restarts.
    package var port: Int { self.listeners.port }
    /// The port for TLS, the same across restarts; 0 without a TLS listener.
    package var tlsPort: Int { self.listeners.tlsPort ?? 0 }
    /// The port for WebSocket, at any path, the same across restarts; 0 without such a listener.
    package var webSocketPort: Int { self.listeners.webSocketPort ?? 0 }
    /// The port for WebSocket over TLS, the same across restarts; 0 without such a listener.
    package var secureWebSocketPort: Int { self.listeners.secureWebSocketPort ?? 0 }
    /// The path of the Unix socket, the same across restarts; empty without such a listener.
    package var unixSocketPath: String { self.listeners.unixSocketPath ?? "" }
    /// The certificate authority to trust, in PEM form; empty without a TLS listener.
    package var caFile: String { self.files?.authority.certificateFile ?? "" }
    /// A client's certificate of that authority, in PEM form; empty without a TLS listener.
    package var clientCertificateFile: String { self.files?.client.certificateFile ?? "" }
    /// The key of the client's certificate, in PEM form; empty without a TLS listener.
    package var clientKeyFile: String { self.files?.client.keyFile ?? "" }
    /// What the broker has written to its log so far, over all its runs.
    package var log: String { self.folder.read(MosquittoServer.logFile) }

    /// Whether the broker is up, as far as we know.
    package var isRunning: Bool {
        self.process.withLock { $0 != nil }
    }

    private static let configurationFile = "mosquitto.conf"
    private static let logFile = "mosquitto.log"

    private let listeners: Listeners
    private let files: TLSFiles?
    private let folder: TemporaryFolder
    private let process = Mutex<BrokerProcess?>(nil)

    private init(_ listeners: Listeners, files: TLSFiles?, folder: TemporaryFolder) {
        self.listeners = listeners
        self.files = files
        self.folder = folder
    }

    deinit {
        // Still up: closing the pipe to it ends it and removes the folder.
        if self.process.withLock({ $0 }) == nil { self.folder.remove() }
    }

    /// Starts a broker, runs `body` and stops the broker; when `body` throws, the end of its log goes to standard error.
    package static func withServer<Result>(
        _ options: Options = Options(),
        _ body: (MosquittoServer) async throws -> Result
    ) async throws -> Result {
        let server = try await MosquittoServer.start(options)
        do {
            let result = try await body(server)
            try await server.stop()
            return result
        } catch {
            FileHandle.standardError.write(Data("\(error)\nmosquitto's log ends with:\n\(server.logEnd)\n".utf8))
            try? await server.stop()
            throw error
        }
    }

    /// Starts a broker that runs until ``stop()`` or until nobody holds it.
    package static func start(_ options: Options = Options()) async throws -> MosquittoServer {
        var last: (any Error)?
        // Between finding a port free and mosquitto's taking it, somebody else may have it.
        for _ in 0..<5 {
            let server = try await MosquittoServer.prepare(options)
            do {
                try await server.start()
                return server
            } catch let error as PortTaken {
                last = error
            }
        }
        throw last ?? FixtureError("mosquitto does not start")
    }

    /// Starts the broker again on its ports, with what it had stored when it has persistence.
    package func start() async throws {
        guard !self.isRunning else { return }
        let before = self.log.utf8.count
        let process = try BrokerProcess(
            configuration: MosquittoServer.configurationFile,
            folder: self.folder,
            log: MosquittoServer.logFile
        )
        self.process.withLock { $0 = process }
        do {
            try await self.ready(process, logFrom: before)
        } catch {
            self.process.withLock { $0 = nil }
            process.terminate()
            throw error
        }
    }

    /// Stops the broker as its operator would (SIGTERM), and returns when it has ended.
    package func stop() async throws {
        let running = self.process.withLock { process in
            defer { process = nil }
            return process
        }
        try await running?.stop()
    }

    /// Ends the broker as a crash would (SIGKILL).
    package func kill() async throws {
        let running = self.process.withLock { process in
            defer { process = nil }
            return process
        }
        try await running?.kill()
    }

    /// Stops the broker and starts it again on the same ports.
    package func restart() async throws {
        try await self.stop()
        try await self.start()
    }

    private static func prepare(_ options: Options) async throws -> MosquittoServer {
        let folder = try TemporaryFolder()
        do {
            let listeners = try await Listeners(options, in: folder)
            var files: TLSFiles?
            if let tls = options.tls { files = try await TLSFiles(tls, in: folder) }
            if !options.users.isEmpty {
                let lines = options.users.map { "\($0.key):\($0.value)\n" }.sorted()
                try folder.write(lines.joined(), to: "passwords")
                try await ChildProcess.run("mosquitto_passwd", ["-U", folder.file("passwords")], in: folder)
            }
            let text = MosquittoServer.configuration(
                options,
                listeners,
                files: files,
                isRoot: geteuid() == 0,
                in: folder
            )
            try folder.write(text, to: MosquittoServer.configurationFile)
            return MosquittoServer(listeners, files: files, folder: folder)
        } catch {
            folder.remove()
            throw error
        }
    }

    private struct PortTaken: Error, CustomStringConvertible {
        let description: String
    }

    /// Waits until this very broker answers on its ports: a connection alone could be somebody else's.
    private func ready(_ process: BrokerProcess, logFrom start: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            let news = String(decoding: self.log.utf8.dropFirst(start), as: UTF8.self)
            if news.contains(" running\n") { break }
            if process.hasEnded {
                let text = "mosquitto ended at once, saying:\n\(news)"
                if news.contains("in use") { throw PortTaken(description: text) }
                throw FixtureError(text)
            }
            if ContinuousClock.now > deadline { throw FixtureError("mosquitto is not up in 120 s, saying:\n\(news)") }
            try await ChildProcess.tick()
        }
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        // Mosquitto 2.0.11 may drop the first client behind a WebSocket with TLS that comes and goes.
        for port in self.listeners.ports where port != self.listeners.secureWebSocketPort {
            let channel = try await bootstrap.connect(host: self.host, port: port).get()
            // It may have closed it already.
            try? await channel.close().get()
        }
        if let path = self.listeners.unixSocketPath {
            let channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
            try? await channel.close().get()
        }
    }

    private var logEnd: String {
        self.log.split(separator: "\n").suffix(30).joined(separator: "\n")
    }
}
