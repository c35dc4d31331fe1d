// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What a thousand operations may allocate and how long one may take; lines of `name | allocations | nanoseconds`.
struct Thresholds {
    private var limits: [String: (allocations: Int, nanoseconds: Double)] = [:]

    init?(file path: String) {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, 512, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard !text.hasPrefix("#") else { continue }
            let fields = text.split(separator: "|").map { $0.trimmed }
            guard fields.count == 3, let allocations = Int(fields[1]), let nanoseconds = Double(fields[2]) else {
                continue
            }
            self.limits[fields[0]] = (allocations, nanoseconds)
        }
    }

    /// What is wrong with a result; nil when nothing is.
    func complaint(_ name: String, _ result: MicroBenchmark.Result) -> String? {
        guard let limit = self.limits[name] else { return "has no threshold" }
        if let allocations = result.allocations, allocations > limit.allocations {
            return "allocates \(allocations) times in a thousand operations, \(limit.allocations) are allowed"
        }
        if result.nanoseconds > limit.nanoseconds {
            return "takes \(result.nanoseconds) ns, \(limit.nanoseconds) are allowed"
        }
        return nil
    }

    /// Whether the threshold of allocations could be lower.
    func isLoose(_ name: String, _ result: MicroBenchmark.Result) -> Bool {
        guard let limit = self.limits[name], let allocations = result.allocations else { return false }
        return allocations < limit.allocations
    }
}

extension Substring {
    /// Without spaces and line ends around it.
    fileprivate var trimmed: String {
        var text = self
        while let first = text.unicodeScalars.first, first.properties.isWhitespace { text.unicodeScalars.removeFirst() }
        while let last = text.unicodeScalars.last, last.properties.isWhitespace { text.unicodeScalars.removeLast() }
        return String(text)
    }
}
