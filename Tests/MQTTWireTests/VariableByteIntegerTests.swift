// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import NIOCore
import Testing

@testable import MQTTWire

@Suite struct VariableByteIntegerTests {
    private func read(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { raw in
            switch VariableByteInteger.read(raw, at: 0, end: raw.count) {
            case .value(let value, let size): "\(value) in \(size)"
            case .incomplete: "incomplete"
            case .malformed: "malformed"
            }
        }
    }

    @Test(
        .sends("5:MQTT-1.5.5-1", "U5-1.5.5-1?"),
        .receives("U5-1.5.5-1?"),
        arguments: [
            (0, [0x00]), (1, [0x01]), (127, [0x7F]), (128, [0x80, 0x01]), (16_383, [0xFF, 0x7F]),
            (16_384, [0x80, 0x80, 0x01]), (2_097_151, [0xFF, 0xFF, 0x7F]), (2_097_152, [0x80, 0x80, 0x80, 0x01]),
            (268_435_455, [0xFF, 0xFF, 0xFF, 0x7F]),
        ] as [(Int, [UInt8])]
    )
    func `the limits of each length are written and read in their shortest form`(value: Int, bytes: [UInt8]) {
        var buffer = ByteBuffer()
        buffer.writeVariableByteInteger(value)
        #expect(Array(buffer.readableBytesView) == bytes)
        #expect(VariableByteInteger.size(of: value) == bytes.count)
        #expect(self.read(bytes) == "\(value) in \(bytes.count)")
        for length in 0..<bytes.count { #expect(self.read(Array(bytes[..<length])) == "incomplete") }
    }

    @Test(.receives("5:MQTT-1.5.5-1")) func `a form longer than needed is malformed`() {
        for length in 2...4 {
            let padded = Array(repeating: UInt8(0x80), count: length - 1) + [0x00]
            #expect(self.read(padded) == "malformed")
        }
        #expect(self.read([0xFF, 0x00]) == "malformed")
        #expect(self.read([0xFF, 0x80, 0x00]) == "malformed")
        #expect(self.read([0xFF, 0xFF, 0xFF, 0x00]) == "malformed")
    }

    @Test(.receives("U5-1.5.5-1?"))
    func `fault 16: a fourth byte that announces a fifth is malformed without waiting for it`() {
        for length in 4...12 { #expect(self.read(Array(repeating: 0xFF, count: length)) == "malformed") }
        #expect(self.read([0x80, 0x80, 0x80, 0x80]) == "malformed")
        #expect(self.read([0xFF, 0xFF, 0xFF]) == "incomplete")
    }

    @Test func `all values of up to three bytes are read back`() {
        var buffer = ByteBuffer()
        for value in stride(from: 0, to: 2_200_000, by: 97) {
            buffer.clear()
            buffer.writeVariableByteInteger(value)
            #expect(buffer.readableBytes == VariableByteInteger.size(of: value))
            let text = self.read(Array(buffer.readableBytesView))
            #expect(text == "\(value) in \(buffer.readableBytes)")
        }
    }

    @Test(
        .receives("5:MQTT-1.5.5-1", "U5-1.5.5-1?"),
        arguments: [
            ("80 00", ReasonCode.malformedPacket), ("80 80 00", .malformedPacket), ("FF FF FF FF", .malformedPacket),
            ("FF FF FF FF FF FF", .malformedPacket), ("80 80 80 80 01", .malformedPacket),
        ]
    )
    func `a remaining length that is not one is refused at once`(length: String, reason: ReasonCode) {
        Refusal("remaining length", .v5, .client, wire("30" + length), reason).check()
    }

    @Test(.receives("5:MQTT-1.5.5-1"), arguments: ["80 00", "FF FF FF FF 01", "80 80 80 80"])
    func `a property length that is not one is malformed`(length: String) {
        Refusal("property length", .v5, .client, frame(0x30, "0001 't' \(length) 00 00"), .malformedPacket).check()
    }

    @Test(.receives("5:MQTT-1.5.5-1"), arguments: ["81 00", "FF FF FF FF", "80 80 80 80"])
    func `a subscription identifier that is not one is malformed`(value: String) {
        let value = wire(value)
        let block = ByteBuffer(bytes: [UInt8(value.readableBytes + 1), 0x0B] + Array(value.readableBytesView))
        Refusal("identifier", .v5, .client, frame(0x30, wire("0001 't'"), block), .malformedPacket).check()
    }
}
