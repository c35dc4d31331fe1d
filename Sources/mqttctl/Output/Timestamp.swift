// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A time of day in UTC as RFC 3339 writes it, with nanoseconds.
struct Timestamp {
    /// Since 1970.
    var seconds: Int
    var nanoseconds: Int

    /// This moment.
    static func now() -> Timestamp {
        let now = POSIX.now()
        return Timestamp(seconds: now.seconds, nanoseconds: now.nanoseconds)
    }

    /// For example `2026-11-21T01:46:42.273897001Z`.
    var description: String {
        let day = self.seconds >= 0 ? self.seconds / 86_400 : (self.seconds - 86_399) / 86_400
        let second = self.seconds - day * 86_400
        let date = Self.date(ofDay: day)
        return Self.padded(date.year, 4) + "-" + Self.padded(date.month, 2) + "-" + Self.padded(date.day, 2) + "T"
            + Self.padded(second / 3_600, 2) + ":" + Self.padded(second / 60 % 60, 2) + ":"
            + Self.padded(second % 60, 2) + "." + Self.padded(self.nanoseconds, 9) + "Z"
    }

    /// The date of a day counted from 1970, in years that begin in March, so that the odd day is the last one.
    private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
        // 719,468 days lie between 0000-03-01 and 1970-01-01; 146,097 days are 400 years.
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        return (year, month < 10 ? month + 3 : month - 9, dayOfMonth)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
