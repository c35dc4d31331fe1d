// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Where a socket begins and how it behaves; the defaults are right for almost everybody.
public struct SocketOptions: Hashable, Sendable {
    /// Which kinds of addresses of a host are used, and which is tried first.
    public struct AddressFamily: Hashable, Sendable {
        enum Name: Hashable { case both, preferIPv4, onlyIPv4, onlyIPv6 }

        let name: Name

        /// Both; IPv6 first, and IPv4 soon beside it when that does not answer (RFC 8305).
        public static let both = Self(name: .both)
        /// Both; IPv4 first, and IPv6 soon beside it when that does not answer.
        public static let preferIPv4 = Self(name: .preferIPv4)
        /// IPv4 only.
        public static let onlyIPv4 = Self(name: .onlyIPv4)
        /// IPv6 only.
        public static let onlyIPv6 = Self(name: .onlyIPv6)
    }

    /// How TCP asks an idle peer whether it is still there; MQTT's own keep-alive does so, too.
    public struct KeepAlive: Hashable, Sendable {
        /// How long the connection is idle before the first probe, in whole seconds; nil is the system's.
        public var idle: Duration?
        /// The time between probes, in whole seconds; nil is the system's.
        public var interval: Duration?
        /// How many probes without an answer end the connection; nil is the system's.
        public var count: Int?

        /// Makes settings; those not given are the system's.
        public init(idle: Duration? = nil, interval: Duration? = nil, count: Int? = nil) {
            self.idle = idle
            self.interval = interval
            self.count = count
        }
    }

    /// The IP address of this machine to connect from; nil lets the system choose.
    public var bindAddress: String?

    /// The port of this machine to connect from; 0 lets the system choose.
    public var bindPort: Int

    /// Whether small packets leave at once (TCP_NODELAY).
    public var noDelay: Bool

    /// TCP's keep-alive; nil is off.
    public var keepAlive: KeepAlive?

    /// How many bytes the system keeps for sending; nil lets the system choose.
    public var sendBufferSize: Int?

    /// How many bytes the system keeps of what was received; nil lets the system choose.
    public var receiveBufferSize: Int?

    /// Which addresses of a host are used.
    public var addressFamily: AddressFamily

    /// Makes options.
    public init(
        bindAddress: String? = nil,
        bindPort: Int = 0,
        noDelay: Bool = true,
        keepAlive: KeepAlive? = nil,
        sendBufferSize: Int? = nil,
        receiveBufferSize: Int? = nil,
        addressFamily: AddressFamily = .both
    ) {
        self.bindAddress = bindAddress
        self.bindPort = bindPort
        self.noDelay = noDelay
        self.keepAlive = keepAlive
        self.sendBufferSize = sendBufferSize
        self.receiveBufferSize = receiveBufferSize
        self.addressFamily = addressFamily
    }
}
