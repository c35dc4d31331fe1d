// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// One server of a service (RFC 2782).
struct ServiceRecord: Hashable, Sendable {
    /// Lower ones are tried first.
    var priority: UInt16
    /// How large its share is among those of the same priority.
    var weight: UInt16
    var port: UInt16
    /// Its host name without the final dot; empty says that there is no such service.
    var target: String
}

extension ServiceRecord {
    /// So many servers are tried at most.
    static let limit = 64

    /// The records in the order in which to try them: by priority, and at random by weight among equals.
    ///
    /// This is the algorithm of RFC 2782: of those left a random number between 0 and the sum of their weights selects one;
    /// those of weight 0 come first in the sum, so that they have a small chance.
    static func order(
        _ records: [ServiceRecord],
        using generator: inout some RandomNumberGenerator
    ) -> [ServiceRecord] {
        var ordered: [ServiceRecord] = []
        let byPriority = Dictionary(grouping: records, by: \.priority).sorted { $0.key < $1.key }
        for (_, equals) in byPriority {
            var left = equals.filter { $0.weight == 0 } + equals.filter { $0.weight != 0 }
            while !left.isEmpty, ordered.count < Self.limit {
                let sum = left.reduce(0) { $0 + Int($1.weight) }
                let number = Int.random(in: 0...sum, using: &generator)
                var running = 0
                let index = left.firstIndex { record in
                    running += Int(record.weight)
                    return running >= number
                }
                ordered.append(left.remove(at: index ?? 0))
            }
        }
        return ordered
    }
}
