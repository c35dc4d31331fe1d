// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Wall clock and CPU from its making to its report.
struct Measurement: Sendable {
    private let start = ContinuousClock.now
    private let user: Double
    private let system: Double

    init() { (self.user, self.system) = Self.cpu() }

    var seconds: Double { Double((ContinuousClock.now - self.start) / .nanoseconds(1)) / 1e9 }

    /// Prints one line of JSON.
    func report(messages: Int, more: [(String, Double)] = []) {
        let seconds = self.seconds
        let (user, system) = Self.cpu()
        var line = "{\"n\":\(messages),\"secs\":\(seconds),\"user\":\(user - self.user),\"sys\":\(system - self.system)"
        line += ",\"rss_kb\":\(Self.residentKilobytes()),\"peak_kb\":\(Self.peakKilobytes())"
        for (key, value) in more { line += ",\"\(key)\":\(value)" }
        print(line + "}")
    }

    // RUSAGE_SELF is 0 everywhere, and a type of its own on some systems.
    private static func usage() -> rusage {
        var usage = rusage()
        getrusage(.init(0), &usage)
        return usage
    }

    private static func cpu() -> (user: Double, system: Double) {
        let usage = Self.usage()
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return (seconds(usage.ru_utime), seconds(usage.ru_stime))
    }

    /// The most that was ever resident.
    static func peakKilobytes() -> Int {
        #if canImport(Darwin)
        Int(Self.usage().ru_maxrss) / 1_024
        #else
        Int(Self.usage().ru_maxrss)
        #endif
    }

    static func residentKilobytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
            separator: " "
        )
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4 : 0
    }
}
