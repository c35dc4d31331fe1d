// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// The client's side of SOCKS5 (RFC 1928), with user name and password (RFC 1929) when there are some.
struct SOCKS5Handshake: ProxyHandshake {
    private enum State {
        /// The methods were offered. Next: authenticating, connecting.
        case offering
        /// The user name and the password were sent. Next: connecting.
        case authenticating
        /// The proxy was asked to connect.
        case connecting
    }

    private static let version: UInt8 = 5
    private static let anonymous: UInt8 = 0
    private static let password: UInt8 = 2

    private let target: ProxyTarget
    private let userInfo: Hidden<Endpoint.UserInfo>?
    private let secrets: Secrets
    private var state = State.offering

    /// User name and password must be 1 to 255 bytes long each.
    init(to target: ProxyTarget, userInfo: Endpoint.UserInfo?, secrets: Secrets) {
        self.target = target
        self.userInfo = userInfo.map { Hidden($0) }
        self.secrets = secrets
    }

    var opening: [UInt8] {
        let methods = self.userInfo == nil ? [Self.anonymous] : [Self.anonymous, Self.password]
        return [Self.version, UInt8(methods.count)] + methods
    }

    mutating func received(_ bytes: inout ByteBuffer) -> ProxyStep {
        switch self.state {
        case .offering: self.receivedMethod(&bytes)
        case .authenticating: self.receivedStatus(&bytes)
        case .connecting: self.receivedReply(&bytes)
        }
    }

    private mutating func receivedMethod(_ bytes: inout ByteBuffer) -> ProxyStep {
        if let first = bytes.readableBytesView.first, first != Self.version { return self.noSOCKS(bytes) }
        guard let (_, method) = bytes.readMultipleIntegers(as: (UInt8, UInt8).self) else { return .more }
        switch method {
        case Self.anonymous:
            self.state = .connecting
            return .send(self.request)
        case Self.password:
            guard let userInfo = self.userInfo?.value else { break }
            self.state = .authenticating
            let (user, password) = (Array(userInfo.user.utf8), Array((userInfo.password ?? "").utf8))
            return .send([1, UInt8(user.count)] + user + [UInt8(password.count)] + password)
        case 0xFF:
            let words =
                self.userInfo == nil
                ? "it wants authentication; give a user name and a password"
                : "it takes neither user name and password nor anonymous users"
            return .refused(ProxyRefusal(code: .proxyAuthenticationFailed, words: words))
        default:
            break
        }
        return .refused(
            ProxyRefusal(code: .proxyRefused, words: "it chose authentication method \(method), which was not offered")
        )
    }

    private mutating func receivedStatus(_ bytes: inout ByteBuffer) -> ProxyStep {
        // RFC 1929 has version 1 here, some servers say 5.
        if let first = bytes.readableBytesView.first, first != 1, first != Self.version { return self.noSOCKS(bytes) }
        guard let (_, status) = bytes.readMultipleIntegers(as: (UInt8, UInt8).self) else { return .more }
        guard status == 0 else {
            let words = "it does not accept the user name and password (status \(status))"
            return .refused(ProxyRefusal(code: .proxyAuthenticationFailed, words: words))
        }
        self.state = .connecting
        return .send(self.request)
    }

    private var request: [UInt8] {
        let address =
            switch self.target.host {
            case .v4(let bytes): [1] + bytes
            case .name(let name): [3, UInt8(truncatingIfNeeded: name.utf8.count)] + Array(name.utf8)
            case .v6(let bytes): [4] + bytes
            }
        return [Self.version, 1, 0] + address + self.target.portBytes
    }

    private mutating func receivedReply(_ bytes: inout ByteBuffer) -> ProxyStep {
        let view = bytes.readableBytesView
        if let first = view.first, first != Self.version { return self.noSOCKS(bytes) }
        guard let reply = view.dropFirst().first else { return .more }
        // What is behind a refusal says nothing more, and not every proxy sends it.
        guard reply == 0 else { return .refused(self.refusal(reply)) }
        guard let kind = view.dropFirst(3).first else { return .more }
        let length: Int
        switch kind {
        case 1: length = 4
        case 4: length = 16
        case 3:
            guard let count = view.dropFirst(4).first else { return .more }
            length = 1 + Int(count)
        default:
            let words = "its answer has an address of unknown type \(kind): \(self.secrets.quote(view))"
            return .refused(ProxyRefusal(code: .proxyRefused, words: words))
        }
        // Version, reply, reserved, type; the port it connects from.
        let whole = 4 + length + 2
        guard bytes.readableBytes >= whole else { return .more }
        bytes.moveReaderIndex(forwardBy: whole)
        return .done
    }

    /// RFC 1928, 6.
    private func refusal(_ reply: UInt8) -> ProxyRefusal {
        let words =
            switch reply {
            case 1: "general SOCKS server failure"
            case 2: "not allowed by the ruleset"
            case 3: "network unreachable"
            case 4: "host unreachable"
            case 5: "connection refused by the broker"
            case 6: "TTL expired"
            case 7: "command not supported"
            case 8: "address type not supported"
            default: "a reply without a name"
            }
        return ProxyRefusal(
            code: reply == 6 ? .proxyTimedOut : .proxyRefused,
            words: "it answered \(words) (reply \(reply))"
        )
    }

    private func noSOCKS(_ bytes: ByteBuffer) -> ProxyStep {
        .refused(ProxyRefusal(noSOCKS: "SOCKS5", said: bytes, self.secrets))
    }

    func ended() -> ProxyRefusal {
        let words =
            switch self.state {
            case .offering: "it closed the connection without an answer; is it a SOCKS5 proxy?"
            case .authenticating: "it closed the connection after the user name and the password were sent"
            case .connecting: "it closed the connection after it was asked to connect"
            }
        return ProxyRefusal(code: .proxyRefused, words: words)
    }
}

extension ProxyRefusal {
    /// What answered is no proxy of the SOCKS family.
    init(noSOCKS version: String, said bytes: ByteBuffer, _ secrets: Secrets) {
        let view = bytes.readableBytesView
        let hint = view.starts(with: Array("HTTP".utf8)) ? "; it is an HTTP server" : ""
        self.init(code: .proxyRefused, words: "it does not speak \(version)\(hint); it said \(secrets.quote(view))")
    }
}
