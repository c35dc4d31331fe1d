// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// One thing a packet says, in words.
struct PacketField: Hashable {
    var name: String
    var value: String

    init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension TestPacket: CustomStringConvertible {
    /// The name of the packet and what it says: `PUBLISH topic a/b, QoS 1, identifier 7, payload "on" (2 bytes)`.
    ///
    /// The beginning of a payload is shown, a password never.
    public var description: String {
        let fields = self.fields.filter { !$0.value.isEmpty }.map { "\($0.name) \($0.value)" }
        return ([self.name] + (fields.isEmpty ? [] : [fields.joined(separator: ", ")])).joined(separator: " ")
    }

    /// How this packet differs from the one that was expected; empty for packets of two kinds.
    func differences(from expected: TestPacket) -> [String] {
        guard self.name == expected.name else { return [] }
        return zip(self.fields, expected.fields).filter { $0 != $1 }.map { came, wanted in
            func words(_ value: String) -> String { value.isEmpty ? "none" : value }
            return "\(wanted.name) \(words(came.value)) instead of \(words(wanted.value))"
        }
    }

    /// What it says; a kind of packet always has the same fields, and what is not said is empty.
    private var fields: [PacketField] {
        switch self {
        case .connect(let connect): return connect.fields
        case .publish(let publish): return publish.fields
        case .subscribe(let subscribe): return subscribe.fields
        case .connAck(let sessionPresent, let reason, let properties):
            return [
                PacketField("session present", sessionPresent ? "yes" : ""), .reason(reason), .properties(properties),
            ]
        case .pubAck(let id, let reason, let properties), .pubRec(let id, let reason, let properties),
            .pubRel(let id, let reason, let properties), .pubComp(let id, let reason, let properties):
            return [.identifier(id), .reason(reason), .properties(properties)]
        case .subAck(let id, let reasons, let properties), .unsubAck(let id, let reasons, let properties):
            let words = reasons.map(\.description).joined(separator: ", ")
            return [.identifier(id), PacketField("reasons", words), .properties(properties)]
        case .unsubscribe(let id, let filters, let properties):
            return [.identifier(id), PacketField("filters", filters.joined(separator: ", ")), .properties(properties)]
        case .disconnect(let reason, let properties), .auth(let reason, let properties):
            return [.reason(reason), .properties(properties)]
        case .pingRequest, .pingResponse: return []
        }
    }
}

extension PacketField {
    fileprivate static func identifier(_ id: UInt16?) -> Self { Self("identifier", id.map { "\($0)" } ?? "") }

    fileprivate static func reason(_ reason: ReasonCode) -> Self {
        Self("reason", reason == .success ? "" : "\(reason)")
    }

    fileprivate static func properties(_ properties: Properties, _ name: String = "properties") -> Self {
        Self(name, properties.isEmpty ? "" : "[\(properties.map(Self.words).joined(separator: ", "))]")
    }

    fileprivate static func flag(_ name: String, _ isSet: Bool) -> Self { Self(name, isSet ? "yes" : "") }

    private static func words(_ property: Property) -> String {
        switch property {
        case .correlationData(let bytes): "correlationData(\(bytes.words))"
        case .authenticationData(let bytes): "authenticationData(\(bytes.readableBytes) bytes)"
        default: "\(property)"
        }
    }
}

extension TestPacket.Connect {
    fileprivate var fields: [PacketField] {
        let will = self.will.map {
            "\($0.topic) (QoS \($0.qos.rawValue)\($0.retain ? ", retain" : ""), \($0.payload.words))"
        }
        return [
            PacketField("client identifier", self.clientID.debugDescription),
            .flag("clean start", self.cleanStart),
            PacketField("keep-alive", "\(self.keepAlive) s"),
            PacketField("user name", self.username.map(\.debugDescription) ?? ""),
            PacketField("password", self.password.map { "of \($0.readableBytes) bytes" } ?? ""),
            PacketField("will", will ?? ""),
            .properties(self.willProperties, "will properties"),
            .properties(self.properties),
        ]
    }
}

extension TestPacket.Publish {
    fileprivate var fields: [PacketField] {
        [
            PacketField("topic", self.topic.isEmpty ? "\"\"" : self.topic),
            PacketField("QoS", "\(self.qos.rawValue)"),
            .flag("retain", self.retain),
            .flag("duplicate", self.duplicate),
            .identifier(self.packetID),
            PacketField("payload", self.payload.words),
            .properties(self.properties),
        ]
    }
}

extension TestPacket.Subscribe {
    fileprivate var fields: [PacketField] {
        let filters = self.filters.map { filter in
            let options = [
                "QoS \(filter.qos.rawValue)", filter.noLocal ? "no local" : "",
                filter.retainAsPublished ? "retain as published" : "",
                filter.retainHandling == .sendAlways ? "" : "\(filter.retainHandling)",
            ]
            return "\(filter.filter) (\(options.filter { !$0.isEmpty }.joined(separator: ", ")))"
        }
        return [
            .identifier(self.packetID), PacketField("filters", filters.joined(separator: ", ")),
            .properties(self.properties),
        ]
    }
}

extension ByteBuffer {
    /// The beginning of the bytes, as text where they are, and how many there are.
    var words: String {
        let count = self.readableBytes == 1 ? "1 byte" : "\(self.readableBytes) bytes"
        guard self.readableBytes > 0 else { return count }
        if let text = String(validating: self.readableBytesView, as: UTF8.self) {
            let beginning = text.prefix(60)
            return "\(String(beginning).debugDescription)\(beginning.endIndex < text.endIndex ? "..." : "") (\(count))"
        }
        let bytes = self.readableBytesView.prefix(16).map { byte in
            byte < 16 ? "0\(String(byte, radix: 16))" : String(byte, radix: 16)
        }
        return "\(bytes.joined(separator: " "))\(self.readableBytes > 16 ? " ..." : "") (\(count))"
    }
}
