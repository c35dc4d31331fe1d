// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Cuts what is read into lines, without a copy where a line lies in one piece.
struct LineSplitter {
    /// The beginning of a line whose end was not read yet.
    private var rest = ByteBuffer()

    /// The bytes kept for the next line.
    var pendingBytes: Int { self.rest.readableBytes }

    /// The lines that end in `chunk`, without their newlines.
    mutating func lines(of chunk: ByteBuffer) -> [ByteBuffer] {
        var chunk = chunk
        var lines: [ByteBuffer] = []
        while let end = chunk.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let length = end - chunk.readerIndex
            guard let line = chunk.readSlice(length: length) else { break }
            chunk.moveReaderIndex(forwardBy: 1)
            if self.rest.readableBytes > 0 {
                self.rest.writeImmutableBuffer(line)
                lines.append(self.rest)
                self.rest = ByteBuffer()
            } else {
                lines.append(line)
            }
        }
        self.rest.writeImmutableBuffer(chunk)
        return lines
    }

    /// The last line, when no newline ends it.
    mutating func end() -> ByteBuffer? {
        guard self.rest.readableBytes > 0 else { return nil }
        defer { self.rest = ByteBuffer() }
        return self.rest
    }
}
