// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// The parts of the client that every message goes through, one by one.
//   micro [runs=20] [only=WORDS] [thresholds=FILE]
// Prints nanoseconds per operation and allocations per thousand; with thresholds, fails when one is exceeded.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

func word(_ key: String) -> String? {
    CommandLine.arguments.dropFirst().first { $0.hasPrefix(key + "=") }.map { String($0.dropFirst(key.count + 1)) }
}

func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

let runs = word("runs").flatMap { Int($0) } ?? 20
let thresholds = word("thresholds").flatMap { Thresholds(file: $0) }
if let path = word("thresholds"), thresholds == nil {
    print("micro: \(path) cannot be read")
    exit(1)
}
var complaints: [String] = []
for benchmark in try Wire.benchmarks + Rules.benchmarks where word("only").map({ benchmark.name == $0 }) ?? true {
    let result = benchmark.run(runs)
    let time = "\((result.nanoseconds * 10).rounded() / 10)"
    let count = result.allocations.map { "\($0)" } ?? "-"
    var line = benchmark.name + padded(time, 60 - benchmark.name.count) + " ns" + padded(count, 10)
    if let complaint = thresholds?.complaint(benchmark.name, result) {
        complaints.append("\(benchmark.name) \(complaint)")
    } else if thresholds?.isLoose(benchmark.name, result) == true {
        line += "   (fewer than the threshold: lower it)"
    }
    print(line)
}
for complaint in complaints { print("micro: " + complaint) }
exit(complaints.isEmpty ? 0 : 1)
