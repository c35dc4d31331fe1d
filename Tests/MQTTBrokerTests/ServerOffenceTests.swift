// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

/// Bytes of clients that break the standard, and what the broker answers to them.
@Suite struct ServerOffenceTests {
    /// A packet behind a good CONNECT.
    struct Offence: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let levels: [UInt8]
        let bytes: @Sendable (UInt8) -> [UInt8]
        let reason: ReasonCode

        /// A body whose properties, without their length, stand between two parts and are left out before 5.0.
        init(
            _ name: String,
            _ first: UInt8,
            _ before: [UInt8],
            _ block: [UInt8]? = nil,
            after: [UInt8] = [],
            in levels: [UInt8] = [4, 5],
            _ reason: ReasonCode = .malformedPacket
        ) {
            self.testDescription = name
            self.levels = levels
            self.reason = reason
            self.bytes = { level in
                let properties = block.map { level == 5 ? [UInt8($0.count)] + $0 : [] } ?? []
                return Bytes.packet(first, before + properties + after)
            }
        }

        /// Bytes as they are.
        init(raw name: String, _ bytes: [UInt8], in levels: [UInt8] = [4, 5], _ reason: ReasonCode = .malformedPacket) {
            self.testDescription = name
            self.levels = levels
            self.reason = reason
            self.bytes = { _ in bytes }
        }
    }

    private func check(_ offence: Offence) throws {
        for level in offence.levels {
            var broker = CoreHarness()
            let watch = broker.connect("watch")
            broker.subscribe(watch, "#")
            // What comes behind it is not looked at.
            let behind = Bytes.publish(level, topic: "late") + [0xC0, 0]
            let (id, bytes) = broker.answer(to: Bytes.connect(level) + offence.bytes(level) + behind)
            #expect(broker.closed == [id], "level \(level)")
            #expect(broker.received(watch) == [], "level \(level)")
            try #require(bytes.count == (level == 5 ? 2 : 1), "level \(level)")
            #expect(bytes[0][0] == 0x20)
            guard level == 5 else { continue }
            #expect(bytes[1].first == 0xE0)
            #expect(bytes[1].count > 2 && bytes[1][2] == offence.reason.rawValue, "\(bytes[1])")
        }
    }

    /// What no string may be: surrogates, half a character, a form too long, beyond the last code point.
    private static let noText: [[UInt8]] = [
        [0xED, 0xA0, 0x80], [0x61, 0xE2, 0x82], [0xC1, 0x81], [0xF4, 0x90, 0x80, 0x80], [0xFF],
    ]

    @Test(
        .serves(
            "5:MQTT-1.5.4-1",
            "5:MQTT-1.5.4-2",
            "5:MQTT-3.3.2-1",
            "5:MQTT-4.7.3-2",
            "5:MQTT-4.13.1-1",
            "3.1.1:MQTT-1.5.3-1",
            "3.1.1:MQTT-1.5.3-2",
            "3.1.1:MQTT-3.3.2-1",
            "3.1.1:MQTT-4.7.3-2",
            "3.1.1:MQTT-4.8.0-1"
        ),
        arguments: noText + [[0x61, 0]]
    )
    func `a topic or a filter that is no text ends the connection`(content: [UInt8]) throws {
        let text = Bytes.text(content)
        try self.check(Offence("PUBLISH", 0x30, text, []))
        try self.check(Offence("SUBSCRIBE", 0x82, [0, 1], [], after: text + [0]))
        try self.check(Offence("UNSUBSCRIBE", 0xA2, [0, 1], [], after: text))
    }

    @Test(
        .serves("5:MQTT-1.5.4-1", "5:MQTT-1.5.4-2", "5:MQTT-1.5.7-1", "5:MQTT-3.3.2-13", "5:MQTT-3.3.2-19"),
        arguments: noText + [[0x61, 0]]
    )
    func `a property that is no text ends the connection`(content: [UInt8]) throws {
        let text = Bytes.text(content)
        let good = Bytes.text([0x62])
        for (name, block) in [
            ("content type", [0x03] + text), ("response topic", [0x08] + text),
            ("name", [0x26] + text + good), ("value", [0x26] + good + text),
        ] {
            try self.check(Offence(name, 0x30, Bytes.text([0x74]), block, in: [5]))
        }
    }

    @Test(
        .serves(
            "5:MQTT-1.5.4-1",
            "5:MQTT-1.5.4-2",
            "5:MQTT-3.1.4-1",
            "5:MQTT-4.13.1-1",
            "3.1.1:MQTT-1.5.3-1",
            "3.1.1:MQTT-1.5.3-2",
            "3.1.1:MQTT-3.1.4-1"
        ),
        arguments: noText + [[0x61, 0]]
    )
    func `a CONNECT with what is no text is closed without a word`(content: [UInt8]) {
        for level in [4, 5] as [UInt8] {
            let block: [UInt8] = level == 5 ? [0] : []
            let bodies: [(flags: UInt8, rest: [UInt8])] = [
                (0x02, Bytes.text(content)),
                (0x82, Bytes.text([0x61]) + Bytes.text(content)),
                (0x06, Bytes.text([0x61]) + block + Bytes.text(content) + [0, 0]),
            ]
            for body in bodies {
                var broker = CoreHarness()
                let head = Bytes.text(Array("MQTT".utf8)) + [level, body.flags, 0, 0]
                let (id, bytes) = broker.answer(to: Bytes.packet(0x10, head + block + body.rest))
                #expect(bytes == [])
                #expect(broker.closed == [id])
                #expect(broker.core.slots.isEmpty)
            }
        }
    }

    @Test(
        .serves(
            "5:MQTT-2.1.3-1",
            "5:MQTT-3.3.1-2",
            "5:MQTT-3.3.1-4",
            "5:MQTT-3.6.1-1",
            "5:MQTT-3.14.1-1",
            "5:MQTT-3.15.1-1",
            "5:MQTT-4.13.1-1",
            "U5-3.13-1?",
            "3.1.1:MQTT-2.2.2-1",
            "3.1.1:MQTT-2.2.2-2",
            "3.1.1:MQTT-3.3.1-4",
            "3.1.1:MQTT-3.6.1-1",
            "3.1.1:MQTT-3.14.1-1",
            "3.1.1:MQTT-4.8.0-1"
        ),
        arguments: [
            Offence("CONNECT", 0x11, []),
            Offence("PUBLISH with QoS 3", 0x36, [0, 1, 0x74, 0, 1], []),
            Offence("PUBLISH with DUP at QoS 0", 0x38, [0, 1, 0x74], []),
            Offence("PUBACK", 0x41, [0, 1]), Offence("PUBREC", 0x52, [0, 1]), Offence("PUBREL", 0x60, [0, 1]),
            Offence("PUBREL", 0x63, [0, 1]), Offence("PUBCOMP", 0x78, [0, 1]),
            Offence("SUBSCRIBE", 0x80, [0, 1], [], after: [0, 1, 0x74, 0]),
            Offence("SUBSCRIBE", 0x8A, [0, 1], [], after: [0, 1, 0x74, 0]),
            Offence("UNSUBSCRIBE", 0xA0, [0, 1], [], after: [0, 1, 0x74]),
            Offence("PINGREQ", 0xC8, []), Offence("DISCONNECT", 0xE1, []), Offence("DISCONNECT", 0xE8, []),
            Offence("AUTH", 0xF1, [], in: [5]), Offence("AUTH before 5.0", 0xF0, [], in: [4]),
            Offence("no type", 0x00, []),
        ]
    )
    func `flags that are not those of the type end the connection`(offence: Offence) throws {
        try self.check(offence)
    }

    @Test(
        .serves(
            "5:MQTT-1.5.5-1",
            "5:MQTT-2.2.2-1",
            "5:MQTT-3.3.2-2",
            "5:MQTT-3.3.2-14",
            "5:MQTT-4.7.0-1",
            "5:MQTT-4.7.3-1",
            "5:MQTT-4.13.1-1",
            "3.1.1:MQTT-3.3.2-2",
            "3.1.1:MQTT-3.8.3-4",
            "3.1.1:MQTT-4.7.1-1",
            "3.1.1:MQTT-4.7.3-1",
            "3.1.1:MQTT-4.8.0-1"
        ),
        arguments: [
            Offence(raw: "a length longer than it need be", [0xC0, 0x80, 0]),
            Offence(raw: "a length of five bytes", [0xC0, 0x80, 0x80, 0x80, 0x80, 0]),
            Offence(raw: "a property length too long", [0x30, 5, 0, 1, 0x74, 0x80, 0], in: [5]),
            Offence(raw: "no property length", [0x30, 3, 0, 1, 0x74], in: [5]),
            Offence(raw: "no property length in SUBSCRIBE", [0x82, 6, 0, 1, 0, 1, 0x74, 0], in: [5]),
            Offence("wildcard in a topic", 0x30, Bytes.text(Array("a/+".utf8)), [], .topicNameInvalid),
            Offence("wildcard in a topic", 0x30, Bytes.text(Array("#".utf8)), [], .topicNameInvalid),
            Offence("wildcard in a response topic", 0x30, [0, 1, 0x74], [8, 0, 1, 0x23], in: [5], .protocolError),
            Offence("no topic", 0x30, [0, 0], [], .protocolError),
            Offence("no filter", 0x82, [0, 1], [], after: [0, 0, 0], .protocolError),
            Offence("no filter to give up", 0xA2, [0, 1], [], after: [0, 0], .protocolError),
            Offence("QoS 3 asked for", 0x82, [0, 1], [], after: [0, 1, 0x74, 3], .protocolError),
            Offence("reserved options", 0x82, [0, 1], [], after: [0, 1, 0x74, 0x40]),
            Offence("reserved options", 0x82, [0, 1], [], after: [0, 1, 0x74, 4], in: [4]),
            Offence("identifier 0", 0x32, [0, 1, 0x74, 0, 0], [], .protocolError),
            Offence("a packet of servers", 0x20, [0, 0], [], .protocolError),
        ]
    )
    func `what is malformed or out of place ends the connection`(offence: Offence) throws {
        try self.check(offence)
    }
}
