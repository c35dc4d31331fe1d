// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// What users of the broker meet of other modules; without it they would have to import those to use a QoS or a payload.
@_exported public import struct MQTTTransport.Endpoint
@_exported public import struct MQTTWire.Properties
@_exported public import enum MQTTWire.ProtocolVersion
@_exported public import enum MQTTWire.QoS
@_exported public import struct MQTTWire.ReasonCode
@_exported public import struct NIOCore.ByteBuffer
