// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MQTTBroker

@Suite struct NetworkLaneTests {
    private static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    @Test func `what is late keeps what is behind it waiting, and each delay counts from its own beginning`() {
        var lane = Lane<Int>()
        lane.append(1)
        lane.wait(until: Self.at(10))
        lane.append(2)
        lane.append(3)
        lane.wait(until: Self.at(5))
        lane.append(4)
        #expect(lane.next(now: Self.at(0)) == 1)
        #expect(lane.next(now: Self.at(9)) == nil)
        #expect(lane.nextDue == Self.at(10))
        #expect((0..<4).map { _ in lane.next(now: Self.at(10)) } == [2, 3, 4, nil])
        #expect(lane.isFree(now: Self.at(10)))
        #expect(!lane.isFree(now: Self.at(9)))
    }
}

@Suite struct NetworkFirstPacketTests {
    private static let connect: [UInt8] = [0x10, 3, 1, 2, 3]

    @Test func `a CONNECT is cut off what comes behind it, however it comes`() {
        let bytes = Self.connect + [0xC0, 0]
        for size in 1...bytes.count {
            var reader = FirstPacket(limit: 10)
            var result: (first: ByteBuffer, rest: ByteBuffer)?
            var used = 0
            while result == nil, used < bytes.count {
                let part = bytes[used..<min(used + size, bytes.count)]
                used += part.count
                result = reader.received(ByteBuffer(bytes: part))
            }
            #expect(result.map { Array($0.first.readableBytesView) } == Self.connect)
            #expect(result.map { $0.rest.readableBytes } == used - Self.connect.count)
        }
    }

    @Test(arguments: [[0x47], [0x10, 0xFF, 0xFF, 0xFF, 0xFF], [0x10, 0xFF, 0xFF, 0x01]] as [[UInt8]])
    func `what is no CONNECT, or too long, is not waited for`(bytes: [UInt8]) {
        var reader = FirstPacket(limit: 1_000)
        #expect(reader.received(ByteBuffer(bytes: bytes))?.first.readableBytes == bytes.count)
    }
}
