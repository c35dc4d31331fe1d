// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@Suite struct DisconnectTests {
    /// MQTT 5.0, table 3-10.
    private static let both: Set<UInt8> = [
        0x00, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    ]
    private static let client = both.union([0x04])
    /// 0x8C as section 2.4 lists it.
    private static let server = both.union([
        0x87, 0x89, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
    ])

    @Test(.receives("5:MQTT-3.14.2-1")) func `each end may give its own reasons only`() {
        for code in UInt8.min...UInt8.max {
            let bytes = ByteBuffer(bytes: [0xE0, 1, code])
            let packet = Packet.disconnect(Disconnect(reason: ReasonCode(rawValue: code)))
            for (role, legal) in [(PacketDecoder.Role.client, Self.server), (.server, Self.client)] {
                let outcome = decode([bytes], .v5, role)
                if legal.contains(code) {
                    #expect(outcome == Outcome(packets: [packet]))
                } else {
                    #expect(outcome.error?.reason == .protocolError)
                }
            }
            if Self.server.union(Self.client).contains(code) {
                #expect(throws: Never.self) { try encode(packet, .v5) }
            } else {
                expectRefused(packet, .v5, .invalidField)
            }
        }
    }

    @Test(.receives("U5-3.14.2.1-1?")) func `nothing, a reason alone and an empty block are legal`() {
        for body in ["", "00", "00 00"] {
            #expect(decodeEveryWay(frame(0xE0, body), .v5, .client) == Outcome(packets: [.disconnect(Disconnect())]))
        }
    }

    @Test(
        .receives("5:MQTT-3.14.2-2"),
        arguments: [
            Refusal("expiry from a server", .v5, .client, frame(0xE0, "00 05 1100000001"), .protocolError),
            Refusal("reference from a client", .v5, .server, frame(0xE0, "00 04 1C0001 's'"), .protocolError),
            Refusal("something behind", .v5, .client, frame(0xE0, "00 00 00"), .malformedPacket),
            Refusal("block past the end", .v5, .client, frame(0xE0, "00 01"), .malformedPacket),
            Refusal("from a 3.1.1 server", .v311, .client, frame(0xE0, ""), .protocolError),
            Refusal("from a 3.1 server", .v31, .client, frame(0xE0, ""), .protocolError),
        ]
    )
    func `a DISCONNECT that breaks a rule is refused`(refusal: Refusal) { refusal.check() }

    @Test func `a DISCONNECT that says more than 3_x can is not encoded`() {
        expectRefused(.disconnect(Disconnect(reason: .disconnectWithWill)), .v311, .notInThisVersion)
        expectRefused(.disconnect(Disconnect(properties: [.reasonString("")])), .v31, .notInThisVersion)
        expectRefused(.disconnect(Disconnect(properties: [.contentType("")])), .v5, .invalidProperty)
    }
}

@Suite struct AuthTests {
    private func auth(_ code: UInt8) -> Packet {
        .auth(Auth(reason: ReasonCode(rawValue: code), properties: [.authenticationMethod("m")]))
    }

    @Test func `each end may use its own reasons only`() {
        for code in UInt8.min...UInt8.max {
            let bytes = frame(0xF0, ByteBuffer(bytes: [code]), wire("04 150001 'm'"))
            for (role, legal) in [(PacketDecoder.Role.client, [0x00, 0x18]), (.server, [0x18, 0x19])] {
                let outcome = decode([bytes], .v5, role)
                if legal.contains(Int(code)) {
                    #expect(outcome == Outcome(packets: [self.auth(code)]))
                } else {
                    #expect(outcome.error?.reason == .protocolError)
                }
            }
            if [0x00, 0x18, 0x19].contains(code) {
                #expect(throws: Never.self) { try encode(self.auth(code), .v5) }
            } else {
                expectRefused(self.auth(code), .v5, .invalidField)
            }
        }
    }

    @Test(arguments: [
        Refusal("reason without block", .v5, .client, frame(0xF0, "18"), .malformedPacket),
        Refusal("no method", .v5, .client, frame(0xF0, "18 00"), .protocolError),
        Refusal("no method but data", .v5, .client, frame(0xF0, "18 03 160000"), .protocolError),
        Refusal("nothing, from a client", .v5, .server, frame(0xF0, ""), .protocolError),
        Refusal("before 5.0", .v311, .client, frame(0xF0, ""), .malformedPacket),
        Refusal("before 5.0", .v31, .server, frame(0xF0, "18 04 150001 'm'"), .malformedPacket),
    ])
    func `an AUTH that breaks a rule is refused`(refusal: Refusal) { refusal.check() }

    @Test func `an AUTH that cannot be sent is refused`() {
        expectRefused(.auth(Auth()), .v311, .notInThisVersion)
        expectRefused(.auth(Auth(reason: .continueAuthentication)), .v5, .invalidProperty)
        expectRefused(.auth(Auth(properties: [.reasonString("r")])), .v5, .invalidProperty)
    }
}
