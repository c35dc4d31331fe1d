// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire
public import NIOCore

extension TestPacket {
    /// What CONNECT says (MQTT 5.0, 3.1).
    public struct Connect: Hashable, Sendable {
        /// The client identifier.
        public var clientID: String
        /// Clean Start in 5.0, Clean Session before.
        public var cleanStart: Bool
        /// Seconds; 0 is no keep-alive.
        public var keepAlive: UInt16
        /// The message for when the client vanishes; its properties are ``willProperties``.
        public var will: Will?
        /// The properties of the will.
        public var willProperties: Properties = []
        /// The user name.
        public var username: String?
        /// The password.
        public var password: ByteBuffer?
        /// The properties, in their order.
        public var properties: Properties

        /// Makes a CONNECT.
        public init(
            clientID: String,
            cleanStart: Bool = true,
            keepAlive: UInt16 = 60,
            will: Will? = nil,
            username: String? = nil,
            password: ByteBuffer? = nil,
            properties: Properties = []
        ) {
            self.clientID = clientID
            self.cleanStart = cleanStart
            self.keepAlive = keepAlive
            self.will = will
            self.username = username
            self.password = password
            self.properties = properties
        }
    }

    /// What PUBLISH says (MQTT 5.0, 3.3).
    public struct Publish: Hashable, Sendable {
        /// The topic; empty only in 5.0, with a topic alias.
        public var topic: String
        /// The bytes of the message.
        public var payload: ByteBuffer
        /// The QoS.
        public var qos: QoS
        /// Whether it is, or is to be, a retained message.
        public var retain: Bool
        /// Whether it may have been sent before.
        public var duplicate: Bool
        /// The packet identifier; nil exactly at QoS 0.
        public var packetID: UInt16?
        /// The properties, in their order.
        public var properties: Properties

        /// Makes a PUBLISH.
        public init(
            to topic: String,
            payload: ByteBuffer = ByteBuffer(),
            qos: QoS = .atMostOnce,
            retain: Bool = false,
            duplicate: Bool = false,
            packetID: UInt16? = nil,
            properties: Properties = []
        ) {
            self.topic = topic
            self.payload = payload
            self.qos = qos
            self.retain = retain
            self.duplicate = duplicate
            self.packetID = packetID
            self.properties = properties
        }

        /// Makes a PUBLISH of text.
        public init(to topic: String, _ text: String, qos: QoS = .atMostOnce, packetID: UInt16? = nil) {
            self.init(to: topic, payload: ByteBuffer(string: text), qos: qos, packetID: packetID)
        }

        /// The payload as text; nil when it is not UTF-8.
        public var text: String? { String(validating: self.payload.readableBytesView, as: UTF8.self) }
    }

    /// What SUBSCRIBE says (MQTT 5.0, 3.8).
    public struct Subscribe: Hashable, Sendable {
        /// The packet identifier.
        public var packetID: UInt16
        /// The filters with their options.
        public var filters: [Filter]
        /// The properties, in their order.
        public var properties: Properties

        /// Makes a SUBSCRIBE.
        public init(packetID: UInt16, to filters: [Filter], properties: Properties = []) {
            self.packetID = packetID
            self.filters = filters
            self.properties = properties
        }

        /// A SUBACK that grants what is asked for.
        public var granted: TestPacket {
            .subAck(packetID: self.packetID, reasons: self.filters.map { ReasonCode(rawValue: $0.qos.rawValue) })
        }

        /// A SUBACK that refuses every filter; before 5.0 only with ``ReasonCode/unspecifiedError``.
        public func refused(_ reason: ReasonCode = .unspecifiedError) -> TestPacket {
            .subAck(packetID: self.packetID, reasons: self.filters.map { _ in reason })
        }
    }

    /// A filter of SUBSCRIBE with its options; before 5.0 only the QoS is on the wire (MQTT 5.0, 3.8.3.1).
    public struct Filter: Hashable, Sendable {
        /// The filter.
        public var filter: String
        /// The highest QoS wanted.
        public var qos: QoS
        /// Whether the client's own messages are left out.
        public var noLocal: Bool
        /// Whether messages keep the publisher's retain flag.
        public var retainAsPublished: Bool
        /// When retained messages are sent.
        public var retainHandling: RetainHandling

        /// Makes a filter with its options.
        public init(
            _ filter: String,
            qos: QoS = .atMostOnce,
            noLocal: Bool = false,
            retainAsPublished: Bool = false,
            retainHandling: RetainHandling = .sendAlways
        ) {
            self.filter = filter
            self.qos = qos
            self.noLocal = noLocal
            self.retainAsPublished = retainAsPublished
            self.retainHandling = retainHandling
        }
    }
}
