// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// The client's side of HTTP CONNECT (RFC 9110, 9.3.6).
///
/// Written for what an error of it has to say: the proxy's own reason phrase and the beginning of its page. What is left of
/// HTTP here is a status line, header lines up to an empty one, and where the bytes of the broker begin.
struct HTTPConnectHandshake: ProxyHandshake {
    private enum State {
        /// The status line comes, or that after an interim answer. Next: fields.
        case status
        /// Header fields come. Next: status (after 1xx), body.
        case fields(code: Int)
        /// The page with a refusal comes.
        case body
    }

    /// How many bytes the heads of the answers may have, all together.
    static let headLimit = 16_384
    /// How many bytes of the page of a refusal are read.
    static let bodyLimit = 8_192

    let opening: [UInt8]
    private let hadCredentials: Bool
    private let secrets: Secrets
    private var state = State.status
    private var line: [UInt8] = []
    private var headLength = 0
    private var answer = HTTPProxyAnswer()

    /// The fields must be checked already.
    init(to target: ProxyTarget, fields: [ProxySettings.Header], secrets: Secrets) {
        var lines = ["CONNECT \(target) HTTP/1.1", "Host: \(target)"]
        lines += fields.map { "\($0.name): \($0.value)" }
        self.opening = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        self.hadCredentials = fields.contains { $0.name.lowercased() == "proxy-authorization" }
        self.secrets = secrets
    }

    mutating func received(_ bytes: inout ByteBuffer) -> ProxyStep {
        if case .body = self.state { return self.receivedBody(&bytes) }
        while let byte = bytes.readInteger(as: UInt8.self) {
            self.headLength += 1
            guard self.headLength <= Self.headLimit else {
                let words = "the head of its answer is longer than \(Self.headLimit) bytes"
                return .refused(ProxyRefusal(code: .proxyRefused, words: words))
            }
            guard byte == UInt8(ascii: "\n") else {
                self.line.append(byte)
                if case .status = self.state, !self.mayBeHTTP { return .refused(self.noHTTP(bytes)) }
                continue
            }
            if self.line.last == UInt8(ascii: "\r") { self.line.removeLast() }
            let line = self.line
            self.line = []
            if let step = self.received(line: line, before: &bytes) { return step }
        }
        return .more
    }

    /// Nil goes on with the next line.
    private mutating func received(line: [UInt8], before bytes: inout ByteBuffer) -> ProxyStep? {
        guard case .fields(let code) = self.state else {
            guard let answer = HTTPProxyAnswer(statusLine: line) else {
                self.line = line
                return .refused(self.noHTTP(bytes))
            }
            self.answer = answer
            self.state = .fields(code: answer.code)
            return nil
        }
        guard line.isEmpty else {
            guard self.answer.add(field: line) else {
                let words = "its answer has a line that is no header field: \(self.secrets.quote(line))"
                return .refused(ProxyRefusal(code: .proxyRefused, words: words))
            }
            return nil
        }
        switch code {
        case 100, 102...199:
            self.state = .status
            return nil
        case 200...299:
            // The tunnel begins here, whatever the fields say of a body.
            return .done
        default:
            self.state = .body
            return self.receivedBody(&bytes)
        }
    }

    private mutating func receivedBody(_ bytes: inout ByteBuffer) -> ProxyStep {
        let room = Self.bodyLimit - self.answer.body.count
        self.answer.body += bytes.readBytes(length: min(room, bytes.readableBytes)) ?? []
        return self.answer.isWhole || self.answer.body.count >= Self.bodyLimit ? .refused(self.ended()) : .refusing
    }

    private var mayBeHTTP: Bool { zip(self.line, "HTTP/1.".utf8).allSatisfy { $0 == $1 } }

    private func noHTTP(_ rest: ByteBuffer) -> ProxyRefusal {
        let said = self.line + rest.readableBytesView
        let hint = PeerProtocol(beginning: said) == .tls ? "; it speaks TLS, so write https" : ""
        return ProxyRefusal(
            code: .proxyRefused,
            words: "it does not speak HTTP/1.1\(hint); it said \(self.secrets.quote(said))"
        )
    }

    func ended() -> ProxyRefusal {
        switch self.state {
        case .status where self.line.isEmpty && self.answer.code == 0:
            ProxyRefusal(
                code: .proxyRefused,
                words: "it closed the connection without an answer; is it an HTTP proxy?"
            )
        case .status, .fields:
            ProxyRefusal(code: .proxyRefused, words: "it closed the connection in the middle of its answer")
        case .body:
            self.answer.refusal(hadCredentials: self.hadCredentials, self.secrets)
        }
    }
}
