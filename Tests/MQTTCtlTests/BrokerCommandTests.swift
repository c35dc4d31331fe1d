// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MQTTBroker
import MosquittoFixture
import Testing

@testable import mqttctl

/// `mqttctl broker`.
@Suite(.timeLimit(.minutes(10))) struct BrokerCommandTests {
    @Test(
        arguments: [
            ["--tls-port", "0"], ["--cert", "a"], ["--tls-port", "0", "--cert", "a"], ["--port", "65536"],
            ["--websocket-port", "x"], ["--host", ""], ["surplus"],
        ]
    )
    func `what makes no sense is usage`(arguments: [String]) async throws {
        let end = try await ControlProcess.run(["broker"] + arguments)
        #expect(end.status == 64)
        #expect(end.text == "")
    }

    @Test func `every option has its listener`() throws {
        let command = try BrokerCommand.parse([
            "--host", "::1", "-p", "0", "--tls-port", "1", "--cert", "c", "--key", "k", "--websocket-port", "2",
            "--unix", "/s",
        ])
        #expect(
            command.listeners.map(\.description) == [
                "mqtt://[::1]:0", "mqtts://[::1]:1", "ws://[::1]:2/mqtt", "unix:///s",
            ]
        )
    }

    @Test func `a port that is taken is 69, a certificate that is not there 78`() async throws {
        try await withBroker { broker in
            let taken = try await ControlProcess.run(["broker", "-p", "\(broker.port)"])
            #expect(taken.status == 69)
            #expect(taken.errors.contains("in use") && taken.text == "")
        }
        let tls = ["--tls-port", "0", "--cert", "/no/such/cert", "--key", "/no/such/key"]
        let unreadable = try await ControlProcess.run(["broker", "-p", "0"] + tls)
        #expect(unreadable.status == 78)
        #expect(unreadable.errors.contains("/no/such/cert"))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func `it tells who does what, and a signal ends it well`(signal: Int32) async throws {
        let port = "\(try await FreePort.find())"
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let socket = folder.file("broker.sock")
        let broker = try ControlProcess(["broker", "-p", port, "--unix", socket])
        try await broker.prints("listening at unix://\(socket)\n")
        #expect(broker.text.contains("Z listening at mqtt://127.0.0.1:\(port)\n"))
        let end = try await ControlProcess.run(["pub", "-p", port, "-i", "a\u{7}b", "-t", "t", "-m", "x", "-q", "1"])
        #expect(end.status == 0)
        try await broker.prints("\"a\\u{07}b\" disconnected")
        #expect(broker.text.contains("\"a\\u{07}b\" connected, MQTT 5.0, new session\n"))
        #expect(broker.text.contains("published to \"t\", QoS 1, 1 bytes\n"))
        broker.send(signal)
        #expect(try await broker.status() == 0)
        #expect(broker.errors == "")
        #expect(!FileManager.default.fileExists(atPath: socket))
    }

    @Test func `quiet says nothing`() async throws {
        let port = "\(try await FreePort.find())"
        let broker = try ControlProcess(["broker", "-p", port, "--quiet"])
        let end = try await ControlProcess.run(["pub", "-p", port, "-t", "t", "-m", "x", "-q", "1"])
        #expect(end.status == 0)
        broker.send(SIGTERM)
        #expect(try await broker.status() == 0)
        #expect(broker.text == "" && broker.errors == "")
    }
}
