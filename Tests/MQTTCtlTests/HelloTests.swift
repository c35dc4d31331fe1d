// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MosquittoFixture
import Testing

/// The examples, as processes of their own.
@Suite(.timeLimit(.minutes(10))) struct HelloTests {
    @Test func `the twelve lines of the README print what they published`() async throws {
        try await MosquittoServer.withServer { server in
            let url = "mqtt://127.0.0.1:\(server.port)"
            let hello = try ControlProcess([url], program: ControlProcess.path(of: "Hello"))
            #expect(try await hello.status() == 0)
            #expect(hello.text == "sensors/temp 22.5\n")
        }
    }

    @Test func `the example of a custom transport runs without a socket and ends by itself`() async throws {
        let example = try ControlProcess([], program: ControlProcess.path(of: "CustomTransport"))
        #expect(try await example.status() == 0)
        let lines = ["client: CONNECT", "broker: CONNACK", "client: PUBLISH", "broker: PUBACK", "client: DISCONNECT"]
        #expect(example.text == lines.map { "\($0)\n" }.joined())
    }
}
