// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

/// The classes of attacks that bytes alone can make, and where each is tried.
///
/// - remaining length trusted for allocation: `FrameSplitterTests`, `LendingTests`, and here
/// - remaining length or variable byte integer overflow, too many bytes: here, and `VariableByteIntegerTests`
/// - inner length larger than the packet: `InnerLengthTests`
/// - property length and property type confusion: `PropertyRulesTests`
/// - UTF-8, U+0000, surrogates, empty topic: `StringTests`, `StringsBefore5Tests`, and here for every property
/// - string longer than its 16-bit length on sending: the same
@Suite struct AttackTests {
    // MARK: - Remaining length trusted for allocation

    @Test(.receives("U5-2.1.4-1?", "5:MQTT-3.1.2-24"), arguments: ProtocolVersion.allCases)
    func `attack length: a header that claims 256 MiB is refused inside one read, or makes room for what came`(
        version: ProtocolVersion
    ) throws {
        // With a limit the header alone decides.
        let header = wire("30 FF FF FF 7F")
        #expect(decode([header], version, .client, maximumPacketSize: 1_000_000).error?.reason == .packetTooLarge)
        // Without one nothing is refused, and a little more changes nothing.
        #expect(decode([header, wire("0001 't' 00")], version, .client) == Outcome())
    }

    // MARK: - Remaining length or variable byte integer overflow, too many bytes

    private enum Reading: Equatable {
        case value(Int, size: Int)
        case incomplete, malformed
    }

    /// Written after MQTT 5.0, 1.5.5, apart from the reader under test.
    private static func read(_ bytes: [UInt8]) -> Reading {
        var value = 0
        for (index, byte) in bytes.enumerated() {
            if index == 4 { return .malformed }
            value += Int(byte & 127) * [1, 128, 16_384, 2_097_152][index]
            guard byte & 128 == 0 else { continue }
            return index > 0 && byte == 0 ? .malformed : .value(value, size: index + 1)
        }
        return bytes.count >= 4 ? .malformed : .incomplete
    }

    private static let lengths: [[UInt8]] = {
        let digits: [UInt8] = [0x00, 0x01, 0x7F, 0x80, 0x81, 0xFF]
        var all: [[UInt8]] = []
        var latest: [[UInt8]] = [[]]
        for _ in 1...4 {
            latest = latest.flatMap { prefix in digits.map { prefix + [$0] } }
            all += latest
        }
        for count in 5...12 {
            for digit in digits {
                for last in digits { all.append(Array(repeating: digit, count: count - 1) + [last]) }
            }
        }
        return all
    }()

    @Test(
        .receives("5:MQTT-1.5.5-1", "U5-1.5.5-1?", "U5-2.1.4-1?"),
        arguments: ["remaining length", "property length", "subscription identifier"]
    )
    func `attack variable byte integer: those of 1 to 12 bytes are what the standard says, wherever they stand`(
        place: String
    ) {
        for bytes in Self.lengths {
            let number = ByteBuffer(bytes: bytes)
            let input: ByteBuffer
            switch place {
            case "remaining length":
                var header = wire("30")
                header.writeImmutableBuffer(number)
                input = header
            case "property length":
                input = frame(0x30, wire("0001 't'"), number)
            default:
                let block = ByteBuffer(bytes: [UInt8(bytes.count + 1), 0x0B] + bytes)
                input = frame(0x30, wire("0001 't'"), block)
            }
            let error = decode([input], .v5, .client).error
            let isAboutForm = error?.message.contains("shortest form") ?? false
            switch Self.read(bytes) {
            case .malformed:
                #expect(error?.reason == .malformedPacket && isAboutForm, "\(bytes)")
            case .incomplete:
                // A header may go on in the next read, a packet may not.
                #expect(!isAboutForm && (error != nil) == (place != "remaining length"), "\(bytes)")
            case .value:
                #expect(!isAboutForm, "\(bytes): \(error?.message ?? "")")
            }
        }
    }

    // MARK: - UTF-8, U+0000, surrogates; string longer than its 16-bit length on sending

    /// A property that holds text or bytes: its identifier, what stands before and behind the field, and how to make it.
    struct Text: Sendable, CustomTestStringConvertible {
        let name: String
        let before: String
        var after = ""
        let row: PropertyRulesTests.Row
        var isTopic = false
        let make: @Sendable (String) -> Property

        var testDescription: String { self.name }
    }

    private static func row(_ identifier: UInt8) -> PropertyRulesTests.Row {
        guard let row = PropertyRulesTests.rows.first(where: { $0.bytes.getInteger(at: 0) == identifier }) else {
            preconditionFailure("There is no property \(identifier)")
        }
        return row
    }

    static let texts = [
        Text(name: "content type", before: "03", row: row(0x03)) { .contentType($0) },
        Text(name: "response topic", before: "08", row: row(0x08), isTopic: true) { .responseTopic($0) },
        Text(name: "assigned client identifier", before: "12", row: row(0x12)) { .assignedClientIdentifier($0) },
        Text(name: "authentication method", before: "15", row: row(0x15)) { .authenticationMethod($0) },
        Text(name: "response information", before: "1A", row: row(0x1A)) { .responseInformation($0) },
        Text(name: "server reference", before: "1C", row: row(0x1C)) { .serverReference($0) },
        Text(name: "reason string", before: "1F", row: row(0x1F)) { .reasonString($0) },
        Text(name: "name of a user property", before: "26", after: "0000", row: row(0x26)) {
            .userProperty(name: $0, value: "")
        },
        Text(name: "value of a user property", before: "26 0000", row: row(0x26)) {
            .userProperty(name: "", value: $0)
        },
    ]

    /// AUTH needs a method besides.
    private func needsMethod(_ text: Text, _ place: PropertyRulesTests.Place) -> Bool {
        place == .auth && text.name != "authentication method"
    }

    private func bytes(_ text: Text, _ place: PropertyRulesTests.Place, _ content: [UInt8]) -> ByteBuffer {
        var block = self.needsMethod(text, place) ? wire("15 0001 'm'") : ByteBuffer()
        for part in [wire(text.before), field(content), wire(text.after)] { block.writeImmutableBuffer(part) }
        // `frame` writes a length of any size behind one byte, which is dropped.
        var measured = frame(0, block)
        measured.moveReaderIndex(forwardBy: 1)
        return place.bytes(measured)
    }

    private func roles(_ text: Text, _ place: PropertyRulesTests.Place) -> [PacketDecoder.Role] {
        text.name == "server reference" && place == .disconnect ? [.client] : place.roles
    }

    @Test(
        .receives("5:MQTT-1.5.4-1", "5:MQTT-1.5.4-2", "5:MQTT-1.5.7-1", "5:MQTT-3.3.2-13", "5:MQTT-3.3.2-19"),
        arguments: Self.texts
    )
    func `attack strings: ill-formed text and U+0000 are malformed in every property of every packet`(text: Text) {
        for place in text.row.places {
            for role in self.roles(text, place) {
                #expect(decode([self.bytes(text, place, [0x61])], .v5, role).error == nil)
                for content in StringTests.bad {
                    let outcome = decode([self.bytes(text, place, content)], .v5, role)
                    #expect(outcome.error?.reason == .malformedPacket, "\(place), \(content)")
                    #expect(outcome.packets.isEmpty)
                }
            }
        }
    }

    @Test(
        .sends("5:MQTT-1.5.4-2", "5:MQTT-1.5.7-1", "5:MQTT-3.3.2-13", "5:MQTT-3.3.2-19"),
        arguments: Self.texts
    )
    func `U+0000 and text beyond 65,535 bytes are sent in no property of any packet`(text: Text) throws {
        let kind: EncodingError.Kind = text.isTopic ? .invalidProperty : .invalidField
        for place in text.row.places {
            let method: [Property] = self.needsMethod(text, place) ? [.authenticationMethod("m")] : []
            let longest = String(repeating: "x", count: 65_535)
            let bytes = try encode(place.packet(Properties(method + [text.make(longest)])), .v5)
            #expect(bytes == self.bytes(text, place, Array(longest.utf8)))
            let bad = ["\0", "a\0", "12345678\0"] + [65_536, 131_072].map { String(repeating: "x", count: $0) }
            for content in bad {
                expectRefused(place.packet(Properties(method + [text.make(content)])), .v5, kind)
            }
        }
    }

    // MARK: - Optional text of a server beyond our maximum packet size

    @Test(
        .receives("5:MQTT-3.4.2-2", "5:MQTT-3.4.2-3", "5:MQTT-3.5.2-2", "5:MQTT-3.5.2-3", "5:MQTT-3.6.2-2"),
        .receives("5:MQTT-3.6.2-3", "5:MQTT-3.7.2-2", "5:MQTT-3.7.2-3", "5:MQTT-3.14.2-3", "5:MQTT-3.14.2-4"),
        .receives("5:MQTT-3.15.2-2", "5:MQTT-3.15.2-3", "5:MQTT-3.2.2-19", "5:MQTT-3.2.2-20", "5:MQTT-3.9.2-1"),
        .receives("5:MQTT-3.9.2-2", "5:MQTT-3.11.2-1", "5:MQTT-3.11.2-2", "5:MQTT-3.1.2-24", "U5-3.1.2.11.4-2"),
        arguments: [
            PropertyRulesTests.Place.connAck, .pubAck, .pubRec, .pubRel, .pubComp, .subAck, .unsubAck, .disconnect,
            .auth,
        ]
    )
    func `a packet that a reason string or a user property makes larger than we take is refused`(
        place: PropertyRulesTests.Place
    ) throws {
        let method: [Property] = place == .auth ? [.authenticationMethod("m")] : []
        let text = String(repeating: "r", count: 40)
        for property in [Property.reasonString(text), .userProperty(name: "n", value: text)] {
            let packet = place.packet(Properties(method + [property]))
            let bytes = try encode(packet, .v5)
            let size = bytes.readableBytes
            #expect(decode([bytes], .v5, .client, maximumPacketSize: size) == Outcome(packets: [packet]))
            let refused = decode([bytes], .v5, .client, maximumPacketSize: size - 1)
            #expect(refused.packets.isEmpty)
            #expect(refused.error?.reason == .packetTooLarge)
        }
    }
}
