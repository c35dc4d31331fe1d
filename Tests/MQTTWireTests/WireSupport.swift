// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

/// What came of some bytes.
struct Outcome: Hashable, Sendable {
    var packets: [Packet] = []
    var error: DecodingError?
}

/// A buffer from hexadecimal digits, with text between single quotes: `wire("30 03 0001 't'")`.
func wire(_ text: String) -> ByteBuffer {
    var buffer = ByteBuffer()
    for (index, part) in text.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
        if index % 2 == 1 {
            buffer.writeString(String(part))
        } else {
            let digits = part.filter { !$0.isWhitespace }
            precondition(digits.count % 2 == 0, "An odd number of digits in \(text)")
            var rest = Substring(digits)
            while !rest.isEmpty {
                guard let byte = UInt8(rest.prefix(2), radix: 16) else { preconditionFailure("No byte in \(text)") }
                buffer.writeInteger(byte)
                rest = rest.dropFirst(2)
            }
        }
    }
    return buffer
}

/// A whole packet: the first byte, the length of what follows, and what follows.
func frame(_ first: UInt8, _ body: ByteBuffer...) -> ByteBuffer {
    var length = body.reduce(0) { $0 + $1.readableBytes }
    var buffer = ByteBuffer(bytes: [first])
    repeat {
        buffer.writeInteger(UInt8(length & 0x7F) | (length > 0x7F ? 0x80 : 0))
        length >>= 7
    } while length > 0
    for part in body { buffer.writeImmutableBuffer(part) }
    return buffer
}

func frame(_ first: UInt8, _ body: String) -> ByteBuffer { frame(first, wire(body)) }

/// A string or binary field with its length.
func field(_ bytes: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt16(truncatingIfNeeded: bytes.count))
    buffer.writeBytes(bytes)
    return buffer
}

/// Decodes pieces one after another.
func decode(
    _ pieces: [ByteBuffer],
    _ version: ProtocolVersion,
    _ role: PacketDecoder.Role,
    maximumPacketSize: Int = 268_435_460
) -> Outcome {
    var decoder = PacketDecoder(version: version, role: role, maximumPacketSize: maximumPacketSize)
    var outcome = Outcome()
    for piece in pieces {
        do throws(DecodingError) {
            try decoder.decode(piece, into: &outcome.packets)
            #expect(outcome.error == nil, "a decoder that has failed must go on failing")
        } catch {
            #expect(outcome.error == nil || outcome.error == error, "the error must stay the same")
            outcome.error = error
        }
    }
    return outcome
}

/// Decodes in one read, and checks that every way to cut the bytes in two, and byte by byte, gives the same.
func decodeEveryWay(
    _ buffer: ByteBuffer,
    _ version: ProtocolVersion,
    _ role: PacketDecoder.Role,
    sourceLocation: SourceLocation = #_sourceLocation
) -> Outcome {
    let whole = decode([buffer], version, role)
    let bytes = Array(buffer.readableBytesView)
    for cut in 0...bytes.count {
        let pieces = [ByteBuffer(bytes: bytes[..<cut]), ByteBuffer(bytes: bytes[cut...])]
        #expect(decode(pieces, version, role) == whole, "cut at \(cut)", sourceLocation: sourceLocation)
    }
    let single = bytes.map { ByteBuffer(bytes: [$0]) }
    #expect(decode(single, version, role) == whole, "byte by byte", sourceLocation: sourceLocation)
    return whole
}

func encode(_ packet: Packet, _ version: ProtocolVersion) throws(EncodingError) -> ByteBuffer {
    var buffer = ByteBuffer()
    let encoder = PacketEncoder(version: version)
    try encoder.encode(packet, into: &buffer)
    let size = try encoder.encodedSize(of: packet)
    #expect(size == buffer.readableBytes, "the size foretold must be the size written")
    return buffer
}

/// Checks that a packet is refused, by both ways to ask, and that nothing is written.
func expectRefused(
    _ packet: Packet,
    _ version: ProtocolVersion,
    _ kind: EncodingError.Kind,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    var buffer = ByteBuffer(string: "before")
    let encoder = PacketEncoder(version: version)
    var errors: [EncodingError?] = [nil, nil]
    do throws(EncodingError) { try encoder.encode(packet, into: &buffer) } catch { errors[0] = error }
    do throws(EncodingError) { _ = try encoder.encodedSize(of: packet) } catch { errors[1] = error }
    #expect(errors.map { $0?.kind } == [kind, kind], sourceLocation: sourceLocation)
    #expect(buffer == ByteBuffer(string: "before"), sourceLocation: sourceLocation)
}

/// Bytes that must be refused, with the reason.
struct Refusal: Sendable, CustomTestStringConvertible {
    let name: String
    let version: ProtocolVersion
    let role: PacketDecoder.Role
    let bytes: ByteBuffer
    let reason: ReasonCode

    init(
        _ name: String,
        _ version: ProtocolVersion,
        _ role: PacketDecoder.Role,
        _ bytes: ByteBuffer,
        _ reason: ReasonCode
    ) {
        self.name = name
        self.version = version
        self.role = role
        self.bytes = bytes
        self.reason = reason
    }

    var testDescription: String { "\(self.name), \(self.version)" }

    /// Checks the refusal, in one read and in all others.
    func check(sourceLocation: SourceLocation = #_sourceLocation) {
        let outcome = decodeEveryWay(self.bytes, self.version, self.role, sourceLocation: sourceLocation)
        #expect(outcome.packets.isEmpty, sourceLocation: sourceLocation)
        #expect(outcome.error?.reason == self.reason, "\(self.name)", sourceLocation: sourceLocation)
    }
}

/// A packet and its exact bytes.
struct Golden: Sendable, CustomTestStringConvertible {
    let packet: Packet
    let version: ProtocolVersion
    let role: PacketDecoder.Role
    let bytes: ByteBuffer

    init(_ version: ProtocolVersion, _ role: PacketDecoder.Role, _ packet: Packet, _ bytes: String) {
        self.packet = packet
        self.version = version
        self.role = role
        self.bytes = wire(bytes)
    }

    var testDescription: String { "\(self.version) \(self.bytes.readableBytesView.map { String($0, radix: 16) })" }

    /// Checks both directions.
    func check(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try encode(self.packet, self.version) == self.bytes, sourceLocation: sourceLocation)
        let outcome = decodeEveryWay(self.bytes, self.version, self.role, sourceLocation: sourceLocation)
        #expect(outcome == Outcome(packets: [self.packet]), sourceLocation: sourceLocation)
    }
}

func id(_ number: UInt16) -> PacketID { PacketID.first.advanced(by: Int(number) - 1) }
