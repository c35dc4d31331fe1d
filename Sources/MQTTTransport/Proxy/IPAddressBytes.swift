// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// An IP address in network order: 4 bytes or 16.
struct IPAddressBytes: Hashable {
    let bytes: [UInt8]

    var isV4: Bool { self.bytes.count == 4 }

    /// Nil when the text is no IP address; an IPv6 address may name its interface behind a percent sign.
    init?(_ text: String) {
        guard !text.utf8.contains(0) else { return nil }
        let isV6 = text.utf8.contains(UInt8(ascii: ":"))
        var bytes = [UInt8](repeating: 0, count: isV6 ? 16 : 4)
        let address = isV6 ? String(text.prefix { $0 != "%" }) : text
        let read = bytes.withUnsafeMutableBytes { inet_pton(isV6 ? AF_INET6 : AF_INET, address, $0.baseAddress) }
        guard read == 1 else { return nil }
        self.bytes = bytes
    }

    /// Whether the first `count` bits are those of the other address, which must be of the same kind.
    func shares(_ count: Int, bitsWith other: IPAddressBytes) -> Bool {
        guard self.bytes.count == other.bytes.count else { return false }
        return zip(self.bytes, other.bytes).enumerated().allSatisfy { index, pair in
            let bits = min(max(count - index * 8, 0), 8)
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            return (pair.0 ^ pair.1) & mask == 0
        }
    }
}
