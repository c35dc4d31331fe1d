// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What an HTTP proxy answered, as far as an error needs it.
struct HTTPProxyAnswer: Sendable {
    private(set) var code = 0
    private var reason: [UInt8] = []
    /// What it says of the authentication it wants.
    private var challenge: [UInt8] = []
    private var length: Int?
    private var isChunked = false
    var body: [UInt8] = []

    /// There is none yet.
    init() {}

    /// Nil when the line is no status line of HTTP/1 (RFC 9112, 4).
    init?(statusLine line: [UInt8]) {
        let head = Array("HTTP/1.".utf8)
        guard line.count >= 12, line.starts(with: head), Self.isDigit(line[7]), line[8] == UInt8(ascii: " "),
            line[9...11].allSatisfy(Self.isDigit), line.count == 12 || line[12] == UInt8(ascii: " ")
        else { return nil }
        self.code = line[9...11].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        self.reason = Array(line.dropFirst(13))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// Takes a header field; false when the line is none.
    mutating func add(field line: [UInt8]) -> Bool {
        // The rest of the field before, in the old way of writing (RFC 9112, 5.2).
        if line.first == UInt8(ascii: " ") || line.first == UInt8(ascii: "\t") { return true }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return false }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") }
        switch name {
        case "proxy-authenticate":
            if !self.challenge.isEmpty { self.challenge += Array(", ".utf8) }
            self.challenge += value
        case "content-length":
            self.length = Int(String(decoding: value, as: UTF8.self))
        case "transfer-encoding":
            self.isChunked = true
        default:
            break
        }
        return true
    }

    /// Whether the body is there in full; without a length only the end of the connection tells.
    var isWhole: Bool {
        if self.isChunked { return self.body.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
        return self.length.map { self.body.count >= $0 } ?? false
    }

    func refusal(hadCredentials: Bool, _ secrets: Secrets) -> ProxyRefusal {
        var words = "it answered \(self.code)"
        if !self.reason.isEmpty { words += " \(secrets.plain(self.reason))" }
        let page = self.text
        if !page.isEmpty { words += ": \(secrets.quote(page))" }
        switch self.code {
        case 401, 407:
            // Some answer a wrong password with 401.
            words += hadCredentials ? "; it does not accept the credentials" : "; give a user name and a password"
            if !self.challenge.isEmpty { words += ", it offers \(secrets.plain(self.challenge))" }
            return ProxyRefusal(code: .proxyAuthenticationFailed, words: words, status: self.code)
        case 504:
            return ProxyRefusal(code: .proxyTimedOut, words: words, status: self.code)
        default:
            return ProxyRefusal(code: .proxyRefused, words: words, status: self.code)
        }
    }

    /// The body without chunk sizes and tags, and with single spaces.
    private var text: [UInt8] {
        var text: [UInt8] = []
        var rest = (self.isChunked ? self.dechunked : self.body)[...]
        let isPage = rest.drop { $0 <= 0x20 }.first == UInt8(ascii: "<")
        while let byte = rest.popFirst() {
            if isPage, byte == UInt8(ascii: "<") {
                Self.skipTag(&rest)
            } else if byte > 0x20 {
                text.append(byte)
                continue
            }
            if text.last ?? 0x20 != 0x20 { text.append(0x20) }
        }
        if text.last == 0x20 { text.removeLast() }
        return text
    }

    /// Also skips what is between the tags of styles and scripts, which nobody reads.
    private static func skipTag(_ rest: inout ArraySlice<UInt8>) {
        let name = String(decoding: rest.prefix(6), as: UTF8.self).lowercased()
        let end = rest.firstIndex(of: UInt8(ascii: ">")).map { $0 + 1 } ?? rest.endIndex
        rest = rest[end...]
        guard let hidden = ["style", "script"].first(where: { name.hasPrefix($0) }) else { return }
        while let tag = rest.firstIndex(of: UInt8(ascii: "<")) {
            rest = rest[(tag + 1)...]
            guard String(decoding: rest.prefix(7), as: UTF8.self).lowercased().hasPrefix("/\(hidden)") else { continue }
            rest = rest.drop { $0 != UInt8(ascii: ">") }.dropFirst()
            return
        }
        rest = []
    }

    /// As far as the chunks are whole (RFC 9112, 7.1).
    private var dechunked: [UInt8] {
        var bytes: [UInt8] = []
        var rest = self.body[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let digits = rest[..<end].prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\r") }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size > 0 else { break }
            rest = rest[(end + 1)...]
            bytes += rest.prefix(size)
            rest = rest.dropFirst(size).drop { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
        }
        return bytes
    }
}
