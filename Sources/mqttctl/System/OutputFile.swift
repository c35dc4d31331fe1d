// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Standard output or standard error.
struct OutputFile: Sendable {
    static let standardOutput = OutputFile(descriptor: 1)
    static let standardError = OutputFile(descriptor: 2)

    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    /// Whether a person sees it, and control characters control what the person sees.
    var isTerminal: Bool { POSIX.isTerminal(self.descriptor) }

    /// Writes all, with as few calls as can be, however long the reader takes.
    ///
    /// - Throws: ``Failure`` with status `cannotWrite`, or `success` when the reader has gone: it has what it wanted.
    func write(_ bytes: [UInt8]) async throws(Failure) {
        guard !bytes.isEmpty else { return }
        let descriptor = self.descriptor
        // Where a page fits nothing blocks, and a thread would cost more than the call.
        let error =
            if bytes.count <= 4_096, POSIX.takesPage(descriptor) {
                Self.write(bytes, to: descriptor)
            } else {
                await blocking { Self.write(bytes, to: descriptor) }
            }
        guard let error else { return }
        if error.isBrokenPipe { throw Failure(.success, .output, "") }
        throw Failure(.cannotWrite, .output, "Writing the output failed: \(error).")
    }

    /// Writes a line for people; what cannot be written is lost.
    func writeLine(_ line: String) { _ = Self.write(Array((line + "\n").utf8), to: self.descriptor) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> POSIX.SystemError? {
        bytes.withUnsafeBytes { bytes in
            do throws(POSIX.SystemError) {
                try POSIX.writeAll(descriptor, bytes)
                return nil
            } catch {
                return error
            }
        }
    }
}
