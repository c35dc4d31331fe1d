// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension TopicFilter {
    /// Whether some topic matches both filters.
    package func overlaps(_ other: TopicFilter) -> Bool {
        TopicBytes.with(self.string) { left in
            TopicBytes.with(other.string) { right in
                Self.overlap(
                    UnsafeRawBufferPointer(rebasing: left[Int(self.patternStart)...]),
                    UnsafeRawBufferPointer(rebasing: right[Int(other.patternStart)...])
                )
            }
        }
    }

    private static func overlap(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        var (i, j) = (0, 0)
        while true {
            let levels = (Self.level(of: left, from: i), Self.level(of: right, from: j))
            let wild = (Self.isWild(left, levels.0), Self.isWild(right, levels.1))
            // A leading wildcard does not match a topic that begins with `$` (MQTT 5.0, 4.7.2).
            if i == 0, wild.0 != wild.1, (wild.0 ? right : left).first == UInt8(ascii: "$") { return false }
            if Self.isMultiLevel(left, levels.0) || Self.isMultiLevel(right, levels.1) { return true }
            if !wild.0, !wild.1, !left[levels.0].elementsEqual(right[levels.1]) { return false }
            switch (levels.0.upperBound == left.count, levels.1.upperBound == right.count) {
            case (true, true): return true
            // `a/#` matches `a`, too.
            case (true, false): return Self.isRestMultiLevel(right, after: levels.1)
            case (false, true): return Self.isRestMultiLevel(left, after: levels.0)
            case (false, false): (i, j) = (levels.0.upperBound + 1, levels.1.upperBound + 1)
            }
        }
    }

    private static func level(of bytes: UnsafeRawBufferPointer, from start: Int) -> Range<Int> {
        start..<(bytes[start...].firstIndex(of: TopicBytes.slash) ?? bytes.count)
    }

    private static func isWild(_ bytes: UnsafeRawBufferPointer, _ level: Range<Int>) -> Bool {
        level.count == 1
            && (bytes[level.lowerBound] == UInt8(ascii: "+") || bytes[level.lowerBound] == UInt8(ascii: "#"))
    }

    private static func isMultiLevel(_ bytes: UnsafeRawBufferPointer, _ level: Range<Int>) -> Bool {
        level.count == 1 && bytes[level.lowerBound] == UInt8(ascii: "#")
    }

    private static func isRestMultiLevel(_ bytes: UnsafeRawBufferPointer, after level: Range<Int>) -> Bool {
        Self.isMultiLevel(bytes, level.upperBound + 1..<bytes.count)
    }
}
