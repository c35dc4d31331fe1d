// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MosquittoFixture
import Testing

/// The program with a real broker: what goes in comes out.
@Suite(.timeLimit(.minutes(10))) struct MessageProcessTests {
    @Test(arguments: ["5", "311", "31"])
    func `a message is published and printed`(version: String) async throws {
        try await MosquittoServer.withServer { server in
            let port = ["-p", "\(server.port)", "-V", version]
            let published = try await ControlProcess.run(["pub", "-t", "a/b", "-m", "-5 °C", "-q", "1", "-r"] + port)
            #expect(published.status == 0)
            #expect(published.text + published.errors == "")
            let printed = try await ControlProcess.run(["sub", "-t", "a/+", "-C", "1", "-v", "-W", "20"] + port)
            #expect(printed.status == 0)
            #expect(printed.text == "a/b -5 °C\n")
            #expect(printed.errors == "")
        }
    }

    @Test func `a URL says where, and to which topic`() async throws {
        try await MosquittoServer.withServer(.init(users: ["joe": "pass word"])) { server in
            let url = "mqtt://joe:pass%20word@127.0.0.1:\(server.port)/x/y"
            let end1 = try await ControlProcess.run(["pub", "-L", url, "-m", "hello", "-r"])
            #expect(end1.status == 0)
            let printed = try await ControlProcess.run(["sub", "-L", url, "-C", "1", "-W", "20"])
            #expect(printed.text == "hello\n")
        }
    }

    @Test(arguments: ["0", "1", "2"])
    func `every line is a message, in order`(qos: String) async throws {
        try await MosquittoServer.withServer { server in
            let common = ["-p", "\(server.port)", "-t", "lines", "-q", qos]
            let subscriber = try ControlProcess(["sub", "-C", "5000", "-d", "-W", "60"] + common)
            try await subscriber.says("subscribed")
            let lines = (1...5_000).map { $0 % 100 == 50 ? "" : "line \($0)" }.joined(separator: "\n")
            // The last line has no newline.
            let published = try await ControlProcess.run(["pub", "-l"] + common, input: Array(lines.utf8))
            #expect(published.errors == "")
            #expect(published.status == 0)
            #expect(try await subscriber.status() == 0)
            #expect(subscriber.text == lines + "\n")
        }
    }

    @Test func `no line is no message`() async throws {
        try await MosquittoServer.withServer { server in
            let common = ["-p", "\(server.port)", "-t", "lines"]
            let end2 = try await ControlProcess.run(["pub", "-l", "-r"] + common, input: [])
            #expect(end2.status == 0)
            let end3 = try await ControlProcess.run(["sub", "-C", "1", "-W", "0.5"] + common)
            #expect(end3.status == 27)
        }
    }

    @Test(arguments: ["0", "2"])
    func `a file of any bytes comes back as it was`(qos: String) async throws {
        try await MosquittoServer.withServer { server in
            let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            try Data(bytes).write(to: URL(fileURLWithPath: folder.file("bytes")))
            let common = ["-p", "\(server.port)", "-t", "file", "-q", qos]
            let published = try await ControlProcess.run(["pub", "-f", folder.file("bytes"), "-r"] + common)
            #expect(published.status == 0)
            let subscriber = try ControlProcess(["sub", "-N", "-C", "1", "-W", "30"] + common)
            #expect(try await subscriber.status() == 0)
            #expect(subscriber.output == bytes)
        }
    }

    @Test func `standard input can be the message`() async throws {
        try await MosquittoServer.withServer { server in
            let common = ["-p", "\(server.port)", "-t", "all"]
            let bytes: [UInt8] = Array("a\nb\n".utf8) + [0, 255]
            let end4 = try await ControlProcess.run(["pub", "-s", "-r"] + common, input: bytes)
            #expect(end4.status == 0)
            let subscriber = try ControlProcess(["sub", "-N", "-C", "1", "-W", "20"] + common)
            #expect(try await subscriber.status() == 0)
            #expect(subscriber.output == bytes)
        }
    }

    @Test func `a line of JSON can be parsed and has mosquitto's keys`() async throws {
        try await MosquittoServer.withServer { server in
            let common = ["-p", "\(server.port)", "-q", "1"]
            _ = try await ControlProcess.run(["pub", "-t", "a/b", "-m", "{\"x\": \"\u{1B}\"}", "-r"] + common)
            let printed = try await ControlProcess.run(
                ["sub", "-t", "a/#", "--format", "jsonl", "-C", "1", "-W", "20"] + common
            )
            #expect(printed.text.hasSuffix("}\n"))
            let object = try JSONSerialization.jsonObject(with: Data(printed.text.utf8))
            let message = try #require(object as? [String: Any])
            #expect(message["topic"] as? String == "a/b")
            #expect(message["qos"] as? Int == 1)
            #expect(message["retain"] as? Int == 1)
            #expect(message["mid"] as? Int == 1)
            #expect(message["payloadlen"] as? Int == 10)
            #expect(message["payload_encoding"] as? String == "base64")
            #expect(message["payload"] as? String == Data("{\"x\": \"\u{1B}\"}".utf8).base64EncodedString())
            #expect(message["captures"] as? [String] == ["b"])
            #expect(message["filter"] as? String == "a/#")
            let time = try #require(message["tst"] as? String)
            let formatter = ISO8601DateFormatter()
            let date = try #require(formatter.date(from: time.prefix(19) + "Z"))
            #expect(abs(date.timeIntervalSinceNow) < 60)
        }
    }

    @Test func `several filters, without retained and excluded ones`() async throws {
        try await MosquittoServer.withServer { server in
            let port = ["-p", "\(server.port)"]
            _ = try await ControlProcess.run(["pub", "-t", "a/old", "-m", "stale", "-r"] + port)
            let subscriber = try ControlProcess(
                ["sub", "-t", "a/#", "-t", "a/b", "-t", "c", "-T", "a/secret", "-R", "-v", "-d", "-C", "3", "-W", "30"]
                    + port
            )
            try await subscriber.says("subscribed")
            for topic in ["a/secret", "a/b", "c", "d", "a/x"] {
                _ = try await ControlProcess.run(["pub", "-t", topic, "-m", "x", "-q", "1"] + port)
            }
            #expect(try await subscriber.status() == 0)
            // The broker may send what two filters match once or twice; this client asks for both in one subscription.
            #expect(Set(subscriber.text.split(separator: "\n")).isSubset(of: ["a/b x", "c x", "a/x x"]))
            #expect(subscriber.text.hasPrefix("a/b x\n"))
        }
    }

    @Test func `what was not printed comes again when the session is kept`() async throws {
        try await MosquittoServer.withServer { server in
            let port = ["-p", "\(server.port)", "-q", "1"]
            let session = ["-t", "s", "-c", "-i", "keeper", "-W", "20"] + port
            let end5 = try await ControlProcess.run(["sub", "-E"] + session)
            #expect(end5.status == 0)
            let lines = Array("1\n2\n3\n".utf8)
            let end6 = try await ControlProcess.run(["pub", "-t", "s", "-l"] + port, input: lines)
            #expect(end6.status == 0)
            let first = try await ControlProcess.run(["sub", "-C", "1"] + session)
            #expect(first.text == "1\n")
            let second = try await ControlProcess.run(["sub", "-C", "2"] + session)
            #expect(second.text == "2\n3\n")
            let impatient = ["-t", "s", "-c", "-i", "keeper", "-W", "0.5"] + port
            let nothing = try await ControlProcess.run(["sub", "-C", "1"] + impatient)
            #expect(nothing.status == 27)
        }
    }

    @Test func `a message can be repeated`() async throws {
        try await MosquittoServer.withServer { server in
            let common = ["-p", "\(server.port)", "-t", "r"]
            let subscriber = try ControlProcess(["sub", "-C", "5", "-d", "-W", "30"] + common)
            try await subscriber.says("subscribed")
            _ = try await ControlProcess.run(["pub", "-m", "a", "--repeat", "3"] + common)
            _ = try await ControlProcess.run(["pub", "-m", "b", "--repeat", "2", "--repeat-delay", "0.01"] + common)
            #expect(try await subscriber.status() == 0)
            #expect(subscriber.text == "a\na\na\nb\nb\n")
        }
    }

    @Test func `the will is published when the program is killed, and not when it is asked to end`() async throws {
        try await MosquittoServer.withServer { server in
            let port = ["-p", "\(server.port)"]
            let watcher = try ControlProcess(["sub", "-t", "w", "-v", "-d", "-C", "1", "-W", "60"] + port)
            try await watcher.says("subscribed")
            for (signal, payload) in [(SIGTERM, "asked"), (SIGKILL, "killed")] {
                let will = ["--will-topic", "w", "--will-payload", payload, "-t", "x", "-d"]
                let doomed = try ControlProcess(["sub"] + will + port)
                try await doomed.says("subscribed")
                doomed.send(signal)
                _ = try await doomed.status()
            }
            #expect(try await watcher.status() == 0)
            #expect(watcher.text == "w killed\n")
        }
    }
}
