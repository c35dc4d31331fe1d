// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Cuts the CONNECT off what a connection sends first: it says how everything behind it is to be read.
struct FirstPacket {
    private var held = ByteBuffer()
    private let limit: Int

    /// - Parameter limit: How many bytes a CONNECT may have; what is longer is given out as it begins, to be refused.
    init(limit: Int) { self.limit = limit }

    /// The first packet and what came behind it, once it is there; what cannot be a CONNECT comes out at once.
    mutating func received(_ bytes: ByteBuffer) -> (first: ByteBuffer, rest: ByteBuffer)? {
        self.held.writeImmutableBuffer(bytes)
        guard let type = self.held.getInteger(at: self.held.readerIndex, as: UInt8.self) else { return nil }
        guard type == 0x10 else { return self.all() }
        switch self.size() {
        case .unknown: return nil
        case .impossible: return self.all()
        case .known(let size) where size > self.limit: return self.all()
        case .known(let size):
            guard let first = self.held.readSlice(length: size) else { return nil }
            return (first, self.held)
        }
    }

    private enum Size {
        case unknown, impossible
        case known(Int)
    }

    /// The size of the whole packet (MQTT 5.0, 2.1.4).
    private func size() -> Size {
        var length = 0
        for (index, byte) in self.held.readableBytesView.dropFirst().prefix(4).enumerated() {
            length |= Int(byte & 0x7F) << (7 * index)
            if byte & 0x80 == 0 { return .known(2 + index + length) }
        }
        return self.held.readableBytes >= 5 ? .impossible : .unknown
    }

    private func all() -> (first: ByteBuffer, rest: ByteBuffer) { (self.held, ByteBuffer()) }
}
