// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// The domain this host is in.
enum LocalDomain {
    /// Asks the system for it; blocks.
    static func find() throws(TransportError) -> String {
        try self.find(hostName: self.hostName, canonicalName: self.canonicalName)
    }

    /// What is behind the first dot of the name of a host, or of its canonical name when it has none.
    static func find(
        hostName: () -> String?,
        canonicalName: (String) -> String?
    ) throws(TransportError) -> String {
        let name = hostName()
        if let name {
            if let domain = self.domain(of: name) { return domain }
            if let domain = canonicalName(name).flatMap(self.domain) { return domain }
        }
        throw TransportError(
            .nameResolutionFailed,
            "The name of this host, \((name ?? "").debugDescription), has no domain; give the domain of the service."
        )
    }

    private static func domain(of name: String) -> String? {
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        let domain = name[name.index(after: dot)...]
        return domain.isEmpty || domain == "." ? nil : String(domain)
    }

    @Sendable private static func hostName() -> String? {
        // POSIX: at most 255 bytes; a longer one may come without its final zero.
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return nil }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(validating: bytes, as: UTF8.self)
    }

    @Sendable private static func canonicalName(of name: String) -> String? {
        var hints = addrinfo()
        hints.ai_flags = AI_CANONNAME
        #if canImport(Glibc)
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return nil }
        defer { freeaddrinfo(list) }
        return list?.pointee.ai_canonname.map { String(cString: $0) }
    }
}
