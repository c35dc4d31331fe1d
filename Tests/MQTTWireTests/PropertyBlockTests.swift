// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MQTTWire

/// Properties of a PUBLISH are checked without being made: that must come to the same as making them.
@Suite struct PropertyBlockTests {
    /// What came of a property length and the block behind it.
    private struct Read: Equatable {
        var properties = Properties()
        /// Where the reader stood.
        var end = 0
        var error: DecodingError?
    }

    private func read(
        _ bytes: [UInt8],
        _ role: PacketDecoder.Role,
        _ body: (inout WireReader) throws(DecodingError) -> Properties
    ) -> Read {
        let buffer = ByteBuffer(bytes: bytes)
        return buffer.withUnsafeReadableBytes { pointer in
            var reader = WireReader(pointer, of: buffer, role: role, version: .v5)
            do throws(DecodingError) {
                let properties = try body(&reader)
                return Read(properties: properties, end: reader.position)
            } catch {
                return Read(error: error)
            }
        }
    }

    /// Checks a block by both ways.
    private func check(_ bytes: [UInt8], _ role: PacketDecoder.Role) -> Read {
        let direct = self.read(bytes, role) { reader throws(DecodingError) in
            try Properties(from: &reader, in: .publish)
        }
        let checked = self.read(bytes, role) { reader throws(DecodingError) in
            let block = try PropertyBlock.checkPublish(&reader)
            let buffer = ByteBuffer(bytes: bytes)
            return Properties(checked: buffer, endingAt: reader.position, length: block.length)
        }
        #expect(checked == direct, "\(bytes) read by \(role)")
        return direct
    }

    private static func value(_ random: inout MutationTests.Generator) -> [UInt8] {
        func text(_ alphabet: [String]) -> [UInt8] {
            let count = Int.random(in: 0..<5, using: &random)
            let bytes = (0..<count).flatMap { _ in Array((alphabet.randomElement(using: &random) ?? "").utf8) }
            return [0, UInt8(truncatingIfNeeded: bytes.count)] + bytes
        }
        let plain = ["a", "b/c", "é", "漢字", "12345678", "😀"]
        switch Int.random(in: 0..<9, using: &random) {
        case 0: return [0x01, UInt8.random(in: 0...1, using: &random)]
        case 1: return [0x02] + (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 2: return [0x03] + text(plain)
        case 3: return [0x08] + text(plain + ["#", "+"])
        case 4: return [0x09] + text(plain + ["\0"])
        case 5:
            return [0x0B] + [[1], [0x80, 0x01], [0xFF, 0xFF, 0xFF, 0x7F], [0]][Int.random(in: 0..<4, using: &random)]
        case 6: return [0x23, 0, UInt8.random(in: 0...3, using: &random)]
        default: return [0x26] + text(plain) + text(plain)
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout MutationTests.Generator) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.remove(at: index)
        case 3: bytes.insert([0x00, 0x80, 0xFF, 0x23, 0x11, 0xED][Int.random(in: 0..<6, using: &random)], at: index)
        default: bytes.removeLast(bytes.count - index)
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `checking refuses exactly what reading refuses, for the same reason`(seed: UInt64) {
        var random = MutationTests.Generator(state: seed)
        var refused: [String: Int] = [:]
        var accepted = 0
        for _ in 0..<5_000 {
            var block: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<6, using: &random) { block += Self.value(&random) }
            if Int.random(in: 0..<3, using: &random) > 0 { Self.damage(&block, &random) }
            var bytes = Self.length(block.count) + block
            if Int.random(in: 0..<8, using: &random) == 0 { Self.damage(&bytes, &random) }
            bytes += [UInt8](repeating: 0x26, count: Int.random(in: 0..<4, using: &random))
            let read = self.check(bytes, Bool.random(using: &random) ? .client : .server)
            if let error = read.error { refused[error.description, default: 0] += 1 } else { accepted += 1 }
        }
        // The blocks are worth something: many of both kinds, refused for many reasons.
        #expect(accepted > 500)
        #expect(refused.values.reduce(0, +) > 500)
        #expect(refused.count >= 10, "\(refused)")
    }

    private static func length(_ count: Int) -> [UInt8] {
        count < 128 ? [UInt8(count)] : [UInt8(count & 0x7F) | 0x80, UInt8(count >> 7)]
    }

    @Test(arguments: PropertyRulesTests.rows)
    func `every property is treated alike`(row: PropertyRulesTests.Row) {
        for role in [PacketDecoder.Role.client, .server] {
            let good = Array(row.bytes.readableBytesView)
            for cut in 0...good.count { _ = self.check(Self.length(cut) + good[..<cut], role) }
            _ = self.check(Self.length(2 * good.count) + good + good, role)
            _ = self.check(Self.length(good.count + 1) + good, role)
            for (bytes, _) in row.outOfRange {
                let bad = Array(wire(bytes).readableBytesView)
                #expect(self.check(Self.length(bad.count) + bad, role).error != nil)
            }
        }
    }

    @Test func `the properties of an entry are those of its packet, wherever the buffer begins`() throws {
        var random = MutationTests.Generator(state: 9)
        for _ in 0..<300 {
            var packets: [Packet] = []
            for number in 0..<Int.random(in: 1..<5, using: &random) {
                var properties = Properties()
                if Bool.random(using: &random) { properties.append(.contentType("é\(number)")) }
                if Bool.random(using: &random) { properties.append(.correlationData(wire("0001FF"))) }
                if Bool.random(using: &random) { properties.append(.messageExpiryInterval(7)) }
                if Bool.random(using: &random) { properties.append(.userProperty(name: "n", value: "")) }
                let payload = ByteBuffer(repeating: 1, count: Int.random(in: 0..<20, using: &random))
                packets.append(.publish(Publish(topic: "t", payload: payload, properties: properties)))
            }
            var input = ByteBuffer(string: String(repeating: "-", count: Int.random(in: 0..<9, using: &random)))
            input.moveReaderIndex(to: input.writerIndex)
            for packet in packets { input.writeImmutableBuffer(try encode(packet, .v5)) }
            var decoder = PacketDecoder(version: .v5, role: .client)
            var bursts: [PacketBurst] = []
            try decoder.decode(input, into: &bursts)
            let burst = try #require(bursts.first)
            try #require(bursts.count == 1 && burst.entries.count == packets.count)
            for (entry, packet) in zip(burst.entries, packets) {
                guard case .publish(let publish) = packet else { continue }
                #expect(burst.properties(of: entry) == publish.properties)
                #expect(entry.payload(in: burst.buffer) == publish.payload)
                #expect(burst.packet(of: entry) == packet)
            }
        }
    }
}
