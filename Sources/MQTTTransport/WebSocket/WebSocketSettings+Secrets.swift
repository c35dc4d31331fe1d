// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension WebSocketSettings {
    /// What must not come back to a person in the words of the server: of the query and of the headers that were sent.
    ///
    /// Many a server quotes the path and query of a request in its page for an error.
    func secrets(sentWith headers: WebSocketHeaders) -> Secrets {
        let query = self.path.drop { $0 != "?" }.dropFirst()
        let items = query.split(separator: "&").compactMap { item -> Substring? in
            item.split(separator: "=", maxSplits: 1).last
        }
        let fields = headers.fields.filter { !Self.isKnownToAll($0.key) }.map(\.value)
        let words = fields.flatMap { [$0] + $0.split(separator: " ").map(String.init) }
        let all = [String(query)] + items.map(String.init) + items.compactMap(URLAuthority.percentDecoded) + words
        return Secrets(all.filter { $0.utf8.count >= Self.shortest && !Self.schemes.contains($0.lowercased()) })
    }

    /// Whatever is shorter is in many a text that says nothing of it.
    private static let shortest = 4

    /// The scheme before a token is no secret, the token is one.
    private static let schemes: Set = ["basic", "bearer", "digest", "negotiate", "ntlm"]

    private static func isKnownToAll(_ key: String) -> Bool {
        let known: Set = ["host", "upgrade", "connection", "origin", "user-agent", "cache-control", "pragma"]
        return known.contains(key) || key.hasPrefix("sec-websocket-") || key.hasPrefix("accept")
    }
}
