// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTBroker
import MosquittoFixture
import Testing

/// Clients that are not ours find a broker that keeps the standards.
@Suite(.timeLimit(.minutes(5))) struct ForeignClientTests {
    /// The program's name of a version, and a name for topics.
    private static let versions = [("mqttv31", "31"), ("mqttv311", "311"), ("mqttv5", "5")]

    private static func place(_ broker: Broker, _ version: String) -> [String] {
        ["-h", "127.0.0.1", "-p", "\(broker.port)", "-V", version]
    }

    /// Returns when a client of this identifier has subscribed.
    private static func subscription(of clientID: String, in events: AsyncStream<BrokerEvent>) async {
        for await event in events {
            if case .subscribed(clientID, _, let reason) = event, !reason.isError { return }
        }
    }

    @Test(arguments: versions, [0, 1, 2])
    func `mosquitto_pub and mosquitto_sub`(version: (String, String), qos: Int) async throws {
        try await withBroker { broker in
            let events = broker.events
            let sub = try ForeignProgram(
                "mosquitto_sub",
                Self.place(broker, version.0) + [
                    "-i", "sub", "-t", "a/#", "-q", "\(qos)", "-C", "3", "-F", "%t %q %r %p",
                ]
            )
            await Self.subscription(of: "sub", in: events)
            for number in 1...3 {
                try await ForeignProgram(
                    "mosquitto_pub",
                    Self.place(broker, version.0) + ["-t", "a/\(number)", "-q", "\(qos)", "-m", "m\(number)"]
                ).succeed()
            }
            let lines = try await sub.succeed()
            #expect(lines == (1...3).map { "a/\($0) \(qos) 0 m\($0)\n" }.joined())
            // Retained: who comes later gets it.
            try await ForeignProgram(
                "mosquitto_pub",
                Self.place(broker, version.0) + ["-t", "kept", "-q", "\(qos)", "-r", "-m", "k"]
            ).succeed()
            let late = try ForeignProgram(
                "mosquitto_sub",
                Self.place(broker, version.0) + ["-t", "kept", "-q", "2", "-C", "1", "-F", "%t %q %r %p"]
            )
            #expect(try await late.succeed() == "kept \(qos) 1 k\n")
        }
    }

    @Test func `mosquitto_rr gets its reply`() async throws {
        try await withBroker { broker in
            let events = broker.events
            let request = try ForeignProgram(
                "mosquitto_rr",
                Self.place(broker, "mqttv5") + ["-i", "rr", "-t", "ask", "-e", "answer", "-m", "question", "-q", "1"]
            )
            await Self.subscription(of: "rr", in: events)
            try await broker.publish("reply", to: "answer", qos: .atLeastOnce)
            #expect(try await request.succeed() == "reply\n")
        }
    }

    @Test func `a file of many lines arrives whole and in order at QoS 2`() async throws {
        try await withBroker { broker in
            let events = broker.events
            let sub = try ForeignProgram(
                "mosquitto_sub",
                Self.place(broker, "mqttv5") + ["-i", "sub", "-t", "many", "-q", "2", "-C", "2000"]
            )
            await Self.subscription(of: "sub", in: events)
            let count = 2_000
            for number in 0..<count { try await broker.publish("\(number)", to: "many", qos: .exactlyOnce) }
            #expect(try await sub.succeed() == (0..<count).map { "\($0)\n" }.joined())
        }
    }

    @Test(arguments: ["Foreign/paho_round.py", "Foreign/zmqtt_round.py"])
    func `Python clients of every version get what is theirs`(script: String) async throws {
        try await withBroker { broker in
            let output = try await ForeignProgram(script, ["127.0.0.1", "\(broker.port)"], from: #filePath).succeed()
            #expect(output.contains("5") && output.hasSuffix("ok\n"), "\(output)")
        }
    }
}
