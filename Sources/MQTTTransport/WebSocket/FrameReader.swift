// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Reads the frames of one end of a WebSocket (RFC 6455, 5) and passes on the bytes of binary messages as they come.
///
/// It holds at most one control frame of 125 bytes, so frames and messages may be of any size.
package struct FrameReader {
    /// Whose frames are read: those of clients are masked, those of servers are not.
    package enum Peer { case server, client }

    package enum Event: Equatable {
        /// Bytes of a binary message; where frames begin and end means nothing to MQTT (MQTT-6.0.0-2).
        case payload(ByteBuffer)
        case ping(ByteBuffer)
        case pong
        /// The last frame of the peer, which may say why.
        case close(code: UInt16?, reason: ByteBuffer)
        /// What came cannot be read on.
        case violation(Violation)
    }

    /// What the peer did wrong, and the code a close frame tells it with.
    package struct Violation: Equatable {
        package let code: UInt16
        package let words: String

        /// RFC 6455, 7.4.1: 1002.
        static func protocolError(_ words: String) -> Self { Self(code: 1_002, words: words) }

        /// Text, where only binary data is accepted: 1003.
        static let text = Self(code: 1_003, words: "sent text, where MQTT is binary")
    }

    private enum State {
        case beginning
        /// The second byte is next.
        case length(first: UInt8)
        /// So many bytes of a longer length are still to come.
        case longLength(first: UInt8, missing: Int, value: UInt64, isShort: Bool)
        /// So many bytes of the key are still to come.
        case key(first: UInt8, length: UInt64, missing: Int, value: UInt32)
        case payload(left: UInt64)
        case control(opcode: UInt8, left: Int, data: ByteBuffer)
        /// After a close frame or a violation nothing is read any more.
        case ended
    }

    private let peer: Peer
    private var state = State.beginning
    /// What the payload of the frame is masked with, turned so that its first byte is the next one's.
    private var mask: UInt32 = 0
    /// Whether the message goes on in a frame to come.
    private var isFragmented = false

    package init(of peer: Peer = .server) { self.peer = peer }

    /// The next event in `buffer`; nil when it has been read to its end.
    package mutating func next(from buffer: inout ByteBuffer) -> Event? {
        while true {
            switch self.state {
            case .payload(let left):
                if left == 0 {
                    self.state = .beginning
                    continue
                }
                let size = Int(min(left, UInt64(buffer.readableBytes)))
                guard size > 0, let payload = buffer.readSlice(length: size) else { return nil }
                self.state = .payload(left: left - UInt64(size))
                return .payload(self.unmasked(payload))
            case .control(let opcode, let left, var data):
                guard let masked = buffer.readSlice(length: min(left, buffer.readableBytes)) else { return nil }
                var part = self.unmasked(masked)
                let missing = left - part.readableBytes
                data.writeBuffer(&part)
                self.state = missing == 0 ? .beginning : .control(opcode: opcode, left: missing, data: data)
                guard missing == 0 else { return nil }
                return self.control(opcode, data)
            case .ended:
                buffer.moveReaderIndex(to: buffer.writerIndex)
                return nil
            case .beginning, .length, .longLength, .key:
                guard let byte = buffer.readInteger(as: UInt8.self) else { return nil }
                if let violation = self.header(byte) {
                    self.state = .ended
                    return .violation(violation)
                }
            }
        }
    }

    private mutating func header(_ byte: UInt8) -> Violation? {
        switch self.state {
        case .beginning:
            if let violation = self.objection(toFirst: byte) { return violation }
            self.state = .length(first: byte)
            return nil
        case .length(let first):
            if let violation = self.objection(toMasked: byte & 0x80 != 0) { return violation }
            let byte = byte & 0x7F
            guard byte < 126 else {
                guard first & 0x08 == 0 else { return .protocolError("sent a control frame longer than 125 bytes") }
                self.state = .longLength(first: first, missing: byte == 126 ? 2 : 8, value: 0, isShort: byte == 126)
                return nil
            }
            self.begin(first, length: UInt64(byte))
            return nil
        case .longLength(let first, let missing, let value, let isShort):
            let value = value << 8 | UInt64(byte)
            guard missing == 1 else {
                self.state = .longLength(first: first, missing: missing - 1, value: value, isShort: isShort)
                return nil
            }
            guard value >= (isShort ? 126 : 65_536) else {
                return .protocolError("wrote the length of a frame with more bytes than it needs")
            }
            guard value >> 63 == 0 else { return .protocolError("sent a frame of an impossible length") }
            self.begin(first, length: value)
            return nil
        case .key(let first, let length, let missing, let value):
            let value = value << 8 | UInt32(byte)
            guard missing == 1 else {
                self.state = .key(first: first, length: length, missing: missing - 1, value: value)
                return nil
            }
            self.mask = value
            self.beginPayload(first, length: length)
            return nil
        case .payload, .control, .ended:
            return nil
        }
    }

    /// MQTT has nothing to say here; RFC 6455, 5.1 has.
    private func objection(toMasked isMasked: Bool) -> Violation? {
        switch self.peer {
        case .server: isMasked ? .protocolError("masked a frame, which only clients do") : nil
        case .client: isMasked ? nil : .protocolError("sent a frame without a mask, which only servers do")
        }
    }

    private func objection(toFirst byte: UInt8) -> Violation? {
        guard byte & 0x70 == 0 else { return .protocolError("set reserved bits of a frame") }
        let isFinal = byte & 0x80 != 0
        switch byte & 0x0F {
        case 0: return self.isFragmented ? nil : .protocolError("went on with a message that it had not begun")
        case 1: return .text
        case 2: return self.isFragmented ? .protocolError("began a message inside of another") : nil
        case 8, 9, 10: return isFinal ? nil : .protocolError("fragmented a control frame")
        default: return .protocolError("sent a frame of the unknown kind \(byte & 0x0F)")
        }
    }

    private mutating func begin(_ first: UInt8, length: UInt64) {
        if case .client = self.peer {
            self.state = .key(first: first, length: length, missing: 4, value: 0)
        } else {
            self.beginPayload(first, length: length)
        }
    }

    private mutating func beginPayload(_ first: UInt8, length: UInt64) {
        guard first & 0x08 == 0 else {
            self.state = .control(opcode: first & 0x0F, left: Int(length), data: ByteBuffer())
            return
        }
        self.isFragmented = first & 0x80 == 0
        self.state = .payload(left: length)
    }

    /// The bytes without the mask; those of a server have none.
    private mutating func unmasked(_ payload: ByteBuffer) -> ByteBuffer {
        guard self.mask != 0 else { return payload }
        var bytes = ByteBufferAllocator().buffer(capacity: payload.readableBytes)
        bytes.writeMasked(payload, key: self.mask)
        let turn = UInt32(8 * (payload.readableBytes % 4))
        self.mask = turn == 0 ? self.mask : self.mask << turn | self.mask >> (32 - turn)
        return bytes
    }

    private mutating func control(_ opcode: UInt8, _ data: ByteBuffer) -> Event {
        switch opcode {
        case 9: return .ping(data)
        case 10: return .pong
        default:
            self.state = .ended
            guard data.readableBytes > 0 else { return .close(code: nil, reason: data) }
            var reason = data
            guard let code = reason.readInteger(as: UInt16.self) else {
                return .violation(.protocolError("sent a close frame with half a code"))
            }
            guard Self.mayBeSent(code) else {
                return .violation(.protocolError("sent a close frame with the code \(code), which none may have"))
            }
            return .close(code: code, reason: reason)
        }
    }

    /// RFC 6455, 7.4, and what was registered since.
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1_000...1_003, 1_007...1_014, 3_000...4_999: true
        default: false
        }
    }
}
