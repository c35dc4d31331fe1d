// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import NIOCore
import Testing

@testable import MQTTWire

@Suite struct FrameSplitterTests {
    private let rules = FixedHeaderRules(version: .v5, role: .client, maximumPacketSize: 268_435_460)

    private func publish(payload: Int) throws -> ByteBuffer {
        let payload = ByteBuffer(repeating: 0x61, count: payload)
        return try encode(.publish(Publish(topic: "t", payload: payload)), .v5)
    }

    /// Where the readable bytes are, as a number.
    private func address(_ buffer: ByteBuffer) -> UInt {
        buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    }

    @Test func `a payload shares the storage of the read it came in`() throws {
        var input = try self.publish(payload: 100)
        input.writeImmutableBuffer(try self.publish(payload: 50))
        let outcome = decode([input], .v5, .client)
        let payloads = outcome.packets.compactMap {
            if case .publish(let publish) = $0 { publish.payload } else { nil }
        }
        try #require(payloads.count == 2)
        #expect(self.address(payloads[0]) == self.address(input) + 6)
        #expect(self.address(payloads[1]) == self.address(input) + 106 + 6)
        #expect(payloads[0].readableBytes == 100)
    }

    @Test func `packets behind one that straddles two reads are read in place again`() throws {
        let first = try self.publish(payload: 100)
        var second = try #require(first.getSlice(at: 40, length: first.readableBytes - 40))
        second.writeImmutableBuffer(try self.publish(payload: 10))
        let outcome = decode([try #require(first.getSlice(at: 0, length: 40)), second], .v5, .client)
        let payloads = outcome.packets.compactMap {
            if case .publish(let publish) = $0 { publish.payload } else { nil }
        }
        try #require(payloads.count == 2)
        #expect(self.address(payloads[1]) == self.address(second) + 66 + 6)
        #expect(payloads[0].readableBytes == 100)
    }

    @Test func `binary properties share the storage, too`() throws {
        let packet = Packet.publish(
            Publish(topic: "t", payload: wire(""), properties: [.correlationData(wire("0102"))])
        )
        let input = try encode(packet, .v5)
        let outcome = decode([input], .v5, .client)
        var data: ByteBuffer?
        if case .publish(let publish)? = outcome.packets.first { data = publish.properties.correlationData }
        #expect(self.address(try #require(data)) == self.address(input) + 2 + 3 + 1 + 3)
    }

    @Test func `a header that announces 256 MiB makes room for 64 KiB`() throws {
        var splitter = FrameSplitter()
        splitter.keep(wire("30"), header: nil)
        var rest = wire("FF FF FF 7F")
        #expect(try splitter.complete(from: &rest, rules: self.rules) == nil)
        #expect(splitter.capacity <= 65_536)
        #expect(splitter.isPending)

        var other = FrameSplitter()
        let header = FixedHeader(type: .publish, flags: 0, size: 5, remainingLength: 268_435_455)
        other.keep(wire("30 FF FF FF 7F"), header: header)
        #expect(other.capacity <= 65_536)
    }

    @Test func `room for a large packet grows with what has come`() throws {
        var splitter = FrameSplitter()
        let header = FixedHeader(type: .publish, flags: 0, size: 5, remainingLength: 268_435_455)
        splitter.keep(wire("30 FF FF FF 7F"), header: header)
        var arrived = 5
        for _ in 0..<40 {
            var piece = ByteBuffer(repeating: 0, count: 10_000)
            #expect(try splitter.complete(from: &piece, rules: self.rules) == nil)
            arrived += 10_000
            #expect(splitter.capacity <= max(65_536, arrived * 2))
        }
    }

    @Test(.receives("5:MQTT-4.2-1", "3.1.1:MQTT-7.1.2-1")) func `a large packet in small reads comes out whole`() throws
    {
        let whole = try self.publish(payload: 1_000_000)
        var rest = whole
        var pieces: [ByteBuffer] = []
        while let piece = rest.readSlice(length: min(rest.readableBytes, 3_333)), piece.readableBytes > 0 {
            pieces.append(piece)
        }
        #expect(decode(pieces, .v5, .client) == decode([whole], .v5, .client))
        #expect(decode(pieces, .v5, .client).packets.count == 1)
    }

    @Test(.receives("5:MQTT-3.1.2-24", "U5-3.1.2.11.4-2"), arguments: [0, 1, 100, 200, 20_000])
    func `a packet of exactly the limit is taken and one byte more is not`(payload: Int) throws {
        let packet = try self.publish(payload: payload)
        let size = packet.readableBytes
        #expect(decode([packet], .v5, .client, maximumPacketSize: size).packets.count == 1)
        let refused = decode([packet], .v5, .client, maximumPacketSize: size - 1)
        #expect(refused.packets.isEmpty)
        #expect(refused.error?.reason == .packetTooLarge)
    }

    @Test(.receives("5:MQTT-3.1.2-24", "U5-2.1.4-1?", "U5-3.1.2.11.4-2"))
    func `fault 16: the limit is checked by the header, before a byte of the body has come`() {
        let pieces = [wire("30"), wire("80"), wire("01")]
        #expect(decode(pieces, .v5, .client, maximumPacketSize: 130).error?.reason == .packetTooLarge)
        #expect(decode(pieces, .v5, .client, maximumPacketSize: 131).error == nil)
        #expect(
            decode([wire("30 FF FF FF 7F")], .v5, .client, maximumPacketSize: 1000).error?.reason == .packetTooLarge
        )
        #expect(decode([wire("30 FF FF FF 7F")], .v5, .client) == Outcome())
    }

    @Test func `the decoder's bytes may begin anywhere in their buffer`() throws {
        var buffer = ByteBuffer(string: "something before")
        buffer.moveReaderIndex(forwardBy: buffer.readableBytes)
        buffer.writeImmutableBuffer(try self.publish(payload: 7))
        let message = Publish(topic: "t", payload: ByteBuffer(repeating: 0x61, count: 7))
        #expect(decode([buffer], .v5, .client) == Outcome(packets: [.publish(message)]))
        buffer.moveWriterIndex(to: buffer.writerIndex - 1)
        #expect(decode([buffer, wire("61")], .v5, .client) == Outcome(packets: [.publish(message)]))
    }
}
