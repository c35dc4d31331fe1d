// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The `key=value` words of the command line.
struct Arguments: Sendable {
    private let words: [String: String]

    init(_ arguments: some Sequence<String>) {
        var words: [String: String] = [:]
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { words[String(parts[0])] = String(parts[1]) }
        }
        self.words = words
    }

    func text(_ key: String, _ standard: String) -> String { self.words[key] ?? standard }

    func number(_ key: String, _ standard: Int) -> Int { self.words[key].flatMap { Int($0) } ?? standard }

    /// Says what is wrong and ends the program.
    static func refuse(_ words: String) -> Never {
        var line = "bench-client: " + words + "\n"
        line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
        exit(64)
    }
}

/// The process's limit of open files.
enum Descriptors {
    /// Raises the soft limit as far as the hard one allows: each connection is a descriptor.
    static func allowMany() {
        var limit = rlimit()
        #if canImport(Glibc)
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let files = RLIMIT_NOFILE
        #endif
        guard getrlimit(files, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(files, &limit)
    }
}
