// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Publish {
    /// Reads what is behind the fixed header, whose flags have been checked (MQTT 5.0, 3.3).
    @inline(__always)
    init(from reader: inout WireReader, flags: UInt8, topics: inout TopicCache) throws(DecodingError) {
        guard let qos = QoS(rawValue: flags >> 1 & 0b11) else {
            throw DecodingError(.malformedPacket, "A PUBLISH has QoS 3")
        }
        let topic = try topics.topic(try reader.readField())
        // MQTT-2.2.1-2: at QoS 0 there is no identifier.
        let packetID: PacketID? = qos == .atMostOnce ? nil : try reader.readPacketID()
        let properties = try Properties(from: &reader, in: .publish)
        // MQTT 5.0, 3.3.2.1. Whether the alias is known is for the session to say.
        guard !topic.isEmpty || properties.topicAlias != nil else {
            throw DecodingError(.protocolError, "A PUBLISH has neither a topic nor an alias")
        }
        self.init(
            topic: topic,
            payload: try reader.readRest(),
            qos: qos,
            retain: flags & 0b0001 != 0,
            duplicate: flags & 0b1000 != 0,
            packetID: packetID,
            properties: properties
        )
    }

    /// The frame of this packet, once it is found to be sendable.
    ///
    /// A server's may carry subscription identifiers.
    func frame(version: ProtocolVersion) throws(EncodingError) -> PublishFrame {
        // MQTT-2.2.1-2, MQTT-2.2.1-3.
        guard (self.packetID != nil) == (self.qos != .atMostOnce) else {
            throw EncodingError(.invalidField, "A PUBLISH has a packet identifier exactly when its QoS is not 0")
        }
        // MQTT-3.3.1-2.
        guard !self.duplicate || self.qos != .atMostOnce else {
            throw EncodingError(.invalidField, "A PUBLISH of QoS 0 has no DUP")
        }
        let message = OutgoingMessage(
            topic: self.topic,
            payload: self.payload,
            qos: self.qos,
            retain: self.retain,
            properties: self.properties
        )
        return try PublishFrame(fromEitherEnd: message, version: version)
    }
}
