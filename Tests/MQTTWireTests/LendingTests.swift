// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MQTTWire

/// The beginning of a large frame is lent to the next read: that must come to the same as feeding the decoder plainly.
@Suite struct LendingTests {
    /// Reads as a channel's handler does.
    private final class Reader {
        private var decoder: PacketDecoder
        var bursts: [PacketBurst] = []
        var error: DecodingError?
        /// The beginning of a frame that the next read goes on behind, and for how many bytes there may be room.
        var loan: (beginning: ByteBuffer, room: Int)?
        /// How many reads went on in a buffer that had been lent.
        var returns = 0

        init(_ version: ProtocolVersion, maximumPacketSize: Int = 268_435_460) {
            self.decoder = PacketDecoder(version: version, role: .client, maximumPacketSize: maximumPacketSize)
        }

        /// Gives the reader the first bytes of what has arrived; takes no more than there is room for.
        func read(_ count: Int, of arrived: inout ByteBuffer) {
            var buffer = ByteBuffer()
            var count = min(count, arrived.readableBytes)
            if let loan = self.loan.take() {
                buffer = loan.beginning
                count = min(count, loan.room - buffer.readableBytes)
                self.returns += 1
            }
            guard let bytes = arrived.readSlice(length: count) else { return }
            buffer.writeImmutableBuffer(bytes)
            self.decode(buffer)
        }

        private func decode(_ buffer: ByteBuffer) {
            do throws(DecodingError) {
                try self.decoder.decode(buffer, into: &self.bursts)
                #expect(self.error == nil, "a decoder that has failed must go on failing")
                self.loan = self.decoder.lendBeginning()
                guard let loan = self.loan else { return }
                #expect(loan.room > loan.beginning.readableBytes)
            } catch {
                #expect(self.error == nil || self.error == error)
                self.error = error
            }
        }

        var outcome: Outcome {
            Outcome(
                packets: self.bursts.flatMap { burst in burst.entries.map { burst.packet(of: $0) } },
                error: self.error
            )
        }
    }

    private static func size(_ random: inout MutationTests.Generator) -> Int {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: Int.random(in: 0..<4, using: &random)
        case 1, 2: Int.random(in: 0..<200, using: &random)
        case 3: Int.random(in: 30_000..<70_000, using: &random)
        case 4: Int.random(in: 0..<3_145_728, using: &random)
        default: Int.random(in: 0..<(1 << Int.random(in: 1..<19, using: &random)), using: &random)
        }
    }

    private static func packets(_ count: Int, _ random: inout MutationTests.Generator) -> [Packet] {
        (0..<count).map { number in
            switch Int.random(in: 0..<8, using: &random) {
            case 0: return .pingResponse
            case 1: return .pubAck(Acknowledgement(packetID: id(UInt16(number + 1))))
            default:
                let byte = UInt8.random(in: .min ... .max, using: &random)
                var payload = ByteBuffer(repeating: byte, count: Self.size(&random))
                payload.writeInteger(UInt32(number))
                return .publish(Publish(topic: "t/\(number)", payload: payload))
            }
        }
    }

    private func bytes(_ packets: [Packet]) throws -> ByteBuffer {
        var bytes = ByteBuffer()
        for packet in packets { bytes.writeImmutableBuffer(try encode(packet, .v5)) }
        return bytes
    }

    private func readSize(_ random: inout MutationTests.Generator) -> Int {
        1 + Int.random(in: 0..<(1 << Int.random(in: 4..<21, using: &random)), using: &random)
    }

    /// Feeds both decoders until everything has been read.
    private func compare(
        _ bytes: ByteBuffer,
        maximumPacketSize: Int = 268_435_460,
        _ random: inout MutationTests.Generator
    ) -> (outcome: Outcome, returns: Int) {
        let reader = Reader(.v5, maximumPacketSize: maximumPacketSize)
        var rest = bytes
        while rest.readableBytes > 0, reader.error == nil { reader.read(self.readSize(&random), of: &rest) }
        let plain = decode([bytes], .v5, .client, maximumPacketSize: maximumPacketSize)
        let outcome = reader.outcome
        #expect(outcome.error == plain.error)
        #expect(outcome.packets.count == plain.packets.count)
        for (lent, plain) in zip(outcome.packets, plain.packets) where lent != plain {
            Issue.record("a packet of type \(lent.type) differs")
        }
        return (outcome, reader.returns)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `lending gives the packets that plain feeding gives`(seed: UInt64) throws {
        var random = MutationTests.Generator(state: seed)
        var returns = 0
        for _ in 0..<6 {
            let packets = Self.packets(Int.random(in: 1..<16, using: &random), &random)
            let result = self.compare(try self.bytes(packets), &random)
            #expect(result.outcome.packets.count == packets.count)
            returns += result.returns
        }
        #expect(returns > 10)
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `an error behind a large frame comes after its packet`(seed: UInt64) throws {
        var random = MutationTests.Generator(state: seed)
        for bad in ["F1 00", "30 FF FF FF FF", "00", "30 03 0001 2B", "90 00"] {
            var bytes = try self.bytes(Self.packets(3, &random))
            let large = Publish(topic: "large", payload: ByteBuffer(repeating: 1, count: 500_000))
            bytes.writeImmutableBuffer(try self.bytes([.publish(large)]))
            bytes.writeImmutableBuffer(wire(bad))
            let outcome = self.compare(bytes, &random).outcome
            #expect(outcome.packets.count == 4)
            #expect(outcome.packets.last == .publish(large))
            #expect(outcome.error != nil)
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `a maximum packet size holds behind lent frames`(seed: UInt64) throws {
        var random = MutationTests.Generator(state: seed)
        let allowed = try self.bytes([.publish(Publish(topic: "t", payload: ByteBuffer(repeating: 1, count: 300_000)))])
        let limit = allowed.readableBytes
        let refused = try self.bytes([.publish(Publish(topic: "t", payload: ByteBuffer(repeating: 1, count: 300_001)))])
        for count in 0..<3 {
            var bytes = ByteBuffer()
            for _ in 0..<count { bytes.writeImmutableBuffer(allowed) }
            bytes.writeImmutableBuffer(refused)
            let outcome = self.compare(bytes, maximumPacketSize: limit, &random).outcome
            #expect(outcome.packets.count == count)
            #expect(outcome.error?.reason == .packetTooLarge)
        }
    }

    /// Lets nobody else hold what is lent.
    private func lend(from decoder: inout PacketDecoder) -> ByteBuffer {
        decoder.lendBeginning()?.beginning ?? ByteBuffer()
    }

    @Test func `the payload of a lent frame lies where it was read`() throws {
        let payload = ByteBuffer(repeating: 7, count: 1_000_000)
        var arrived = try self.bytes([.publish(Publish(topic: "t", payload: payload))])
        let size = arrived.readableBytes
        var decoder = PacketDecoder(version: .v5, role: .client)
        var bursts: [PacketBurst] = []
        try decoder.decode(arrived.readSlice(length: 65_536) ?? ByteBuffer(), into: &bursts)
        // The last read but one leaves little; room for all of it, as if frames of this size had come before.
        var buffer = ByteBuffer()
        buffer.reserveCapacity(size)
        buffer.writeImmutableBuffer(self.lend(from: &decoder))
        let address = buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        while arrived.readableBytes > 0 {
            #expect(buffer.readableBytes > 0, "a frame that was lent once is lent until it is whole")
            var read = arrived.readSlice(length: min(101_000, arrived.readableBytes)) ?? ByteBuffer()
            buffer.writeBuffer(&read)
            try decoder.decode(buffer, into: &bursts)
            buffer = ByteBuffer()
            buffer = self.lend(from: &decoder)
        }
        #expect(buffer.readableBytes == 0)
        let burst = try #require(bursts.first)
        let entry = try #require(burst.entries.first)
        let came = entry.payload(in: burst.buffer)
        #expect(came == payload)
        #expect(came.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == address + UInt(size - 1_000_000))
    }

    @Test func `a header alone is lent little room, whatever it announces`() throws {
        let reader = Reader(.v5)
        var arrived = wire("30 FF FF FF 7F 0001 't' 00")
        reader.read(.max, of: &arrived)
        #expect(reader.loan?.room == 65_536)
        #expect(reader.loan?.beginning.capacity ?? .max <= 65_536)
        // Room is earned by bytes that came.
        var count = 9
        while count < 2_000_000 {
            var more = ByteBuffer(repeating: 1, count: 10_000)
            while more.readableBytes > 0 { reader.read(10_000, of: &more) }
            count += 10_000
            #expect(try #require(reader.loan).room <= max(65_536, 2 * count))
        }
        #expect(reader.bursts.isEmpty)
        #expect(reader.error == nil)
    }

    @Test func `who sent a large frame gets its room at once for the next, and no more`() throws {
        let reader = Reader(.v5)
        var first = try self.bytes([.publish(Publish(topic: "t", payload: ByteBuffer(repeating: 1, count: 500_000)))])
        let size = first.readableBytes
        while first.readableBytes > 0 { reader.read(50_000, of: &first) }
        #expect(reader.loan == nil)
        var second = try self.bytes([.publish(Publish(topic: "t", payload: ByteBuffer(repeating: 2, count: 500_000)))])
        reader.read(100, of: &second)
        #expect(reader.loan?.room == size)
        while second.readableBytes > 0 { reader.read(50_000, of: &second) }
        var third = wire("30 FF FF FF 7F 0001 't' 00")
        reader.read(.max, of: &third)
        #expect(reader.loan?.room == 2 * size)
        #expect(reader.outcome.packets.count == 2)
    }

    @Test func `small frames are not lent`() throws {
        let reader = Reader(.v5)
        for size in [10, 1_000, 32_000] {
            var bytes = try self.bytes([.publish(Publish(topic: "t", payload: ByteBuffer(repeating: 1, count: size)))])
            while bytes.readableBytes > 0 {
                reader.read(bytes.readableBytes / 2 + 1, of: &bytes)
                #expect(reader.loan == nil)
            }
        }
        #expect(reader.outcome.packets.count == 3)
    }
}
