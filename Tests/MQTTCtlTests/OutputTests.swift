// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import NIOCore
import Testing

@testable import mqttctl

@Suite struct OutputTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `base 64 is that of RFC 4648, section 10`(text: String, encoded: String) {
        var output: [UInt8] = []
        Array(text.utf8).withUnsafeBytes { Base64.append($0, to: &output) }
        #expect(String(decoding: output, as: UTF8.self) == encoded)
    }

    @Test func `base 64 uses the whole alphabet`() {
        var output: [UInt8] = []
        [UInt8]([0xFB, 0xEF, 0xFF]).withUnsafeBytes { Base64.append($0, to: &output) }
        #expect(String(decoding: output, as: UTF8.self) == "++//")
    }

    @Test(arguments: [
        (0, 0, "1970-01-01T00:00:00.000000000Z"),
        (951_782_399, 1, "2000-02-28T23:59:59.000000001Z"),
        (951_782_400, 999_999_999, "2000-02-29T00:00:00.999999999Z"),
        (1_709_251_199, 5, "2024-02-29T23:59:59.000000005Z"),
        (1_795_225_602, 273_897_001, "2026-11-21T01:46:42.273897001Z"),
        (4_107_542_400, 0, "2100-03-01T00:00:00.000000000Z"),
        (-1, 0, "1969-12-31T23:59:59.000000000Z"),
    ])
    func `a time is written as RFC 3339`(seconds: Int, nanoseconds: Int, text: String) {
        #expect(Timestamp(seconds: seconds, nanoseconds: nanoseconds).description == text)
    }

    @Test func `JSON strings are escaped`() {
        var line = JSONLine()
        line.add("a\"b", "\u{0}\n\r\t\u{1F}\u{7F}\\ \"ä😀\"")
        #expect(line.text == #"{"a\"b":"\u0000\n\r\t\u001f\u007f\\ \"ä😀\""}"#)
    }

    @Test func `JSON objects hold numbers, lists, pairs and objects`() {
        var line = JSONLine()
        line.add("number", -5)
        line.add("list", ["a", "b"])
        line.add("none", [])
        line.add("object", object: { $0.add("pairs", pairs: [("k", "1"), ("k", "2")]) })
        line.add("last", "x")
        #expect(
            line.text
                == #"{"number":-5,"list":["a","b"],"none":[],"object":{"pairs":[["k","1"],["k","2"]]},"last":"x"}"#
        )
    }

    @Test(arguments: [
        ("a\u{1B}[31mb", #"a\x1b[31mb"#),
        ("two\nlines\tä", "two\nlines\tä"),
        ("\u{0}\u{7F}\u{9B}31m\r", #"\x00\x7f\x9b31m\x0d"#),
        ("a\u{202E}b", #"a\u{202e}b"#),
    ])
    func `whoever publishes does not control the terminal`(text: String, shown: String) {
        var output: [UInt8] = []
        TerminalText.append(text, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == shown)
    }

    @Test(arguments: [
        ([UInt8]([0xFF, 0x00, 0x10]), "ff 00 10 (3 bytes)"),
        ([UInt8](repeating: 0xFE, count: 65), String(repeating: "fe ", count: 64) + "... (65 bytes)"),
    ])
    func `what is no text is dumped on a terminal`(bytes: [UInt8], shown: String) {
        var output: [UInt8] = []
        bytes.withUnsafeBytes { TerminalText.append($0, to: &output) }
        #expect(String(decoding: output, as: UTF8.self) == shown)
    }

    @Test func `lines are cut wherever the reader cut them`() {
        let text = "one\n\nthree\r\n" + String(repeating: "x", count: 100) + "\nlast"
        let expected = ["one", "", "three\r", String(repeating: "x", count: 100), "last"]
        for size in 1...text.utf8.count {
            var splitter = LineSplitter()
            var rest = ByteBuffer(string: text)
            var lines: [String] = []
            while rest.readableBytes > 0, let chunk = rest.readSlice(length: min(size, rest.readableBytes)) {
                lines += splitter.lines(of: chunk).map { String(buffer: $0) }
            }
            if let last = splitter.end() { lines.append(String(buffer: last)) }
            #expect(lines == expected, "chunks of \(size)")
            #expect(splitter.end() == nil)
        }
    }

    @Test func `nothing is not a line`() {
        var splitter = LineSplitter()
        #expect(splitter.end() == nil)
        #expect(splitter.lines(of: ByteBuffer(string: "a\n")).count == 1)
        #expect(splitter.end() == nil)
    }
}
