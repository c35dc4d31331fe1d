// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension ProxySettings {
    /// Throws when the proxy cannot be used; nothing of the credentials is in the error.
    func check() throws(TransportError) {
        try Endpoint.check(port: self.port, of: "The proxy's port")
        try Endpoint.check(host: self.host, of: "The proxy's host")
        switch self.kind {
        case .http: try self.checkHTTP()
        case .socks5: try self.checkSOCKS5()
        case .socks4, .socks4a: try self.checkSOCKS4()
        }
        guard self.kind == .http || self.fields.value.isEmpty else {
            throw Self.invalid("Headers are for HTTP proxies; a SOCKS proxy has none.")
        }
    }

    private static func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }

    private func checkSOCKS5() throws(TransportError) {
        guard let userInfo = self.userInfo?.value else { return }
        let lengths = [userInfo.user.utf8.count, userInfo.password?.utf8.count ?? 0]
        guard lengths.allSatisfy({ (1...255).contains($0) }) else {
            throw Self.invalid("A SOCKS5 proxy wants a user name and a password of 1 to 255 bytes each (RFC 1929).")
        }
    }

    private func checkSOCKS4() throws(TransportError) {
        guard let userInfo = self.userInfo?.value else { return }
        guard userInfo.password == nil else { throw Self.invalid("A SOCKS4 proxy knows no password.") }
        guard userInfo.user.utf8.count <= 255, !userInfo.user.utf8.contains(0) else {
            throw Self.invalid("The user ID for the SOCKS4 proxy is longer than 255 bytes or holds a zero byte.")
        }
    }

    private func checkHTTP() throws(TransportError) {
        if let userInfo = self.userInfo?.value {
            // RFC 7617, 2.
            guard !userInfo.user.utf8.contains(UInt8(ascii: ":")) else {
                throw Self.invalid(
                    "The user name for the HTTP proxy holds ':', which basic authentication cannot send."
                )
            }
            guard !Self.holdsControls(userInfo.user), !Self.holdsControls(userInfo.password ?? "") else {
                throw Self.invalid("The user name or the password for the HTTP proxy holds control characters.")
            }
        }
        for field in self.fields.value {
            // RFC 9110, 5.1 and 5.5. A name that is none may be a value in the wrong place, so it is not shown.
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(Self.isTokenByte) else {
                throw Self.invalid(
                    "A header for the HTTP proxy has a name that is not made of letters, digits and '-'."
                )
            }
            guard !Self.holdsControls(field.value, except: UInt8(ascii: "\t")) else {
                throw Self.invalid("The header \(field.name) for the HTTP proxy holds line ends or control characters.")
            }
            guard !["host", "content-length", "transfer-encoding"].contains(field.name.lowercased()) else {
                throw Self.invalid("The header \(field.name) for the HTTP proxy is made by this library or not at all.")
            }
        }
    }

    private static func holdsControls(_ text: String, except allowed: UInt8? = nil) -> Bool {
        text.utf8.contains { ($0 < 0x20 || $0 == 0x7F) && $0 != allowed }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default:
            "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension ProxySettings {
    /// What an HTTP proxy is sent beside the target.
    var requestFields: [Header] {
        guard let authorization = self.basicAuthorization else { return self.fields.value }
        return [Header(name: "Proxy-Authorization", value: "Basic \(authorization)")] + self.fields.value
    }

    private var basicAuthorization: String? {
        guard let userInfo = self.userInfo?.value,
            !self.fields.value.contains(where: { $0.name.lowercased() == "proxy-authorization" })
        else { return nil }
        return Self.base64(Array("\(userInfo.user):\(userInfo.password ?? "")".utf8))
    }

    /// What must not come back to a person in the words of the proxy.
    var secrets: Secrets {
        let userInfo = self.userInfo?.value
        // The scheme before a token is no secret, the token alone is one.
        let values = self.fields.value.flatMap { [$0.value] + $0.value.split(separator: " ").map(String.init) }
        let schemes: Set<String> = ["basic", "bearer", "digest", "negotiate", "ntlm"]
        let all = [userInfo?.user, userInfo?.password, self.basicAuthorization].compactMap(\.self) + values
        return Secrets(all.filter { !schemes.contains($0.lowercased()) })
    }

    /// RFC 4648, 4.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            var digits: [UInt8] = []
            for place in 0..<4 {
                digits.append(place < 3 - group.count ? UInt8(ascii: "=") : alphabet[bits & 63])
                bits >>= 6
            }
            text += digits.reversed()
        }
        return String(decoding: text, as: UTF8.self)
    }
}
