// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// The client's side of SOCKS4, and of 4a where a name is sent.
struct SOCKS4Handshake: ProxyHandshake {
    private static let granted: UInt8 = 90
    /// Version, code, port and address.
    private static let answerLength = 8

    let opening: [UInt8]
    private let secrets: Secrets

    /// The user ID holds no zero byte.
    init(
        to target: ProxyTarget,
        userID: String,
        _ proxy: ProxySettings,
        secrets: Secrets
    ) throws(TransportError) {
        var address: [UInt8] = [0, 0, 0, 1]
        var name: [UInt8] = []
        switch target.host {
        case .v4(let bytes):
            address = bytes
        case .name(let text) where proxy.resolvesNames:
            // 4a: an address that is none, and the name behind everything else.
            name = Array(text.utf8) + [0]
        case .name, .v6:
            throw TransportError(
                .invalidEndpoint,
                "The proxy \(proxy) cannot connect to \(target): SOCKS4 knows IPv4 addresses only; use SOCKS5."
            )
        }
        self.opening = [4, 1] + target.portBytes + address + Array(userID.utf8) + [0] + name
        self.secrets = secrets
    }

    func received(_ bytes: inout ByteBuffer) -> ProxyStep {
        let view = bytes.readableBytesView
        if let first = view.first, first != 0 {
            return .refused(ProxyRefusal(noSOCKS: "SOCKS4", said: bytes, self.secrets))
        }
        guard let code = view.dropFirst().first else { return .more }
        guard code == Self.granted else { return .refused(self.refusal(code)) }
        guard bytes.readableBytes >= Self.answerLength else { return .more }
        bytes.moveReaderIndex(forwardBy: Self.answerLength)
        return .done
    }

    private func refusal(_ code: UInt8) -> ProxyRefusal {
        switch code {
        case 91:
            ProxyRefusal(code: .proxyRefused, words: "it answered request rejected or failed (code 91)")
        case 92:
            ProxyRefusal(
                code: .proxyAuthenticationFailed,
                words: "it cannot ask this machine's identd who the user is (code 92)"
            )
        case 93:
            ProxyRefusal(
                code: .proxyAuthenticationFailed,
                words: "this machine's identd names another user than the user ID (code 93)"
            )
        default:
            ProxyRefusal(code: .proxyRefused, words: "it gave an answer without a name (code \(code))")
        }
    }

    func ended() -> ProxyRefusal {
        ProxyRefusal(code: .proxyRefused, words: "it closed the connection without an answer; is it a SOCKS4 proxy?")
    }
}
