// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What a peer speaks, by its first bytes, when it is something well known that was not expected.
enum PeerProtocol: Hashable {
    /// An alert or a handshake of TLS 1.0 to 1.3.
    case tls
    /// An answer of an HTTP server.
    case http
    /// A CONNACK, for what an MQTT server took for a CONNECT.
    case mqtt

    init?(beginning bytes: some Collection<UInt8>) {
        let second = bytes.dropFirst().first
        switch bytes.first {
        case 0x15, 0x16:
            guard second == 3 else { return nil }
            self = .tls
        case UInt8(ascii: "H"):
            guard bytes.starts(with: "HTTP/".utf8) else { return nil }
            self = .http
        case 0x20: self = .mqtt
        default: return nil
        }
    }
}
