// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// What is said with a proxy before bytes of the broker flow: bytes in, bytes out, done or refused.
protocol ProxyHandshake: Sendable {
    /// What to send first.
    var opening: [UInt8] { get }

    /// Takes bytes of the proxy; those that stay are kept in front of the next ones, or are the broker's when it is done.
    mutating func received(_ bytes: inout ByteBuffer) -> ProxyStep

    /// What it means that nothing more comes.
    func ended() -> ProxyRefusal
}

/// What comes next in a handshake with a proxy.
enum ProxyStep: Equatable {
    /// More bytes of the proxy are needed.
    case more
    /// It has refused, and may still say why.
    case refusing
    /// These bytes go to the proxy; then look at what is there.
    case send([UInt8])
    /// The bytes from here on are the broker's.
    case done
    case refused(ProxyRefusal)
}

/// Why a proxy does not connect to a broker.
struct ProxyRefusal: Error, Equatable {
    var code: TransportError.Code
    /// What goes behind "the proxy did not connect to the broker: ".
    var words: String
    /// What an HTTP proxy answered.
    var status: Int?
}

/// The host and port a proxy is to connect to, as bytes.
struct ProxyTarget: Hashable, CustomStringConvertible {
    enum Host: Hashable {
        case name(String)
        case v4([UInt8])
        case v6([UInt8])
    }

    let host: Host
    let port: UInt16
    /// With brackets where the host is an IPv6 address.
    let description: String

    init(_ destination: HostAndPort) throws(TransportError) {
        guard let port = UInt16(exactly: destination.port), port > 0 else {
            throw TransportError(.invalidEndpoint, "The port \(destination.port) is not between 1 and 65535.")
        }
        self.port = port
        self.description = destination.description
        if let address = IPAddressBytes(destination.host) {
            self.host = address.isV4 ? .v4(address.bytes) : .v6(address.bytes)
            return
        }
        guard (1...255).contains(destination.host.utf8.count),
            destination.host.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"/@?#[]\\:".utf8.contains($0) })
        else {
            throw TransportError(
                .invalidEndpoint,
                "The host \(String(destination.host.prefix(60)).debugDescription) cannot be named to a proxy; "
                    + "write it in ASCII, or look it up here (resolvesNames)."
            )
        }
        self.host = .name(destination.host)
    }

    /// The port as a proxy of the SOCKS family is told it.
    var portBytes: [UInt8] { [UInt8(self.port >> 8), UInt8(self.port & 0xFF)] }
}
