// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOHTTP1

/// A request for a WebSocket as the broker sees it (RFC 6455, 4.2.1; MQTT 5.0, 6).
struct WebSocketRequest {
    /// An answer that says no.
    struct Refusal: Hashable {
        let status: HTTPResponseStatus
        let words: String
    }

    let path: String?
    let origins: Set<String>?

    init(path: String?, origins: Set<String>?) {
        self.path = path
        self.origins = origins.map { Set($0.map { $0.lowercased() }) }
    }

    /// Why a request gets no WebSocket; nil if it does.
    func objection(to head: HTTPRequestHead) -> Refusal? {
        if let path, head.uri.prefix(while: { $0 != "?" }) != path[...] {
            return Refusal(status: .notFound, words: "There is nothing here; MQTT is at \(path).")
        }
        guard head.method == .GET, self.has("websocket", head.headers["upgrade"]) else {
            return Refusal(status: .upgradeRequired, words: "This is an MQTT broker; connect with a WebSocket.")
        }
        // Only browsers send one, and they always do: it is the page whose script asks.
        if let origins, let origin = head.headers.first(name: "origin"), !origins.contains(origin.lowercased()) {
            return Refusal(status: .forbidden, words: "Pages of this origin may not connect.")
        }
        // MQTT-6.0.0-3: 'mqtt' has to be in the list.
        guard head.headers[canonicalForm: "sec-websocket-protocol"].contains("mqtt") else {
            return Refusal(status: .badRequest, words: "The request has to ask for the subprotocol mqtt.")
        }
        return nil
    }

    private func has(_ word: String, _ values: [String]) -> Bool {
        values.contains { $0.split(separator: ",").contains { $0.lowercased().filter { $0 != " " } == word } }
    }
}
