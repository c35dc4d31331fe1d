// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// Turns messages into bytes for standard output.
struct MessageFormatter: Sendable {
    var format: OutputFormat
    /// Topic and a space before the payload.
    var showsTopic: Bool
    /// A newline behind the payload.
    var endsLines: Bool
    /// Whether a person looks at it: then control characters are made visible; otherwise bytes are never changed.
    var isTerminal: Bool

    /// Appends a message.
    func append(_ message: ReceivedMessage, to bytes: inout [UInt8]) {
        switch self.format {
        case .text: self.appendText(message, to: &bytes)
        case .jsonl: Self.appendJSON(message, at: .now(), to: &bytes)
        }
    }

    private func appendText(_ message: ReceivedMessage, to bytes: inout [UInt8]) {
        if self.showsTopic {
            if self.isTerminal {
                TerminalText.append(message.topic, to: &bytes)
            } else {
                bytes.append(contentsOf: message.topic.utf8)
            }
            bytes.append(UInt8(ascii: " "))
        }
        message.payload.withUnsafeReadableBytes { payload in
            if self.isTerminal { TerminalText.append(payload, to: &bytes) } else { bytes.append(contentsOf: payload) }
        }
        if self.endsLines { bytes.append(UInt8(ascii: "\n")) }
    }

    /// Appends a message as a JSON object in a line of its own; the keys that mosquitto has too are mosquitto's.
    static func appendJSON(_ message: ReceivedMessage, at time: Timestamp, to bytes: inout [UInt8]) {
        var line = JSONLine(appendingTo: bytes.taken())
        line.add("tst", time.description)
        line.add("topic", message.topic)
        line.add("qos", Int(message.qos.rawValue))
        line.add("retain", message.retain ? 1 : 0)
        if let identifier = message.packetIdentifier { line.add("mid", Int(identifier)) }
        line.add("payloadlen", message.payload.readableBytes)
        if !message.properties.isEmpty {
            line.add("properties", object: { Self.add(message.properties, to: &$0) })
        }
        let encoding = Self.add("payload", message.payload, to: &line)
        line.add("dup", message.isDuplicate ? 1 : 0)
        line.add("filter", message.filter.string)
        line.add("captures", message.filter.captures(in: message.topic) ?? [])
        line.add("payload_encoding", encoding)
        line.close()
        bytes = line.bytes
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Adds bytes as text where they are text, else in base 64; returns which.
    private static func add(_ key: String, _ buffer: ByteBuffer, to line: inout JSONLine) -> String {
        buffer.withUnsafeReadableBytes { bytes in
            let isText = Self.isText(bytes)
            line.add(key) { output in
                guard !isText else { return JSONLine.append(utf8: bytes, to: &output) }
                output.append(UInt8(ascii: "\""))
                Base64.append(bytes, to: &output)
                output.append(UInt8(ascii: "\""))
            }
            return isText ? "utf8" : "base64"
        }
    }

    /// Whether it is UTF-8 without control characters, which the next program in the pipe would have to fear.
    private static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let isControlled = bytes.contains { byte in
            byte < 0x20 && byte != 0x09 && byte != 0x0A && byte != 0x0D || byte == 0x7F
        }
        return !isControlled && String(validating: bytes, as: UTF8.self) != nil
    }

    /// The properties a message can have, under mosquitto's names.
    private static func add(_ properties: Properties, to line: inout JSONLine) {
        if let value = properties.payloadFormatIndicator { line.add("payload-format-indicator", Int(value.rawValue)) }
        if let value = properties.messageExpiryInterval { line.add("message-expiry-interval", Int(value)) }
        if let value = properties.contentType { line.add("content-type", value) }
        if let value = properties.responseTopic { line.add("response-topic", value) }
        if let value = properties.correlationData {
            let encoding = self.add("correlation-data", value, to: &line)
            if encoding != "utf8" { line.add("correlation-data-encoding", encoding) }
        }
        if let value = properties.topicAlias { line.add("topic-alias", Int(value)) }
        let identifiers = properties.subscriptionIdentifiers
        if let first = identifiers.first { line.add("subscription-identifier", Int(first)) }
        let pairs = properties.userProperties
        if !pairs.isEmpty { line.add("user-properties", pairs: pairs.map { (name: $0.0, value: $0.1) }) }
    }
}
