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

/// What the server's certificate has to be for.
enum ServerIdentity {
    /// A host name; it goes into SNI, too, and NIOSSL looks for it in the certificate.
    case name(String)
    /// An IP address, its four or sixteen bytes and how it was written.
    case address([UInt8], text: String)

    init(_ settings: TLSSettings, _ endpoint: Endpoint) throws(TransportError) {
        let host = settings.serverName ?? endpoint.serverName
        // An IPv6 address may come in brackets, and name the interface behind a percent sign.
        let isBracketed = host.utf8.first == UInt8(ascii: "[") && host.utf8.last == UInt8(ascii: "]")
        let address = (isBracketed ? host.dropFirst().dropLast() : host[...]).prefix { $0 != "%" }
        if let bytes = Self.addressBytes(String(address)) {
            self = .address(bytes, text: String(address))
            return
        }
        // The root's dot is for the resolver; SNI has no room for it (RFC 6066, 3).
        let name = host.utf8.count > 1 && host.utf8.last == UInt8(ascii: ".") ? String(host.dropLast()) : host
        guard name != ".", (1...255).contains(name.utf8.count), !name.utf8.contains(0) else {
            throw TransportError(
                .tlsConfiguration,
                "The server name \(String(host.prefix(60)).debugDescription) is not a host name."
            )
        }
        self = .name(name)
    }

    var isAddress: Bool { if case .address = self { true } else { false } }

    /// What to ask the server for, if it can be asked for at all.
    var nameToAskFor: String? { if case .name(let name) = self { name } else { nil } }

    /// Whether a certificate, in DER form, is for this server (RFC 9525, 6).
    ///
    /// NIOSSL looks for names, too, but is content with a certificate for the address of the peer, whatever the name. One
    /// that has no such names at all is left to it: it may know the server by its common name.
    func isNamed(by certificate: [UInt8]) -> Bool {
        guard let names = CertificateNames(certificate) else { return false }
        switch self {
        case .name(let name): return !names.areGiven || names.hosts.contains { Self.matches($0, name) }
        case .address(let bytes, _): return names.addresses.contains(bytes)
        }
    }

    /// Whether a name of a certificate, whose first label may be an asterisk, is that of the host.
    private static func matches(_ pattern: String, _ host: String) -> Bool {
        let pattern = pattern.lowercased()
        let host = host.lowercased()
        guard pattern.hasPrefix("*.") else { return pattern == host }
        guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return false }
        return pattern.dropFirst() == host[dot...]
    }

    private static func addressBytes(_ text: String) -> [UInt8]? {
        guard !text.utf8.contains(0) else { return nil }
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }
}

extension ServerIdentity: CustomStringConvertible {
    /// The name or the address.
    var description: String {
        switch self {
        case .name(let name): name
        case .address(_, let text): text
        }
    }
}

/// Whom a certificate is for (RFC 5280, 4.2.1.6).
struct CertificateNames {
    private(set) var hosts: [String] = []
    private(set) var addresses: [[UInt8]] = []
    /// Whether there are alternative names, of whatever kind.
    private(set) var areGiven = false

    private static let subjectAlternativeName: [UInt8] = [0x55, 0x1D, 0x11]

    /// Reads them from a certificate in DER form.
    init?(_ certificate: [UInt8]) {
        guard let parts = BERElement(certificate)?.sequence?.first?.sequence else { return nil }
        let extensions: [BERElement] = parts.first { $0.tag == 0xA3 }?.children?.first?.sequence ?? []
        for entry in extensions {
            guard let fields = entry.sequence, fields.first?.isIdentifier(Self.subjectAlternativeName) == true,
                let names = fields.last?.octets.flatMap({ BERElement($0) })?.sequence
            else { continue }
            self.areGiven = self.areGiven || !names.isEmpty
            for name in names {
                switch name.tag {
                case 0x82: self.hosts.append(Self.host(name.contents))
                case 0x87: self.addresses.append(Array(name.contents))
                default: break
                }
            }
        }
    }

    /// The first few, for an error.
    var summary: String {
        let hosts = self.hosts.prefix(5).map { String($0.prefix(60)).debugDescription }
        let addresses = self.addresses.prefix(5).map(Self.text)
        let more = self.hosts.count > 5 || self.addresses.count > 5 ? ["…"] : []
        let names = hosts + addresses + more
        return names.isEmpty ? "nobody" : names.joined(separator: ", ")
    }

    /// Names are ASCII; whatever is not does not come into an error.
    private static func host(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.map { (0x21...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    private static func text(_ address: [UInt8]) -> String {
        guard address.count == 4 || address.count == 16 else { return "?" }
        let packed = ByteBuffer(bytes: address)
        return (try? SocketAddress(packedIPAddress: packed, port: 0))?.ipAddress ?? "?"
    }
}
