// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A folder of its own under the system's temporary folder, open to its owner alone.
package struct TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        let template = FileManager.default.temporaryDirectory.appendingPathComponent("swift-mqtt-XXXXXX").path
        var bytes = template.utf8CString
        let made = bytes.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) } != nil
        }
        guard made else { throw FixtureError("cannot make a temporary folder like \(template): errno \(errno)") }
        self.path = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package func file(_ name: String) -> String {
        "\(self.path)/\(name)"
    }

    package func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self.file(name)))
    }

    /// What the file holds so far; nothing when there is none.
    package func read(_ name: String) -> String {
        guard let data = FileManager.default.contents(atPath: self.file(name)) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    package func remove() {
        try? FileManager.default.removeItem(atPath: self.path)
    }
}
