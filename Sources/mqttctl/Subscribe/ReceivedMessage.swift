// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// What is printed of a message.
struct ReceivedMessage {
    var topic: String
    var payload: ByteBuffer
    var qos: QoS
    var retain: Bool
    var isDuplicate: Bool
    var packetIdentifier: UInt16?
    var properties: Properties
    var filter: TopicFilter

    init(
        topic: String,
        payload: ByteBuffer,
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        isDuplicate: Bool = false,
        packetIdentifier: UInt16? = nil,
        properties: Properties = Properties(),
        filter: TopicFilter
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.isDuplicate = isDuplicate
        self.packetIdentifier = packetIdentifier
        self.properties = properties
        self.filter = filter
    }

    init(_ message: MQTTMessage) {
        self.init(
            topic: message.topic,
            payload: message.payload,
            qos: message.qos,
            retain: message.retain,
            isDuplicate: message.isDuplicate,
            packetIdentifier: message.packetIdentifier,
            properties: message.properties,
            filter: message.filter
        )
    }
}
