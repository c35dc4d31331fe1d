// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOHTTP1

extension WebSocketHeaders {
    /// Those that a request to `endpoint` is made with by default.
    init(for endpoint: Endpoint, subprotocol: String, key: String) {
        self = [
            "Host": Self.host(of: endpoint),
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": subprotocol,
        ]
    }

    /// RFC 9110, 7.2: as in the URL, so without a port that goes without saying.
    private static func host(of endpoint: Endpoint) -> String {
        // The name of an interface means nothing to the other side.
        let name = String(endpoint.serverName.prefix { $0 != "%" })
        let host = name.utf8.contains(UInt8(ascii: ":")) ? "[\(name)]" : name
        let isDefault = endpoint.port == (endpoint.tls == nil ? 80 : 443) || endpoint.port == 0
        return isDefault ? host : "\(host):\(endpoint.port)"
    }

    /// The fields without which there is no handshake, or another one.
    private static let handshakeKeys: Set = [
        "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol",
    ]

    /// Why these cannot be added to the default ones, or nil.
    var handshakeObjection: String? {
        guard let field = self.fields.first(where: { Self.handshakeKeys.contains($0.key) }) else { return nil }
        if field.key == "sec-websocket-protocol" { return "the protocol is that of WebSocketSettings.subprotocol" }
        return "\(field.name.debugDescription) belongs to the handshake and is added by itself"
    }

    /// Puts back what belongs to the handshake where it was taken away; says why not where it was changed.
    mutating func restoreHandshake(of defaults: WebSocketHeaders) -> String? {
        for field in defaults.fields where Self.handshakeKeys.contains(field.key) {
            switch self.values(for: field.name) {
            case [field.value]: continue
            case []: self.add(field.value, for: field.name)
            default: return "\(field.name.debugDescription) belongs to the handshake and cannot be changed"
            }
        }
        return nil
    }

    var http: HTTPHeaders { HTTPHeaders(self.fields.map { ($0.name, $0.value) }) }
}
