// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import MQTTTransport

/// Connections of the user's own code.
@Suite(.timeLimit(.minutes(10))) struct ByteStreamTests {
    struct Broken: Error, Equatable {}

    /// Sends back what comes, until it ends.
    private static func echo(_ stream: InMemoryByteStream) -> Task<Void, Never> {
        Task {
            while let bytes = try? await stream.read() {
                do { try await stream.write(bytes) } catch { break }
            }
            await stream.close()
        }
    }

    @Test func `bytes travel both ways, and the close of either end reaches the other`() async throws {
        for closesHere in [true, false] {
            let (client, server) = InMemoryByteStream.pair()
            let echo = Self.echo(server)
            let dialed = try await Dialed.connect(to: .custom { client })
            try await dialed.send("over the road")
            #expect(try await dialed.receive(13) == "over the road")
            if closesHere { try await dialed.channel.close() } else { await server.close() }
            try await dialed.channel.closeFuture.get()
            #expect(await dialed.end() == nil)
            #expect(!dialed.channel.isActive)
            await echo.value
        }
    }

    @Test func `the first bytes of a peer that speaks first are not lost`() async throws {
        for _ in 0..<50 {
            let (client, server) = InMemoryByteStream.pair()
            try await server.write(ByteBuffer(string: "hello"))
            let dialed = try await Dialed.connect(to: .custom { client })
            #expect(try await dialed.receive(5) == "hello")
            try await dialed.channel.close()
        }
    }

    @Test func `TLS goes over it, with the certificate for localhost or for the name that is given`() async throws {
        let certificates = try TestCertificates.shared.get()
        for (name, serverName) in [("server", nil), ("other", "other.example")] {
            let (client, peer) = InMemoryByteStream.pair(capacity: 1_000)
            let context = try NIOSSLContext(configuration: try TestServer.tls(name))
            let server = try await StreamServer.start(peer) { NIOSSLServerHandler(context: context) }
            let tls = TLSSettings(trust: .file(certificates.path("ca.pem")), serverName: serverName)
            let dialed = try await Dialed.connect(to: .custom(tls: tls) { client })
            let text = String(repeating: "over TLS ", count: 20_000)
            try await dialed.send(text)
            #expect(try await dialed.receive(text.utf8.count) == text)
            try await dialed.channel.close()
            try await server.closeFuture.get()
        }
    }

    @Test func `each attempt opens a new connection`() async throws {
        let opened = Mutex<[InMemoryByteStream]>([])
        let endpoint = Endpoint.custom {
            let (client, server) = InMemoryByteStream.pair()
            opened.withLock { $0.append(server) }
            return client
        }
        for count in 1...3 {
            let dialed = try await Dialed.connect(to: endpoint)
            #expect(opened.withLock { $0.count } == count)
            try await dialed.channel.close()
        }
    }

    @Test func `what cannot be opened is the error of the attempt, with its cause`() async throws {
        let endpoint = Endpoint.custom("tunnel") { throw Broken() }
        let time = try await ContinuousClock().measure {
            let error = try #require(try await Dialed.failure(to: endpoint))
            #expect(error.code == .other)
            #expect(error.stage == .connecting)
            #expect(error.message.contains("\"tunnel\""))
            #expect(error.message.contains("Broken"))
            #expect(error.cause is Broken)
        }
        #expect(time < .seconds(60))
    }

    @Test func `opening that hangs is cancelled at the timeout, and what opens too late is closed`() async throws {
        let stream = ManualStream()
        let (cancelled, continuation) = AsyncStream<Void>.makeStream()
        let endpoint = Endpoint.custom("slow tunnel") {
            // Only when it is told to give up.
            await Never.untilCancelled()
            continuation.finish()
            return stream
        }
        let time = try await ContinuousClock().measure {
            let error = try #require(try await Dialed.failure(to: endpoint, timeout: .milliseconds(200)))
            #expect(error.code == .connectTimedOut)
            #expect(error.stage == .connecting)
            #expect(error.message.contains("slow tunnel"))
        }
        #expect(time >= .milliseconds(200))
        #expect(time < .seconds(60))
        for await _ in cancelled {}
        await stream.waitUntilClosed()
    }

    @Test func `a peer that says nothing makes the TLS handshake time out, and the connection is closed`() async throws
    {
        let stream = ManualStream()
        let certificates = try TestCertificates.shared.get()
        let endpoint = Endpoint.custom(tls: TLSSettings(trust: .file(certificates.path("ca.pem")))) { stream }
        let error = try #require(try await Dialed.failure(to: endpoint, timeout: .seconds(8)))
        #expect(error.code == .tlsTimedOut)
        await stream.waitUntilClosed()
    }

    @Test func `a proxy does not lead there`() async throws {
        var endpoint = Endpoint.custom("tunnel") { ManualStream() }
        #expect(endpoint.description == "tunnel")
        #expect(endpoint.host == "tunnel")
        #expect(endpoint.port == 0)
        #expect(endpoint == endpoint)
        #expect(endpoint != .custom("tunnel") { ManualStream() })
        endpoint.proxy = .through(.http("localhost", port: 1))
        #expect(try await Dialed.failure(to: endpoint)?.code == .invalidEndpoint)
    }

    // MARK: - The pair

    @Test func `a full buffer holds the writer until the other end reads`() async throws {
        let (one, other) = InMemoryByteStream.pair(capacity: 4)
        let writing = Task { try await one.write(ByteBuffer(string: "0123456789")) }
        var text = ""
        while text.utf8.count < 10 {
            let bytes = try #require(try await other.read())
            #expect(bytes.readableBytes <= 4)
            text += String(buffer: bytes)
        }
        try await writing.value
        #expect(text == "0123456789")
    }

    @Test func `an end that is closed gives what was written before, then ends, and takes nothing`() async throws {
        let (one, other) = InMemoryByteStream.pair()
        try await one.write(ByteBuffer(string: "last"))
        await one.close()
        #expect(try await other.read() == ByteBuffer(string: "last"))
        #expect(try await other.read() == nil)
        for stream in [one, other] {
            let error = await #expect(throws: TransportError.self) { try await stream.write(ByteBuffer(string: "x")) }
            #expect(error?.code == .closed)
        }
        await #expect(throws: TransportError.self) { try await one.read() }
    }

    @Test func `closing and cancelling end calls that wait`() async throws {
        for cancels in [true, false] {
            let (one, other) = InMemoryByteStream.pair(capacity: 1)
            try await one.write(ByteBuffer(string: "x"))
            let writing = Task { try await one.write(ByteBuffer(string: "y")) }
            let reading = Task { try await one.read() }
            if cancels {
                writing.cancel()
                reading.cancel()
            } else {
                await one.close()
            }
            let (written, read) = (await writing.result, await reading.result)
            #expect(throws: (any Error).self) { try written.get() }
            #expect(throws: (any Error).self) { try read.get() }
            _ = other
        }
    }

    @Test func `an end that nobody holds any more is closed`() async throws {
        var ends: (InMemoryByteStream, InMemoryByteStream)? = InMemoryByteStream.pair()
        let other = try #require(ends?.1)
        ends = nil
        #expect(try await other.read() == nil)
    }
}

extension Never {
    /// Returns when the task is cancelled.
    static func untilCancelled() async {
        let (stream, _continuation) = AsyncStream<Never>.makeStream()
        await withTaskCancellationHandler {
            for await _ in stream {}
        } onCancel: {
            _continuation.finish()
        }
    }
}
