// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import MQTT
import MQTTSCRAM
import NIOCore
import Testing

/// SCRAM between the client and a server that says what RFC 7677 has it say, over real sockets.
@Suite(.timeLimit(.minutes(10))) struct SCRAMConnectionTests {
    private static let clientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    private static let serverFirst =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    private static let clientFinal =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    private static let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    private static let wrongFinal = "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

    /// The authenticator of the RFC's example, whose nonce is not random.
    private struct Example: Authenticator {
        var method: String { "SCRAM-SHA-256" }

        func makeExchange() async throws -> any AuthenticationExchange {
            let credentials = SCRAMCredentials(username: "user", password: "pencil")
            return try SCRAMExchange(.sha256, credentials, nonce: "rOprNGfwEbeRWgbNEkqO")
        }
    }

    /// AUTH or CONNACK with the method and data.
    private static func packet(_ type: UInt8, _ head: [UInt8], data: String) -> [UInt8] {
        let method = Array("SCRAM-SHA-256".utf8)
        var properties: [UInt8] = [0x15, 0, UInt8(truncatingIfNeeded: method.count)] + method
        properties += [0x16, 0, UInt8(truncatingIfNeeded: data.utf8.count)] + Array(data.utf8)
        let rest = head + Self.length(properties.count) + properties
        return [type] + Self.length(rest.count) + rest
    }

    private static func length(_ count: Int) -> [UInt8] {
        let low = UInt8(truncatingIfNeeded: count & 0x7F)
        return count < 128 ? [low] : [low | 0x80, UInt8(truncatingIfNeeded: count >> 7)]
    }

    /// Speaks the server's side, and ends it with the proof that is given.
    private static func serve(_ connection: ScriptedServer.Connection, proof: String) async throws {
        let connect = try await connection.packet()
        #expect(connect.first == 0x10)
        #expect(String(decoding: connect, as: UTF8.self).contains(Self.clientFirst))
        try await connection.write(Self.packet(0xF0, [0x18], data: Self.serverFirst))
        #expect(try await connection.packet() == Self.packet(0xF0, [0x18], data: Self.clientFinal))
        try await connection.write(Self.packet(0x20, [0, 0], data: proof))
    }

    private static func logger(_ handler: InMemoryLogHandler) -> Logger {
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = .trace
        return logger
    }

    private static func check(_ text: String) {
        for secret in ["pencil", "rOprNGfwEbe", "W22ZaJ0SNY7", "dHzbZapWIk4", "6rriTRBi23W", "7rriTRBi23W"] {
            #expect(!text.contains(secret))
        }
        // As buffers show themselves: the beginning of "p=dHzb", "v=6rri" and "r=rOpr".
        for secret in ["70 3d 64 48", "76 3d 36 72", "72 3d 72 4f", "703d6448", "763d3672", "723d724f"] {
            #expect(!text.contains(secret))
        }
    }

    private static func check(_ handler: InMemoryLogHandler) {
        #expect(!handler.entries.isEmpty)
        for entry in handler.entries {
            self.check("\(entry.message) \(entry.metadata) \(entry.error.map { "\($0)" } ?? "")")
        }
    }

    @Test func `both sides prove themselves, and nothing that shows holds a secret`() async throws {
        try await withDeadline {
            let handler = InMemoryLogHandler()
            try await ScriptedServer.with { connection, _ in
                try await Self.serve(connection, proof: Self.serverFinal)
                _ = try await connection.rest()
            } _: { port in
                let client = MQTT5Client.local(port) { configuration in
                    configuration.logger = Self.logger(handler)
                    configuration.authenticator = Example()
                }
                var events = client.events.makeAsyncIterator()
                let info = try await client.connect()
                #expect(info.properties.authenticationMethod == "SCRAM-SHA-256")
                #expect(info.properties.authenticationData == nil)
                var text = "\(info)"
                dump(info, to: &text)
                await client.disconnect()
                for _ in 0..<2 { text += "\(String(describing: await events.next()))" }
                Self.check(text)
            }
            Self.check(handler)
        }
    }

    @Test func `a server that does not know the password is left, and nothing that shows holds a secret`() async throws
    {
        try await withDeadline {
            let handler = InMemoryLogHandler()
            let done = Gate()
            try await ScriptedServer.with { connection, _ in
                defer { done.open() }
                try await Self.serve(connection, proof: Self.wrongFinal)
                #expect(try await connection.rest() == [0xE0, 1, 0x80])
            } _: { port in
                let client = MQTT5Client.local(port) { configuration in
                    configuration.logger = Self.logger(handler)
                    configuration.authenticator = Example()
                }
                let error = try await failure(.authenticationFailed) { try await client.connect() }
                #expect((error.cause as? SCRAMError)?.code == .serverNotProven)
                var text = "\(error)"
                dump(error, to: &text)
                Self.check(text)
                await done.wait()
            }
            Self.check(handler)
        }
    }

    @Test func `a refusal of the server shows its reason and no data`() async throws {
        try await withDeadline {
            let handler = InMemoryLogHandler()
            try await ScriptedServer.with { connection, _ in
                _ = try await connection.packet()
                try await connection.write(Self.packet(0x20, [0, 0x87], data: Self.serverFinal))
                _ = try await connection.rest()
            } _: { port in
                let client = MQTT5Client.local(port) { configuration in
                    configuration.logger = Self.logger(handler)
                    configuration.authenticator = Example()
                }
                let error = try await failure(.connectRefused) { try await client.connect() }
                #expect(error.reason == .notAuthorized)
                var text = "\(error)"
                dump(error, to: &text)
                Self.check(text)
            }
            Self.check(handler)
        }
    }
}
