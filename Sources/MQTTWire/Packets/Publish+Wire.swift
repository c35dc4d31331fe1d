// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Publish {
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
