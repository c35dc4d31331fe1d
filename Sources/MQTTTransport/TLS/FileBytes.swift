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
package enum FileBytes {
    /// More than any bundle of certificates, and no harm if someone names a device.
    private static let maximumLength = 16 * 1_024 * 1_024

    package static func read(_ path: String) throws(TransportError) -> [UInt8] {
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

    /// The paths of the regular files in a folder, in order, links to them included; blocking, too.
    static func files(in path: String) throws(TransportError) -> [String] {
        guard let folder = opendir(path) else { throw self.unreadable(path, errno, what: "folder") }
        defer { closedir(folder) }
        var files: [String] = []
        while let entry = readdir(folder) {
            guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { break }
            let name = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
            let file = "\(path)/\(String(cString: name))"
            var status = stat()
            if stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG { files.append(file) }
        }
        return files.sorted()
    }

    private static func unreadable(_ path: String, _ code: CInt, what: String = "file") -> TransportError {
        let reason = IOError(errnoCode: code, reason: "open")
        return TransportError(
            .tlsConfiguration,
            "The \(what) \(path.debugDescription) cannot be read: \(reason.description)",
            cause: reason
        )
    }
}

/// A file that lines are added to, open for its owner alone.
final class AppendedFile: Sendable {
    private let descriptor: CInt

    /// Opens the file, or makes it; blocking.
    init(_ path: String) throws(TransportError) {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = IOError(errnoCode: errno, reason: "open")
            throw TransportError(
                .tlsConfiguration,
                "The file \(path.debugDescription) cannot be written to: \(reason.description)",
                cause: reason
            )
        }
        self.descriptor = descriptor
    }

    deinit { close(self.descriptor) }

    /// Adds the bytes at once, so that those of other connections do not come in between.
    func append(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        _ = write(self.descriptor, bytes, bytes.count)
    }
}
