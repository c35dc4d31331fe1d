// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@Suite struct FixedHeaderTests {
    /// What each type allows as flags, and who may send it; from MQTT 5.0, tables 2-1 and 2-2.
    private static let flags: [UInt8: Set<UInt8>] = [
        1: [0], 2: [0], 3: [0, 1, 2, 3, 4, 5, 10, 11, 12, 13], 4: [0], 5: [0], 6: [2], 7: [0], 8: [2], 9: [0],
        10: [2], 11: [0], 12: [0], 13: [0], 14: [0], 15: [0],
    ]
    private static let fromClient: Set<UInt8> = [1, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15]
    private static let fromServer: Set<UInt8> = [2, 3, 4, 5, 6, 7, 9, 11, 13, 14, 15]

    private func expected(_ byte: UInt8, _ version: ProtocolVersion, _ role: PacketDecoder.Role) -> ReasonCode? {
        let type = byte >> 4
        guard let legal = Self.flags[type] else { return .malformedPacket }
        if type == 15, version != .v5 { return .malformedPacket }
        if type == 14, version != .v5, role == .client { return .protocolError }
        guard (role == .client ? Self.fromServer : Self.fromClient).contains(type) else { return .protocolError }
        // In 3.1 the packets sent at QoS 1 may be repeated with DUP.
        let isRepeat = version == .v31 && [6, 8, 10].contains(type) && byte & 0x0F == 0b1010
        return legal.contains(byte & 0x0F) || isRepeat ? nil : .malformedPacket
    }

    @Test(
        .receives(
            "5:MQTT-2.1.3-1",
            "5:MQTT-3.3.1-2",
            "5:MQTT-3.3.1-4",
            "5:MQTT-3.6.1-1",
            "5:MQTT-3.14.1-1",
            "5:MQTT-3.15.1-1",
            "5:MQTT-4.3.1-1",
            "U5-3.3.1.2-1",
            "U5-3.13-1?",
            "3.1.1:MQTT-2.2.2-1",
            "3.1.1:MQTT-2.2.2-2",
            "3.1.1:MQTT-3.3.1-2",
            "3.1.1:MQTT-3.3.1-4",
            "3.1.1:MQTT-3.6.1-1",
            "3.1.1:MQTT-4.3.1-1"
        ),
        arguments: ProtocolVersion.allCases,
        [PacketDecoder.Role.client, .server]
    )
    func `the first byte alone is refused when no packet can begin with it`(
        version: ProtocolVersion,
        role: PacketDecoder.Role
    ) {
        for byte in UInt8.min...UInt8.max {
            let outcome = decode([ByteBuffer(bytes: [byte])], version, role)
            #expect(outcome.error?.reason == self.expected(byte, version, role), "first byte \(byte)")
            #expect(outcome.packets.isEmpty)
        }
    }

    @Test(
        .receives("U5-3.13-1?"),
        arguments: [
            Refusal("PINGRESP", .v5, .client, frame(0xD0, "00"), .malformedPacket),
            Refusal("PINGREQ", .v311, .server, frame(0xC0, "00"), .malformedPacket),
            Refusal("PUBACK", .v311, .client, frame(0x40, "0001 00"), .malformedPacket),
            Refusal("PUBREC", .v31, .client, frame(0x50, "00"), .malformedPacket),
            Refusal("PUBREL", .v311, .server, frame(0x62, "0001 00"), .malformedPacket),
            Refusal("PUBCOMP", .v311, .server, frame(0x70, ""), .malformedPacket),
            Refusal("UNSUBACK", .v311, .client, frame(0xB0, "0001 00"), .malformedPacket),
            Refusal("CONNACK", .v311, .client, frame(0x20, "00 00 00"), .malformedPacket),
            Refusal("CONNACK", .v31, .client, frame(0x20, "00"), .malformedPacket),
            Refusal("DISCONNECT", .v311, .server, frame(0xE0, "00"), .malformedPacket),
        ]
    )
    func `a packet of one length is refused by its header when it has another`(refusal: Refusal) {
        refusal.check()
        let header = refusal.bytes.getSlice(at: 0, length: 2)
        #expect(decode([header ?? ByteBuffer()], refusal.version, refusal.role).error?.reason == refusal.reason)
    }

    @Test(arguments: [0x6A, 0x8A, 0xAA] as [UInt8])
    func `a repeat with DUP is taken from a 3_1 client`(first: UInt8) {
        let body = [0x6A: "0007", 0x8A: "0007 0001 'f' 01", 0xAA: "0007 0001 'f'"][first] ?? ""
        let outcome = decodeEveryWay(frame(first, body), .v31, .server)
        #expect(outcome.packets.count == 1)
        #expect(outcome.error == nil)
        #expect(decode([frame(first, body)], .v311, .server).error?.reason == .malformedPacket)
    }

    @Test func `packets before an error are handed over, those behind it never`() {
        let bytes = wire("D0 00 40 02 0001 40 02 0000 D0 00")
        let outcome = decodeEveryWay(bytes, .v5, .client)
        #expect(outcome.packets == [.pingResponse, .pubAck(Acknowledgement(packetID: .first))])
        #expect(outcome.error?.reason == .protocolError)
    }

    @Test func `fault 37: nothing is read after an error`() {
        var decoder = PacketDecoder(version: .v5, role: .client)
        var packets: [Packet] = []
        #expect(throws: DecodingError.self) { try decoder.decode(wire("00"), into: &packets) }
        #expect(throws: DecodingError.self) { try decoder.decode(wire("D0 00"), into: &packets) }
        #expect(packets.isEmpty)
    }

    @Test func `an empty read changes nothing`() throws {
        var decoder = PacketDecoder(version: .v5, role: .client)
        var packets: [Packet] = []
        for piece in ["", "D0", "", "00", ""] { try decoder.decode(wire(piece), into: &packets) }
        #expect(packets == [.pingResponse])
    }
}
