// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

extension TransportError {
    /// What a failed name lookup or TCP connection was.
    init(connectingTo endpoint: Endpoint, failedWith error: any Error) {
        switch error {
        case let error as TransportError:
            self = error
        case let error as NIOConnectionError:
            self = Self(endpoint, error)
        case let error as IOError:
            self = Self(endpoint, error, of: "\(endpoint)")
        case is HostLookup.Failure:
            self = Self(of: endpoint, unresolvedBecause: "\(error)")
        case ChannelError.connectTimeout:
            self = Self(.connectTimedOut, "Connecting to \(endpoint) took too long.", cause: error)
        default:
            self = Self(.other, "Connecting to \(endpoint) failed: \(error)", cause: error)
        }
    }

    /// A host has several addresses; the attempt that came furthest says most.
    private init(_ endpoint: Endpoint, _ error: NIOConnectionError) {
        let attempts = error.connectionErrors.map { attempt in
            if let error = attempt.error as? IOError {
                Self(endpoint, error, of: "\(endpoint) (\(attempt.target.ipAddress ?? "no address"))")
            } else {
                Self(connectingTo: endpoint, failedWith: attempt.error)
            }
        }
        let order: [Code] = [.connectionRefused, .connectTimedOut, .unreachable, .other]
        let furthest = order.lazy.compactMap { code in attempts.first { $0.code == code } }.first
        if let furthest = furthest ?? attempts.first {
            self = Self(furthest.code, furthest.message, cause: error)
            return
        }
        let reason = (error.dnsAError ?? error.dnsAAAAError).map(Self.lookupReason) ?? "it has no address"
        let unresolved = Self(of: endpoint, unresolvedBecause: reason)
        self = Self(unresolved.code, unresolved.message, cause: error).at(.nameLookup)
    }

    private static func lookupReason(_ error: any Error) -> String {
        "\(error)"
    }

    private init(_ endpoint: Endpoint, _ error: IOError, of target: String) {
        switch error.errnoCode {
        case ECONNREFUSED:
            self = Self(.connectionRefused, "\(target) refused the connection; nobody listens there.", cause: error)
        case ETIMEDOUT:
            self = Self(.connectTimedOut, "\(target) did not answer.", cause: error)
        case ENOENT:
            self = Self(.unreachable, "There is no socket at \(target).", cause: error)
        case EACCES, EPERM:
            self = Self(.unreachable, "This user may not connect to \(target).", cause: error)
        case EADDRINUSE:
            self = Self(.unreachable, "The address to connect from is in use: \(target).", cause: error)
        case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EADDRNOTAVAIL, EAFNOSUPPORT:
            self = Self(.unreachable, "There is no way to \(target): \(error.description)", cause: error)
        case ECONNRESET, EPIPE:
            self = Self(.closed, "\(target) closed the connection.", cause: error)
        default:
            self = Self(.other, "Connecting to \(target) failed: \(error.description)", cause: error)
        }
    }
}
