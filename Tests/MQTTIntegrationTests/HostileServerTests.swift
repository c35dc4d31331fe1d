// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MosquittoFixture
import Testing

/// Whatever a server sends, the client survives it and says what was wrong.
@Suite(.timeLimit(.minutes(10))) struct HostileServerTests {
    struct Greeting: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]
        var code: MQTTError.Code
        /// What the client says in DISCONNECT; nil when it says nothing.
        var reason: UInt8?

        init(_ name: String, _ bytes: [UInt8], _ code: MQTTError.Code, _ reason: UInt8? = nil) {
            self.testDescription = name
            self.bytes = bytes
            self.code = code
            self.reason = reason
        }

        static let all = [
            Greeting("junk", Array(repeating: 0xFF, count: 64), .protocolViolation, 0x81),
            Greeting("zeros", Array(repeating: 0, count: 64), .protocolViolation, 0x81),
            // Who speaks something else is told nothing in MQTT.
            Greeting("HTTP", Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), .transportFailed),
            Greeting("TLS", [0x15, 3, 1, 0, 2, 2, 22], .transportFailed),
            Greeting("an unknown property", [0x20, 5, 0, 0, 2, 0x7F, 0], .protocolViolation, 0x81),
            Greeting("a property twice", [0x20, 7, 0, 0, 4, 0x24, 0, 0x24, 0], .protocolViolation, 0x82),
            Greeting("a receive maximum of 0", [0x20, 6, 0, 0, 3, 0x21, 0, 0], .protocolViolation, 0x82),
            Greeting("a property past the end", [0x20, 3, 0, 0, 100], .protocolViolation, 0x81),
            Greeting("a session after a clean start", [0x20, 3, 1, 0, 0], .protocolViolation, 0x82),
            Greeting("another packet", [0xD0, 0], .protocolViolation, 0x82),
            Greeting("a message", [0x30, 4, 0, 1, 0x74, 0], .protocolViolation, 0x82),
            Greeting("a length of five bytes", [0x20, 0xFF, 0xFF, 0xFF, 0xFF, 1], .protocolViolation, 0x81),
            Greeting("a refusal of 3.1.1", [0x20, 2, 0, 5], .protocolViolation, 0x82),
            Greeting("a refusal", [0x20, 3, 0, 0x8A, 0], .connectRefused),
            Greeting("nothing, and closes", [], .connectionLost),
            Greeting("half a packet, and closes", [0x20, 3, 0], .connectionLost),
        ]
    }

    @Test(arguments: Greeting.all)
    func `instead of a welcome`(greeting: Greeting) async throws {
        try await withDeadline {
            let done = Gate()
            try await ScriptedServer.with { connection, number in
                defer { done.open() }
                #expect(number == 0)
                _ = try await connection.packet()
                try await connection.write(greeting.bytes)
                guard greeting.code != .connectionLost else { return }
                let rest = try await connection.rest()
                #expect(rest == greeting.reason.map { [0xE0, 1, $0] } ?? [])
            } _: { port in
                let client = MQTT5Client.local(port)
                let error = try await failure(greeting.code) { try await client.connect() }
                if greeting.code == .connectRefused { #expect(error.reason == .banned) }
                await done.wait()
            }
        }
    }

    @Test func `no answer at all`() async throws {
        try await withDeadline {
            let done = Gate()
            try await ScriptedServer.with { connection, _ in
                _ = try await connection.packet()
                #expect(try await connection.rest() == [])
                done.open()
            } _: { port in
                let client = MQTT5Client.local(port) { $0.handshakeTimeout = .milliseconds(100) }
                try await failure(.timedOut) { try await client.connect() }
                await done.wait()
            }
        }
    }

    @Test(.receives("3.1.1:MQTT-3.1.2-2", "5:MQTT-3.1.2-2"))
    func `a server before 5_0 that refuses our version says so`() async throws {
        try await withDeadline {
            try await ScriptedServer.with { connection, _ in
                _ = try await connection.packet()
                try await connection.write([0x20, 2, 0, 1])
                _ = try await connection.rest()
            } _: { port in
                let error = try await failure(.connectRefused) { try await MQTT311Client.local(port).connect() }
                #expect(error.reason == .unsupportedProtocolVersion)
            }
        }
    }

    struct Offence: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: [UInt8]
        var reason: UInt8

        init(_ name: String, _ bytes: [UInt8], _ reason: UInt8) {
            self.testDescription = name
            self.bytes = bytes
            self.reason = reason
        }

        static let all = [
            Offence("a packet of type 0", [0, 0], 0x81),
            Offence("wrong flags", [0xD1, 0], 0x81),
            Offence("a length of five bytes", [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1], 0x81),
            Offence("a length longer than it need be", [0xD0, 0x80, 0], 0x81),
            Offence("a QoS of 3", [0x36, 6, 0, 1, 0x74, 0, 1, 0], 0x81),
            Offence("a topic that is no UTF-8", [0x30, 4, 0, 1, 0xFF, 0], 0x81),
            Offence("a topic with U+0000", [0x30, 4, 0, 1, 0, 0], 0x81),
            Offence("a topic past the end", [0x30, 4, 0, 9, 0x74, 0], 0x81),
            Offence("a packet identifier of 0", [0x32, 6, 0, 1, 0x74, 0, 0, 0], 0x82),
            Offence("a topic with a wildcard", [0x30, 4, 0, 1, 0x23, 0], 0x90),
            Offence("an unknown property", [0x30, 6, 0, 1, 0x74, 2, 0x7F, 0], 0x81),
            Offence("a property of CONNACK on a message", [0x30, 6, 0, 1, 0x74, 2, 0x24, 0], 0x81),
            Offence("a packet larger than we take", [0x30, 0xE9, 0x07], 0x95),
            Offence("a topic alias we did not allow", [0x30, 6, 0, 0, 3, 0x23, 0, 65], 0x94),
            Offence("a topic alias we did not allow, with a topic", [0x30, 7, 0, 1, 0x74, 3, 0x23, 0, 65], 0x94),
            Offence("a topic alias of 0", [0x30, 7, 0, 1, 0x74, 3, 0x23, 0, 0], 0x94),
            Offence("a topic alias that stands for nothing", [0x30, 6, 0, 0, 3, 0x23, 0, 64], 0x82),
            Offence("neither a topic nor an alias", [0x30, 3, 0, 0, 0], 0x82),
            Offence("a PUBACK for a QoS 2 message", [0x40, 2, 0, 2], 0x82),
            Offence("a PUBCOMP before PUBREC", [0x70, 2, 0, 2], 0x82),
            Offence("a SUBACK nobody asked for", [0x90, 4, 0, 9, 0, 0], 0x82),
            Offence("an UNSUBACK nobody asked for", [0xB0, 4, 0, 9, 0, 0], 0x82),
            Offence("a second CONNACK", [0x20, 3, 0, 0, 0], 0x82),
            Offence("a CONNECT", [0x10, 13, 0, 4, 77, 81, 84, 84, 5, 2, 0, 0, 0, 0, 0], 0x82),
            Offence("a PINGREQ", [0xC0, 0], 0x82),
            Offence("an AUTH", [0xF0, 0], 0x82),
            Offence(
                "more messages than we allowed",
                Bytes.publish5("t", qos: 1, id: 7) + Bytes.publish5("t", qos: 2, id: 8),
                0x93
            ),
        ]
    }

    @Test(.receives("5:MQTT-4.13.2-1", "U5-3.1.2.11.4-2"), arguments: Offence.all)
    func `what breaks the protocol is answered with its reason`(offence: Offence) async throws {
        try await withDeadline {
            let done = Gate()
            try await ScriptedServer.with { connection, number in
                defer { done.open() }
                #expect(number == 0)
                _ = try await connection.packet()
                try await connection.write(Bytes.connAck5)
                let subscribe = try await connection.packet()
                try await connection.write([0x90, 4, subscribe[2], subscribe[3], 0, 2])
                // The client's QoS 2 message, identifier 2.
                #expect(try await connection.packet().starts(with: [0x34]))
                try await connection.write(offence.bytes)
                let rest = try await connection.rest()
                #expect(rest == [0xE0, 1, offence.reason])
            } _: { port in
                let client = MQTT5Client.local(port) {
                    $0.reconnect = .never
                    $0.maximumPacketSize = 1_000
                    $0.receiveMaximum = 1
                }
                var events = client.events.makeAsyncIterator()
                let settings = SubscriptionSettings(acknowledgement: .manual)
                let messages = try client.declareSubscription(to: "t", qos: .exactlyOnce, settings: settings)
                try await client.connect()
                let receipt = try client.enqueue("x", to: "t", qos: .exactlyOnce)
                try await wait(for: "giving up", in: &events) { event in
                    guard case .gaveUp(let error) = event else { return false }
                    #expect(error.code == .protocolViolation, "\(error)")
                    return true
                }
                try await failure(.outcomeUnknown) { try await receipt.outcome() }
                try await failure(.protocolViolation) { while try await messages.next() != nil {} }
                await done.wait()
            }
        }
    }

    @Test(.receives("5:MQTT-3.14.4-1")) func `the server's own DISCONNECT is told and not answered`() async throws {
        try await withDeadline {
            let done = Gate()
            try await ScriptedServer.with { connection, _ in
                _ = try await connection.packet()
                try await connection.write(Bytes.connAck5 + [0xE0, 6, 0x8B, 4, 0x1F, 0, 1, 0x79])
                #expect(try await connection.rest() == [])
                done.open()
            } _: { port in
                let client = MQTT5Client.local(port) { $0.reconnect = .never }
                var events = client.events.makeAsyncIterator()
                try await client.connect()
                try await wait(for: "the end", in: &events) { event in
                    guard case .disconnected(let error) = event else { return false }
                    #expect(error.code == .disconnectedByServer && error.reason == .serverShuttingDown)
                    #expect(error.properties.reasonString == "y")
                    return true
                }
                await done.wait()
            }
        }
    }

    @Test func `after a broken packet the client connects again and goes on`() async throws {
        try await withDeadline {
            try await ScriptedServer.with { connection, number in
                _ = try await connection.packet()
                try await connection.write(number == 3 ? Bytes.connAck5 : Bytes.connAck5 + [0, 0])
                while case let packet = try await connection.packet(), !packet.isEmpty {
                    if packet[0] == 0xC0 { try await connection.write(Bytes.pingResponse) }
                }
            } _: { port in
                try await MQTT5Client.connected(port) { client in
                    var events = client.events.makeAsyncIterator()
                    while true {
                        do throws(MQTTError) {
                            try await client.ping()
                            break
                        } catch {
                            #expect([.connectionLost, .notConnected].contains(error.code))
                            if client.state.isConnected { continue }
                            try await wait(for: "connected", in: &events) { $0.isConnected }
                        }
                    }
                }
            }
        }
    }
}
