// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Wall clock and CPU from its making to its report.
struct Measurement {
    private let start = ContinuousClock.now
    private let user: Double
    private let system: Double

    init() { (self.user, self.system) = Self.cpu() }

    /// Prints one line of JSON.
    func report(messages: Int, more: String = "") {
        let seconds = Double((ContinuousClock.now - self.start) / .nanoseconds(1)) / 1e9
        let (user, system) = Self.cpu()
        let figures = "\"secs\":\(seconds),\"user\":\(user - self.user),\"sys\":\(system - self.system)"
        print("{\"n\":\(messages),\(figures),\"rss_kb\":\(Self.residentKilobytes())\(more)}")
    }

    private static func cpu() -> (user: Double, system: Double) {
        var usage = rusage()
        // RUSAGE_SELF is 0 everywhere, and a type of its own on some systems.
        getrusage(.init(0), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return (seconds(usage.ru_utime), seconds(usage.ru_stime))
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
