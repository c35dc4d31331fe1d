// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The code of a close frame, in words (RFC 6455, 7.4.1 and the registry of IANA).
struct CloseCode: CustomStringConvertible {
    private let code: UInt16?

    init(_ code: UInt16?) { self.code = code }

    private static let names: [UInt16: String] = [
        1_000: "normal closure", 1_001: "going away", 1_002: "protocol error", 1_003: "unsupported data",
        1_007: "invalid data", 1_008: "policy violation", 1_009: "message too big", 1_010: "mandatory extension",
        1_011: "internal error", 1_012: "service restart", 1_013: "try again later", 1_014: "bad gateway",
        3_000: "unauthorized", 3_003: "forbidden", 3_008: "timeout",
    ]

    var description: String {
        guard let code = self.code else { return "no reason given" }
        return Self.names[code].map { "\(code) \($0)" } ?? "\(code)"
    }
}
