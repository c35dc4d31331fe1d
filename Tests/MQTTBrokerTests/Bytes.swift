// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Packets of clients, byte by byte.
enum Bytes {
    static func packet(_ first: UInt8, _ body: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = body.count
        repeat {
            length.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        return [first] + length + body
    }

    /// A string, or what is none, with its length.
    static func text(_ content: [UInt8]) -> [UInt8] {
        [UInt8(content.count >> 8), UInt8(truncatingIfNeeded: content.count)] + content
    }

    /// A good CONNECT of the client "a".
    static func connect(_ level: UInt8) -> [UInt8] {
        let head = self.text(Array("MQTT".utf8)) + [level, 2, 0, 0]
        return self.packet(0x10, head + (level == 5 ? [0] : []) + self.text([0x61]))
    }

    /// A good PUBLISH of QoS 0.
    static func publish(_ level: UInt8, topic: String, payload: [UInt8] = []) -> [UInt8] {
        self.packet(0x30, self.text(Array(topic.utf8)) + (level == 5 ? [0] : []) + payload)
    }
}
