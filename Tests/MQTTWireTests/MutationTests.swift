// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

/// Packets with random damage: whatever comes out, nothing traps and nothing grows.
@Suite struct MutationTests {
    /// SplitMix64, so that a seed names a run.
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var word = self.state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
    }

    private static let seeds: [Golden] =
        GoldenTests.connection + GoldenTests.messages + GoldenTests.subscriptions
        + PropertyRulesTests.rows.flatMap { row in
            row.places.flatMap { place in
                place.roles.compactMap { role -> Golden? in
                    let packet = place.packet([row.property, .userProperty(name: "name", value: "value")])
                    guard let bytes = try? encode(packet, .v5) else { return nil }
                    return Golden(packet, role, bytes)
                }
            }
        }

    private func mutate(_ bytes: [UInt8], _ random: inout Generator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...Int.random(in: 0..<4, using: &random) {
            let index = Int.random(in: 0..<max(bytes.count, 1), using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0 where !bytes.isEmpty: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1 where !bytes.isEmpty: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2 where !bytes.isEmpty: bytes.remove(at: index)
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: min(index, bytes.count))
            case 4 where !bytes.isEmpty: bytes[index] = [0x00, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
            case 5: bytes.append(contentsOf: bytes.prefix(index))
            default: bytes.removeLast(min(bytes.count, index))
            }
        }
        return bytes
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `attack decoder exception: damaged packets never trap, never grow, and are the same in one read or many`(
        seed: UInt64
    ) throws {
        var random = Generator(state: seed)
        for _ in 0..<5_000 {
            guard let golden = Self.seeds.randomElement(using: &random) else { return }
            let bytes = self.mutate(Array(golden.bytes.readableBytesView), &random)
            let whole = decode([ByteBuffer(bytes: bytes)], golden.version, golden.role)
            // No packet is shorter than two bytes.
            #expect(whole.packets.count <= bytes.count / 2)
            var rest = bytes[...]
            var pieces: [ByteBuffer] = []
            while !rest.isEmpty {
                let length = Int.random(in: 1...rest.count, using: &random)
                pieces.append(ByteBuffer(bytes: rest.prefix(length)))
                rest = rest.dropFirst(length)
            }
            #expect(decode(pieces, golden.version, golden.role) == whole, "\(bytes)")
        }
    }

    /// What was accepted can be said again: decoding, encoding and decoding gives the same packet.
    @Test(arguments: [5, 6] as [UInt64])
    func `what is accepted can be sent on`(seed: UInt64) throws {
        var random = Generator(state: seed)
        var accepted = 0
        for _ in 0..<5_000 {
            guard let golden = Self.seeds.randomElement(using: &random) else { return }
            let bytes = self.mutate(Array(golden.bytes.readableBytesView), &random)
            var decoder = PacketDecoder(version: golden.version, role: golden.role)
            var packets: [Packet] = []
            do throws(DecodingError) { try decoder.decode(ByteBuffer(bytes: bytes), into: &packets) } catch {}
            // A second CONNECT may have changed the version between two packets.
            let isPlain = packets.count == 1
            for packet in packets where isPlain {
                accepted += 1
                let again = try encode(packet, decoder.version)
                #expect(decode([again], decoder.version, golden.role) == Outcome(packets: [packet]), "\(bytes)")
            }
        }
        #expect(accepted > 500)
    }

    @Test func `attack decoder exception: random bytes never trap`() {
        var random = Generator(state: 7)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            for version in ProtocolVersion.allCases {
                let outcome = decode(
                    [ByteBuffer(bytes: bytes)],
                    version,
                    Bool.random(using: &random) ? .client : .server
                )
                #expect(outcome.packets.count <= 30)
            }
        }
    }
}

extension Golden {
    fileprivate init(_ packet: Packet, _ role: PacketDecoder.Role, _ bytes: ByteBuffer) {
        self.packet = packet
        self.version = .v5
        self.role = role
        self.bytes = bytes
    }
}
