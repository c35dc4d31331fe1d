// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// Small files, read as a whole; blocking, so not for an event loop.
enum FileBytes {
    /// More than any bundle of certificates, and no harm if someone names a device.
    private static let maximumLength = 16 * 1_024 * 1_024

    static func read(_ path: String) throws(TransportError) -> [UInt8] {
        guard let file = fopen(path, "rb") else { throw self.unreadable(path, errno) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            bytes.append(contentsOf: chunk[..<count])
            if count < chunk.count { break }
            guard bytes.count <= self.maximumLength else {
                throw TransportError(.tlsConfiguration, "The file \(path.debugDescription) is larger than 16 MiB.")
            }
        }
        guard ferror(file) == 0 else { throw self.unreadable(path, errno) }
        return bytes
    }

    private static func unreadable(_ path: String, _ code: CInt) -> TransportError {
        let reason = IOError(errnoCode: code, reason: "open")
        return TransportError(
            .tlsConfiguration,
            "The file \(path.debugDescription) cannot be read: \(reason.description)",
            cause: reason
        )
    }
}
