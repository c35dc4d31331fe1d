// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What is known of a property block after a look at its bytes that made nothing of them (MQTT 5.0, 2.2.2).
struct PropertyBlock {
    /// Bytes behind the property length.
    let length: Int
    let seen: PropertySet
    /// The topic alias; 0 is none.
    let topicAlias: UInt16

    private static let empty = PropertyBlock(length: 0, seen: PropertySet(), topicAlias: 0)

    /// Checks the properties of a PUBLISH: refuses exactly what reading them would refuse.
    ///
    /// Before 5.0 there are none.
    @inline(__always)
    static func checkPublish(_ reader: inout WireReader) throws(DecodingError) -> PropertyBlock {
        guard reader.version.hasProperties else { return .empty }
        let length = try reader.readVariableByteInteger()
        guard length > 0 else { return .empty }
        return try Self.check(&reader, length: length)
    }

    private static func check(_ reader: inout WireReader, length: Int) throws(DecodingError) -> PropertyBlock {
        var alias: UInt16 = 0
        let seen = try Self.walk(&reader, length: length, in: .publish) { (id, reader) throws(DecodingError) in
            try reader.checkPublishProperty(id, alias: &alias)
        }
        return PropertyBlock(length: length, seen: seen, topicAlias: alias)
    }

    /// Gives the identifiers of a block to `body`, which has to read their values, and checks place and repetition.
    @inline(__always)
    static func walk(
        _ reader: inout WireReader,
        length: Int,
        in place: PropertyPlaces,
        _ body: (PropertyID, inout WireReader) throws(DecodingError) -> Void
    ) throws(DecodingError) -> PropertySet {
        let outerLimit = try reader.enterBlock(length: length)
        var seen = PropertySet()
        while !reader.isAtEnd {
            guard let id = PropertyID(rawValue: try reader.readByte()) else {
                throw DecodingError(.malformedPacket, "A property has an unknown identifier")
            }
            guard id.places.contains(place) else {
                throw DecodingError(.malformedPacket, "A property is in a packet that may not carry it")
            }
            guard !id.isFromWrongEnd(in: place, readBy: reader.role) else {
                throw DecodingError(.protocolError, "A property came from the end that may not send it")
            }
            guard seen.insert(id) || id.mayRepeat(in: place) else {
                throw DecodingError(.protocolError, "A property is there twice")
            }
            try body(id, &reader)
        }
        reader.leaveBlock(outerLimit)
        // MQTT 5.0, 3.1.2.11.10.
        guard !seen.contains(.authenticationData) || seen.contains(.authenticationMethod) else {
            throw DecodingError(.protocolError, "There is authentication data without a method")
        }
        return seen
    }
}

extension WireReader {
    /// Passes over the value of a property that a PUBLISH may carry.
    @inline(__always)
    fileprivate mutating func checkPublishProperty(_ id: PropertyID, alias: inout UInt16) throws(DecodingError) {
        switch id {
        case .topicAlias:
            alias = try self.readTopicAlias()
        case .contentType:
            _ = try self.checkString()
        case .userProperty:
            _ = try self.checkString()
            _ = try self.checkString()
        case .responseTopic:
            _ = try self.checkResponseTopic()
        case .correlationData:
            _ = try self.readField()
        case .messageExpiryInterval:
            try self.skip(4)
        default:
            // Small numbers of limited range: reading one makes nothing that would have to be freed.
            _ = try Property(id, from: &self)
        }
    }
}
