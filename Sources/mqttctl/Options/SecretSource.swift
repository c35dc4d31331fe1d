// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// Where a password is that is not on the command line.
struct SecretSource: Hashable, Sendable {
    /// A file with the password in its first line.
    var file: String?
    /// An environment variable with the password.
    var variable: String?

    /// Reads the password; nil where none was named.
    func read() async throws(Failure) -> String? {
        if let variable {
            guard let value = POSIX.environment(variable) else {
                let words = "There is no environment variable \(variable.debugDescription)."
                throw Failure(.configuration, .arguments, words)
            }
            return value
        }
        guard let file else { return nil }
        do throws(Failure) {
            let contents = try await InputFile.contents(of: file)
            guard let text = String(validating: contents.readableBytesView, as: UTF8.self) else {
                let words = "The password in \(file.debugDescription) is not UTF-8."
                throw Failure(.configuration, .arguments, words)
            }
            return String(text.prefix { !$0.isNewline })
        } catch {
            throw Failure(.configuration, .arguments, error.message)
        }
    }
}
