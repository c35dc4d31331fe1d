// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// What a user of `import MQTT` meets without naming another module.
@_exported public import MQTTTransport
@_exported public import MQTTWire

@_exported public import struct MQTTEngine.EndpointOrder
@_exported public import class MQTTEngine.InMemorySessionStore
@_exported public import struct MQTTEngine.OutboundRecord
@_exported public import enum MQTTEngine.ReconnectDecision
@_exported public import struct MQTTEngine.ReconnectPolicy
@_exported public import struct MQTTEngine.ServerReference
@_exported public import struct MQTTEngine.ServerReferencePolicy
@_exported public import struct MQTTEngine.SessionRecord
@_exported public import protocol MQTTEngine.SessionStore
@_exported public import enum MQTTEngine.StoreChange
@_exported public import struct NIOCore.ByteBuffer
