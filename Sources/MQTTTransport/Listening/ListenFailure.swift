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

/// Why nobody can be listened to at an address.
package enum ListenFailure: Hashable, Sendable {
    /// Somebody else listens there.
    case inUse
    /// The user may not, as at ports below 1024 or in the folder of others.
    case notPermitted
    /// This machine has no such address, or the folder of the socket is not there.
    case noSuchAddress
    case other

    /// What an error of the operating system was.
    package init(_ error: any Error) {
        guard let error = error as? IOError else {
            self = error is SocketAddressError || "\(error)".contains("unknown(host") ? .noSuchAddress : .other
            return
        }
        switch error.errnoCode {
        case EADDRINUSE: self = .inUse
        case EACCES, EPERM, EROFS: self = .notPermitted
        case EADDRNOTAVAIL, EAFNOSUPPORT, ENOENT, ENOTDIR, ENAMETOOLONG: self = .noSuchAddress
        default: self = .other
        }
    }
}

/// The file of a Unix socket.
package enum SocketFile {
    /// Removes the file if it is a socket; anything else stays.
    package static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        _ = unlink(path)
    }

    /// Whether the file is a socket that nobody listens at any more, since its program has not removed it.
    package static func isAbandoned(_ error: any Error) -> Bool { (error as? IOError)?.errnoCode == ECONNREFUSED }
}
