// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Properties {
    /// How many bytes the block takes with its length, once it is found to be sendable in its place; 0 before 5.0.
    func checkedBlockSize(in place: PropertyPlaces, version: ProtocolVersion) throws(EncodingError) -> Int {
        guard version.hasProperties else {
            guard self.isEmpty else {
                throw EncodingError(.notInThisVersion, "There are no properties before MQTT 5.0")
            }
            return 0
        }
        guard !self.isEmpty else { return 1 }
        var seen = PropertySet()
        var size = 0
        for property in self {
            let id = property.id
            guard id.places.contains(place) else {
                throw EncodingError(.invalidProperty, "This packet may not carry the property \(id)")
            }
            guard seen.insert(id) || id.mayRepeat(in: place) else {
                throw EncodingError(.invalidProperty, "The property \(id) is there twice")
            }
            try property.check()
            size += property.size
        }
        guard !seen.contains(.authenticationData) || seen.contains(.authenticationMethod) else {
            throw EncodingError(.invalidProperty, "There is authentication data without a method")
        }
        guard size <= VariableByteInteger.maximum else {
            throw EncodingError(.tooLarge, "The properties are larger than 268,435,455 bytes")
        }
        return VariableByteInteger.size(of: size) + size
    }

    /// How many bytes all of them take, without the length in front.
    var contentSize: Int { self.isEmpty ? 0 : self.reduce(0) { $0 + $1.size } }

    /// Writes all of them, without a length, behind the topic alias that the length counts as well.
    ///
    /// Only after ``checkedBlockSize(in:version:)``.
    func writeContent(behind alias: UInt16, to buffer: inout ByteBuffer) {
        Property.topicAlias(alias).write(to: &buffer)
        for property in self { property.write(to: &buffer) }
    }

    /// Writes the block with its length, nothing before 5.0.
    ///
    /// Only after ``checkedBlockSize(in:version:)``.
    func writeBlock(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        guard version.hasProperties else { return }
        buffer.writeVariableByteInteger(self.contentSize)
        for property in self { property.write(to: &buffer) }
    }
}

extension Property {
    /// How many bytes it takes with its identifier.
    fileprivate var size: Int {
        switch self {
        case .payloadFormatIndicator, .requestProblemInformation, .requestResponseInformation, .maximumQoS,
            .retainAvailable, .wildcardSubscriptionAvailable, .subscriptionIdentifierAvailable,
            .sharedSubscriptionAvailable:
            2
        case .serverKeepAlive, .receiveMaximum, .topicAliasMaximum, .topicAlias:
            3
        case .messageExpiryInterval, .sessionExpiryInterval, .willDelayInterval, .maximumPacketSize:
            5
        case .subscriptionIdentifier(let value):
            1 + VariableByteInteger.size(of: Int(value))
        case .contentType(let text), .responseTopic(let text), .assignedClientIdentifier(let text),
            .authenticationMethod(let text), .responseInformation(let text), .serverReference(let text),
            .reasonString(let text):
            1 + WireString.size(text)
        case .correlationData(let data), .authenticationData(let data):
            1 + 2 + data.readableBytes
        case .userProperty(let name, let value):
            1 + WireString.size(name) + WireString.size(value)
        }
    }

    /// Refuses values that the standard forbids.
    fileprivate func check() throws(EncodingError) {
        switch self {
        case .responseTopic(let topic):
            // MQTT-3.3.2-14.
            do throws(EncodingError) {
                _ = try WireString.checkedTopicNameSize(topic)
            } catch {
                throw EncodingError(.invalidProperty, "The response topic cannot be one: \(error.message)")
            }
        case .contentType(let text): _ = try WireString.checkedSize(text, "The content type")
        case .assignedClientIdentifier(let text): _ = try WireString.checkedSize(text, "The client identifier")
        case .authenticationMethod(let text): _ = try WireString.checkedSize(text, "The authentication method")
        case .responseInformation(let text): _ = try WireString.checkedSize(text, "The response information")
        case .serverReference(let text): _ = try WireString.checkedSize(text, "The server reference")
        case .reasonString(let text): _ = try WireString.checkedSize(text, "The reason string")
        case .userProperty(let name, let value):
            _ = try WireString.checkedSize(name, "The name of a user property")
            _ = try WireString.checkedSize(value, "The value of a user property")
        case .correlationData(let data): _ = try WireString.checkedSize(data, "The correlation data")
        case .authenticationData(let data): _ = try WireString.checkedSize(data, "The authentication data")
        case .subscriptionIdentifier(let value):
            try Self.check(1...UInt32(VariableByteInteger.maximum) ~= value, "A subscription identifier")
        case .receiveMaximum(let value): try Self.check(value > 0, "The receive maximum")
        case .topicAlias(let value): try Self.check(value > 0, "The topic alias")
        case .maximumPacketSize(let value): try Self.check(value > 0, "The maximum packet size")
        case .maximumQoS(let qos): try Self.check(qos < .exactlyOnce, "The maximum QoS")
        default: break
        }
    }

    private static func check(_ isInRange: Bool, _ name: StaticString) throws(EncodingError) {
        guard isInRange else { throw EncodingError(.invalidProperty, "\(name) is out of range") }
    }

    fileprivate func write(to buffer: inout ByteBuffer) {
        buffer.writeInteger(self.id.rawValue)
        switch self {
        case .payloadFormatIndicator(let format): buffer.writeInteger(format.rawValue)
        case .maximumQoS(let qos): buffer.writeInteger(qos.rawValue)
        case .requestProblemInformation(let flag), .requestResponseInformation(let flag), .retainAvailable(let flag),
            .wildcardSubscriptionAvailable(let flag), .subscriptionIdentifierAvailable(let flag),
            .sharedSubscriptionAvailable(let flag):
            buffer.writeInteger(flag ? 1 : 0, as: UInt8.self)
        case .serverKeepAlive(let value), .receiveMaximum(let value), .topicAliasMaximum(let value),
            .topicAlias(let value):
            buffer.writeInteger(value)
        case .messageExpiryInterval(let value), .sessionExpiryInterval(let value), .willDelayInterval(let value),
            .maximumPacketSize(let value):
            buffer.writeInteger(value)
        case .subscriptionIdentifier(let value):
            buffer.writeVariableByteInteger(Int(value))
        case .contentType(let text), .responseTopic(let text), .assignedClientIdentifier(let text),
            .authenticationMethod(let text), .responseInformation(let text), .serverReference(let text),
            .reasonString(let text):
            buffer.writeWireString(text)
        case .correlationData(let data), .authenticationData(let data):
            buffer.writeWireBinary(data)
        case .userProperty(let name, let value):
            buffer.writeWireString(name)
            buffer.writeWireString(value)
        }
    }
}
