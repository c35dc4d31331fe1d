// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Properties {
    /// Reads a property length and the properties behind it (MQTT 5.0, 2.2.2).
    ///
    /// An empty block costs nothing. Before 5.0 there is none to read.
    @inline(__always)
    init(from reader: inout WireReader, in place: PropertyPlaces) throws(DecodingError) {
        guard reader.version.hasProperties else {
            self.init()
            return
        }
        let length = try reader.readVariableByteInteger()
        guard length > 0 else {
            self.init()
            return
        }
        try self.init(from: &reader, length: length, in: place)
    }

    private init(from reader: inout WireReader, length: Int, in place: PropertyPlaces) throws(DecodingError) {
        var list: [Property] = []
        list.reserveCapacity(4)
        _ = try PropertyBlock.walk(&reader, length: length, in: place) { (id, reader) throws(DecodingError) in
            list.append(try Property(id, from: &reader))
        }
        self.init(list)
    }

    /// Reads a PUBLISH's properties again, which have been found good by ``PropertyBlock``.
    init(checked buffer: ByteBuffer, endingAt end: Int, length: Int) {
        self.init()
        guard length > 0, let block = buffer.getSlice(at: end - length, length: length) else { return }
        let read: Properties? = block.withUnsafeReadableBytes { bytes in
            var reader = WireReader(bytes, of: block, role: .client, version: .v5)
            return try? Properties(from: &reader, length: length, in: .publish)
        }
        if let read { self = read }
    }
}

extension Property {
    /// Reads the value behind an identifier, and checks its range.
    init(_ id: PropertyID, from reader: inout WireReader) throws(DecodingError) {
        switch id {
        case .contentType: self = .contentType(try reader.readString())
        case .responseTopic: self = .responseTopic(try reader.readResponseTopic())
        case .correlationData: self = .correlationData(try reader.readBinary())
        case .assignedClientIdentifier: self = .assignedClientIdentifier(try reader.readString())
        case .authenticationMethod: self = .authenticationMethod(try reader.readString())
        case .authenticationData: self = .authenticationData(try reader.readBinary())
        case .responseInformation: self = .responseInformation(try reader.readString())
        case .serverReference: self = .serverReference(try reader.readString())
        case .reasonString: self = .reasonString(try reader.readString())
        case .userProperty: self = .userProperty(name: try reader.readString(), value: try reader.readString())
        case .messageExpiryInterval: self = .messageExpiryInterval(try reader.readUInt32())
        case .sessionExpiryInterval: self = .sessionExpiryInterval(try reader.readUInt32())
        case .willDelayInterval: self = .willDelayInterval(try reader.readUInt32())
        case .serverKeepAlive: self = .serverKeepAlive(try reader.readUInt16())
        case .topicAliasMaximum: self = .topicAliasMaximum(try reader.readUInt16())
        default: try self.init(limited: id, from: &reader)
        }
    }

    /// Those whose type can say more than the standard allows.
    private init(limited id: PropertyID, from reader: inout WireReader) throws(DecodingError) {
        switch id {
        case .payloadFormatIndicator:
            guard let format = PayloadFormat(rawValue: try reader.readByte()) else { throw .propertyOutOfRange }
            self = .payloadFormatIndicator(format)
        case .subscriptionIdentifier:
            let identifier = UInt32(truncatingIfNeeded: try reader.readVariableByteInteger())
            guard identifier > 0 else { throw .propertyOutOfRange }
            self = .subscriptionIdentifier(identifier)
        case .receiveMaximum:
            let maximum = try reader.readUInt16()
            guard maximum > 0 else { throw .propertyOutOfRange }
            self = .receiveMaximum(maximum)
        case .topicAlias:
            self = .topicAlias(try reader.readTopicAlias())
        case .maximumQoS:
            guard let qos = QoS(rawValue: try reader.readByte()), qos < .exactlyOnce else { throw .propertyOutOfRange }
            self = .maximumQoS(qos)
        case .maximumPacketSize:
            let maximum = try reader.readUInt32()
            guard maximum > 0 else { throw .propertyOutOfRange }
            self = .maximumPacketSize(maximum)
        case .requestProblemInformation: self = .requestProblemInformation(try reader.readBoolean())
        case .requestResponseInformation: self = .requestResponseInformation(try reader.readBoolean())
        case .retainAvailable: self = .retainAvailable(try reader.readBoolean())
        case .wildcardSubscriptionAvailable: self = .wildcardSubscriptionAvailable(try reader.readBoolean())
        case .subscriptionIdentifierAvailable: self = .subscriptionIdentifierAvailable(try reader.readBoolean())
        case .sharedSubscriptionAvailable: self = .sharedSubscriptionAvailable(try reader.readBoolean())
        default: preconditionFailure("A property that only its type limits")
        }
    }
}

extension WireReader {
    fileprivate mutating func readBoolean() throws(DecodingError) -> Bool {
        switch try self.readByte() {
        case 0: return false
        case 1: return true
        default: throw .propertyOutOfRange
        }
    }

    /// A topic alias, which is never 0 (MQTT-3.3.2-8); the reason is that of MQTT 5.0, 3.3.4.
    mutating func readTopicAlias() throws(DecodingError) -> UInt16 {
        let alias = try self.readUInt16()
        guard alias > 0 else { throw DecodingError(.topicAliasInvalid, "A topic alias is 0") }
        return alias
    }

    /// A topic name, but its faults are those of a property (MQTT-3.3.2-14).
    mutating func checkResponseTopic() throws(DecodingError) -> UnsafeRawBufferPointer {
        let (field, scan) = try self.checkString()
        guard !scan.hasWildcard, !field.isEmpty else {
            throw DecodingError(.protocolError, "A response topic is empty or holds a wildcard")
        }
        return field
    }

    fileprivate mutating func readResponseTopic() throws(DecodingError) -> String {
        try WireString.decode(try self.checkResponseTopic())
    }
}

extension DecodingError {
    static let propertyOutOfRange = DecodingError(.protocolError, "The value of a property is out of range")
}
