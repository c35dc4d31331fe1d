// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Lines with the time since the start, in columns.
struct Transcript {
    private let start = ContinuousClock.now

    func line(_ what: String, _ text: String) {
        let seconds = Self.number(.now - self.start, unit: .seconds(1))
        let time = String(repeating: " ", count: max(0, 7 - seconds.count)) + seconds
        let name = what + String(repeating: " ", count: max(0, 11 - what.count))
        // Not `print`: into a pipe that would come all at once at the end.
        FileHandle.standardOutput.write(Data("\(time) s  \(name) \(text)\n".utf8))
    }

    /// A duration in milliseconds, or in seconds from one on.
    static func text(_ duration: Duration) -> String {
        duration < .seconds(1)
            ? "\(self.number(duration, unit: .milliseconds(1))) ms" : "\(self.number(duration, unit: .seconds(1))) s"
    }

    /// Two digits behind the point.
    private static func number(_ duration: Duration, unit: Duration) -> String {
        let hundredths = Int((duration / unit * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
