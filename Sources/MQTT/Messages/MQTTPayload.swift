// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What can be published: bytes, text, and numbers as decimal text.
public protocol MQTTPayload {
    /// The bytes to send.
    var mqttPayload: ByteBuffer { get }
}

extension ByteBuffer: MQTTPayload {
    /// The readable bytes.
    public var mqttPayload: ByteBuffer { self }
}

extension String: MQTTPayload {
    /// The text as UTF-8.
    public var mqttPayload: ByteBuffer { ByteBuffer(string: self) }
}

extension Substring: MQTTPayload {
    /// The text as UTF-8.
    public var mqttPayload: ByteBuffer { ByteBuffer(substring: self) }
}

extension Array: MQTTPayload where Element == UInt8 {
    /// The bytes.
    public var mqttPayload: ByteBuffer { ByteBuffer(bytes: self) }
}

extension MQTTPayload where Self: CustomStringConvertible {
    /// The value as decimal text.
    public var mqttPayload: ByteBuffer { ByteBuffer(string: self.description) }
}

extension Int: MQTTPayload {}
extension Int8: MQTTPayload {}
extension Int16: MQTTPayload {}
extension Int32: MQTTPayload {}
extension Int64: MQTTPayload {}
extension UInt: MQTTPayload {}
extension UInt8: MQTTPayload {}
extension UInt16: MQTTPayload {}
extension UInt32: MQTTPayload {}
extension UInt64: MQTTPayload {}
extension Double: MQTTPayload {}
extension Float: MQTTPayload {}
