// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// Many requests on one connection; `make test` runs it alone, as it would take the processors from the others.
@Suite(.timeLimit(.minutes(10))) struct RequestLoadTests {
    @Test func `100,000 requests, 256 at a time, are all answered, none crossed, in bounded memory`() async throws {
        try await withDeadline(.seconds(300)) {
            let topic = unique("services/echo")
            let (total, width) = (100_000, 256)
            try await RequestTests.serving(topic, concurrency: width) {
                MQTTReply($0.payload)
            } _: { client in
                let counts = Counts()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<width {
                        group.addTask {
                            while true {
                                let number = counts.next.wrappingAdd(1, ordering: .relaxed).oldValue
                                guard number < total else { return }
                                if number == 20_000 { counts.early.store(residentBytes(), ordering: .relaxed) }
                                let reply = try await client.request("\(number)", to: topic)
                                if reply.text != "\(number)" { counts.crossed.wrappingAdd(1, ordering: .relaxed) }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(counts.crossed.load(ordering: .relaxed) == 0)
                let growth = residentBytes() - counts.early.load(ordering: .relaxed)
                #expect(growth < 16 << 20, "memory grew by \(growth) bytes")
            }
        }
    }
}

private final class Counts: Sendable {
    let next = Atomic<Int>(0)
    let crossed = Atomic<Int>(0)
    /// The memory held when a fifth of the requests was made.
    let early = Atomic<Int>(0)
}

/// How much memory the process holds.
private func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, 256, file) != nil else { return 0 }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let fields = text.split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}
