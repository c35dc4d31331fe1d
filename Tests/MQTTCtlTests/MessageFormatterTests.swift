// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import NIOCore
import Testing

@testable import mqttctl

@Suite struct MessageFormatterTests {
    private static func message(_ payload: [UInt8], properties: Properties = Properties()) throws -> ReceivedMessage {
        ReceivedMessage(
            topic: "a/b\u{1B}/c",
            payload: ByteBuffer(bytes: payload),
            qos: .atLeastOnce,
            retain: true,
            isDuplicate: true,
            packetIdentifier: 7,
            properties: properties,
            filter: try TopicFilter("a/+/#")
        )
    }

    private static func text(
        _ payload: [UInt8],
        showsTopic: Bool = false,
        endsLines: Bool = true,
        isTerminal: Bool = false
    ) throws -> [UInt8] {
        let formatter = MessageFormatter(
            format: .text,
            showsTopic: showsTopic,
            endsLines: endsLines,
            isTerminal: isTerminal
        )
        var bytes: [UInt8] = []
        formatter.append(try Self.message(payload), to: &bytes)
        return bytes
    }

    private static func json(_ payload: [UInt8], properties: Properties = Properties()) throws -> String {
        var bytes: [UInt8] = []
        let message = try Self.message(payload, properties: properties)
        MessageFormatter.appendJSON(message, at: Timestamp(seconds: 0, nanoseconds: 1), to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `in a pipe the bytes are exact`() throws {
        let payload: [UInt8] = [0x1B, 0x00, 0xFF, 0x0A]
        #expect(try Self.text(payload) == payload + [0x0A])
        #expect(try Self.text(payload, endsLines: false) == payload)
        #expect(try Self.text(payload, showsTopic: true) == Array("a/b\u{1B}/c ".utf8) + payload + [0x0A])
    }

    @Test func `on a terminal control characters are shown, in the topic too`() throws {
        let shown = try Self.text(Array("\u{1B}[2J".utf8), showsTopic: true, isTerminal: true)
        #expect(String(decoding: shown, as: UTF8.self) == #"a/b\x1b/c \x1b[2J"# + "\n")
        #expect(String(decoding: try Self.text([0xFF], isTerminal: true), as: UTF8.self) == "ff (1 bytes)\n")
    }

    @Test func `a line of JSON has every key`() throws {
        #expect(
            try Self.json(Array("{\"a\":1}".utf8))
                == #"{"tst":"1970-01-01T00:00:00.000000001Z","topic":"a/b\u001b/c","qos":1,"retain":1,"mid":7,"#
                + #""payloadlen":7,"payload":"{\"a\":1}","dup":1,"filter":"a/+/#","captures":["b\u001b","c"],"#
                + #""payload_encoding":"utf8"}"# + "\n"
        )
    }

    @Test(
        arguments: [
            ([0xFF, 0xFE], #""payload":"//4=""#, "base64"),
            ([0x61, 0x00], #""payload":"YQA=""#, "base64"),
            ([0x1B, 0x5B], #""payload":"G1s=""#, "base64"),
            ([0x61, 0x0A, 0x09, 0x0D], #""payload":"a\n\t\r""#, "utf8"),
            ([], #""payload":"""#, "utf8"),
            ([0xC3, 0xA4], #""payload":"ä""#, "utf8"),
        ] as [([UInt8], String, String)]
    )
    func `what is no text comes in base 64`(payload: [UInt8], member: String, encoding: String) throws {
        let line = try Self.json(payload)
        #expect(line.contains(member))
        #expect(line.contains(#""payload_encoding":"\#(encoding)""#))
        #expect(line.contains(#""payloadlen":\#(payload.count)"#))
    }

    @Test func `properties have mosquitto's names, and user properties are pairs`() throws {
        let properties: Properties = [
            .payloadFormatIndicator(.utf8), .messageExpiryInterval(100), .contentType("text"), .responseTopic("r"),
            .correlationData(ByteBuffer(string: "xyz")), .userProperty(name: "k", value: "1"),
            .userProperty(name: "k", value: "2"), .subscriptionIdentifier(9),
        ]
        #expect(
            try Self.json([], properties: properties).contains(
                #""properties":{"payload-format-indicator":1,"message-expiry-interval":100,"content-type":"text","#
                    + #""response-topic":"r","correlation-data":"xyz","subscription-identifier":9,"#
                    + #""user-properties":[["k","1"],["k","2"]]},"payload":"#
            )
        )
        let binary: Properties = [.correlationData(ByteBuffer(bytes: [0xFF]))]
        #expect(
            try Self.json([], properties: binary)
                .contains(#"{"correlation-data":"/w==","correlation-data-encoding":"base64"}"#)
        )
    }
}
