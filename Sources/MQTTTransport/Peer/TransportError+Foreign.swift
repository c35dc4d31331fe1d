// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

extension TransportError {
    /// What the first bytes of a peer are when they are no MQTT but something well known; nil when they are neither.
    package init?(foreignProtocolIn buffer: ByteBuffer, from endpoint: Endpoint) {
        let bytes = buffer.readableBytesView.prefix(160)
        switch PeerProtocol(beginning: bytes) {
        case .tls:
            self.init(.wrongProtocol, "\(endpoint) speaks TLS; use mqtts:// or wss://, or another port.")
        case .http:
            let line = bytes.prefix { $0 >= 0x20 && $0 < 0x7F }
            let words = String(decoding: line, as: UTF8.self)
            let advice = "use ws:// where it is a WebSocket listener, or another port"
            self.init(.wrongProtocol, "\(endpoint) speaks HTTP (\(words)); \(advice).")
        case .mqtt, nil:
            return nil
        }
        self = self.at(.open)
    }
}
