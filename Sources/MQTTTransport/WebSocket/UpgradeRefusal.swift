// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1

/// What a server answered that does not give a WebSocket.
struct UpgradeRefusal: CustomStringConvertible {
    private let head: HTTPResponseHead
    private let phrase: String
    private let secrets: Secrets
    private var body: [UInt8] = []
    private(set) var hasBody = false

    /// More of a body is not kept.
    private static let limit = 1_024

    init(_ head: HTTPResponseHead, phrase: String, _ secrets: Secrets) {
        self.head = head
        self.phrase = secrets.text(phrase.utf8)
        self.secrets = secrets
    }

    mutating func append(_ part: ByteBuffer) {
        self.hasBody = true
        self.body += part.readableBytesView.prefix(Self.limit - self.body.count)
    }

    var status: Int { Int(clamping: self.head.status.code) }

    var description: String {
        let status = "\(self.head.status.code) \(self.phrase)"
        let excerpt = self.secrets.text(self.body)
        return self.hint + status + (excerpt.isEmpty ? "" : ": \(excerpt)")
    }

    /// What can be said about a status beyond its name.
    private var hint: String {
        let headers = self.head.headers
        switch self.head.status.code {
        case 300..<400:
            guard let location = headers.first(name: "Location") else { return "" }
            // The query may hold a signature.
            return "use \(self.secrets.text(location.utf8.prefix { $0 != UInt8(ascii: "?") })) instead; "
        case 401, 403: return "it wants other credentials in the headers; "
        case 426:
            let versions = headers["Sec-WebSocket-Version"].joined(separator: ", ")
            return versions.isEmpty ? "" : "it speaks version \(PeerText(versions)) of WebSocket, not 13; "
        case 200..<300, 404: return "there may be none at this path; "
        default: return ""
        }
    }
}
