// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The rules of string and binary fields, topic names and topic filters (MQTT 5.0, 1.5.4, 1.5.6, 4.7).
enum WireString {
    /// What a two-byte length can say.
    static let maximumLength = 65_535

    /// Makes a string of bytes that hold no U+0000.
    ///
    /// Ill-formed UTF-8 is refused, surrogates are (MQTT-1.5.4-1).
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingError) -> String {
        let text = bytes.withMemoryRebound(to: UInt8.self) { String(validating: $0, as: UTF8.self) }
        guard let text else { throw DecodingError(.malformedPacket, "A string is not valid UTF-8") }
        return text
    }

    /// Makes a topic name, which may be empty: no U+0000, no wildcard (MQTT-3.3.2-1, MQTT-3.3.2-2).
    static func decodeTopicName(_ bytes: UnsafeRawBufferPointer) throws(DecodingError) -> String {
        let scan = ByteScan(bytes)
        guard !scan.hasNull else { throw DecodingError(.malformedPacket, "A topic name holds U+0000") }
        let topic = try Self.decode(bytes)
        guard !scan.hasWildcard else { throw DecodingError(.topicNameInvalid, "A topic name holds a wildcard") }
        return topic
    }

    /// How many bytes a string takes with its length.
    @inline(__always)
    static func size(_ text: String) -> Int { 2 + text.utf8.count }

    /// How many bytes a string takes with its length, once it is found to be sendable.
    static func checkedSize(_ text: String, _ name: StaticString) throws(EncodingError) -> Int {
        let (count, scan) = Self.scan(text)
        guard count <= Self.maximumLength else {
            throw EncodingError(.invalidField, "\(name) is longer than 65,535 bytes")
        }
        guard !scan.hasNull else { throw EncodingError(.invalidField, "\(name) holds U+0000") }
        return 2 + count
    }

    /// How many bytes a binary field takes with its length, once it is found to be sendable.
    static func checkedSize(_ data: ByteBuffer, _ name: StaticString) throws(EncodingError) -> Int {
        guard data.readableBytes <= Self.maximumLength else {
            throw EncodingError(.invalidField, "\(name) is longer than 65,535 bytes")
        }
        return 2 + data.readableBytes
    }

    /// How many bytes a topic name takes with its length, once it is found to be one (MQTT 5.0, 4.7).
    static func checkedTopicNameSize(_ topic: String, mayBeEmpty: Bool = false) throws(EncodingError) -> Int {
        let (count, scan) = Self.scan(topic)
        guard count <= Self.maximumLength else {
            throw EncodingError(.invalidTopic, "The topic is longer than 65,535 bytes")
        }
        guard count > 0 || mayBeEmpty else { throw EncodingError(.invalidTopic, "The topic is empty") }
        guard !scan.hasNull else { throw EncodingError(.invalidTopic, "The topic holds U+0000") }
        guard !scan.hasWildcard else { throw EncodingError(.invalidTopic, "The topic holds a wildcard, # or +") }
        return 2 + count
    }

    /// How many bytes a topic filter takes with its length, once it is found to be one (MQTT 5.0, 4.7, 4.8.2).
    static func checkedFilterSize(_ filter: String, version: ProtocolVersion) throws(EncodingError) -> Int {
        let (count, scan) = Self.scan(filter)
        guard count <= Self.maximumLength else {
            throw EncodingError(.invalidFilter, "A filter is longer than 65,535 bytes")
        }
        guard !scan.hasNull else { throw EncodingError(.invalidFilter, "A filter holds U+0000") }
        if let fault = Self.filterFault(filter, version: version) { throw EncodingError(.invalidFilter, fault) }
        return 2 + count
    }

    private static func scan(_ text: String) -> (count: Int, ByteScan) {
        // Free for native strings; a string bridged from elsewhere is made native once, here.
        var text = text
        return text.withUTF8 { ($0.count, ByteScan(UnsafeRawBufferPointer($0))) }
    }
}

extension WireString {
    /// What is wrong with a filter, or nil (MQTT 5.0, 4.7.1, 4.8.2).
    ///
    /// Shared subscriptions are a matter of 5.0.
    static func filterFault(_ filter: String, version: ProtocolVersion) -> String? {
        var filter = filter
        return filter.withUTF8 { bytes in
            guard !bytes.isEmpty else { return "A filter is empty" }
            if let fault = Self.wildcardFault(bytes) { return fault }
            return version.hasProperties ? Self.shareFault(bytes) : nil
        }
    }

    /// Whether a filter asks for a shared subscription (MQTT 5.0, 4.8.2).
    static func isShared(_ filter: String) -> Bool { filter.utf8.starts(with: Self.sharePrefix) }

    private static let sharePrefix: [UInt8] = Array("$share/".utf8)

    private static func wildcardFault(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        let slash = UInt8(ascii: "/")
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "#") || byte == UInt8(ascii: "+") {
            let isLast = index + 1 == bytes.count
            guard index == 0 || bytes[index - 1] == slash else {
                return "A wildcard does not fill its level of a filter"
            }
            if byte == UInt8(ascii: "#") {
                guard isLast else { return "A filter goes on behind #" }
            } else {
                guard isLast || bytes[index + 1] == slash else {
                    return "A wildcard does not fill its level of a filter"
                }
            }
        }
        return nil
    }

    /// `$share/{name}/{filter}`: a name without wildcards, and a filter, neither of them empty.
    private static func shareFault(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        guard bytes.starts(with: Self.sharePrefix) else { return nil }
        let rest = bytes.dropFirst(Self.sharePrefix.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else {
            return "A shared filter has no filter behind its name"
        }
        let name = rest[..<slash]
        guard !name.isEmpty else { return "A shared filter has an empty name" }
        guard !name.contains(UInt8(ascii: "+")), !name.contains(UInt8(ascii: "#")) else {
            return "The name of a shared filter holds a wildcard"
        }
        guard slash + 1 < bytes.count else { return "A shared filter has no filter behind its name" }
        return nil
    }
}

extension ByteBuffer {
    /// Writes a string whose length has been checked, with its length.
    mutating func writeWireString(_ text: String) {
        self.writeInteger(UInt16(truncatingIfNeeded: text.utf8.count))
        self.writeString(text)
    }

    /// Writes a binary field whose length has been checked, with its length.
    mutating func writeWireBinary(_ data: ByteBuffer) {
        self.writeInteger(UInt16(truncatingIfNeeded: data.readableBytes))
        self.writeImmutableBuffer(data)
    }
}

extension DecodingError {
    /// A length or a field goes beyond the packet or the block it is in.
    static let endsInsideField = DecodingError(.malformedPacket, "A packet ends inside a field")
}
