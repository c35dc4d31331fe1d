// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A file or a pipe to read payloads from.
struct InputFile: Sendable {
    /// The longest payload that fits into a packet with some topic (MQTT 5.0, 2.1.4).
    static let longestPayload = 268_435_455

    private let descriptor: Int32
    private let name: String

    static let standardInput = InputFile(descriptor: 0, name: "standard input")

    private init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Reads a whole file.
    static func contents(of path: String) async throws(Failure) -> ByteBuffer {
        let opened = await blocking { () -> Result<Int32, POSIX.SystemError> in
            do throws(POSIX.SystemError) { return .success(try POSIX.openForReading(path)) } catch {
                return .failure(error)
            }
        }
        switch opened {
        case .success(let descriptor):
            defer { POSIX.closeFile(descriptor) }
            return try await InputFile(descriptor: descriptor, name: path.debugDescription).contents()
        case .failure(let error):
            throw Failure(.noInput, .input, "The file \(path.debugDescription) cannot be read: \(error).")
        }
    }

    /// Reads to the end.
    func contents() async throws(Failure) -> ByteBuffer {
        var whole = ByteBuffer()
        while let chunk = try await self.chunk(atMost: 1 << 20) {
            whole.writeImmutableBuffer(chunk)
            guard whole.readableBytes <= Self.longestPayload else { throw self.tooLong }
        }
        return whole
    }

    /// Reads what there is; nil at the end.
    func chunk(atMost size: Int = 1 << 18) async throws(Failure) -> ByteBuffer? {
        let descriptor = self.descriptor
        let read = await blocking { () -> Result<ByteBuffer, POSIX.SystemError> in
            var buffer = ByteBuffer()
            do {
                try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { bytes in
                    try POSIX.readSome(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<size]))
                }
                return .success(buffer)
            } catch {
                return .failure(error as? POSIX.SystemError ?? POSIX.SystemError(code: 0))
            }
        }
        switch read {
        case .success(let buffer): return buffer.readableBytes == 0 ? nil : buffer
        case .failure(let error): throw Failure(.noInput, .input, "Reading \(self.name) failed: \(error).")
        }
    }

    /// No packet could carry it.
    var tooLong: Failure {
        Failure(.badData, .input, "The payload in \(self.name) is longer than MQTT can carry, 268,435,455 bytes.")
    }
}
