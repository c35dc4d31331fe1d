// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import NIOCore
import Testing

/// Several subscriptions of one client whose filters meet.
@Suite(.timeLimit(.minutes(10))) struct SharedFilterTests {
    @Test(arguments: TestedVersion.allCases)
    func `two subscriptions with one filter each get every message once`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("twice")
                try await MQTTClient<V>.connected(server.port) { client in
                    let first = try await client.subscribe(to: topic, qos: .exactlyOnce)
                    let second = try await client.subscribe(to: topic, qos: .atLeastOnce)
                    for qos in QoS.allCases { try await client.publish("\(qos.rawValue)", to: topic, qos: qos) }
                    try await client.publish("end", to: topic, qos: .exactlyOnce)
                    #expect(try await first.take(until: "end").map(\.text) == ["0", "1", "2"])
                    #expect(try await second.take(until: "end").map(\.text) == ["0", "1", "2"])
                    // The filter stays while one of them is left.
                    await first.unsubscribe()
                    try await client.publish("for the second", to: topic, qos: .exactlyOnce)
                    #expect(try await second.take(1)[0].text == "for the second")
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: TestedVersion.allCases)
    func `subscriptions that overlap each get every message once`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let root = unique("overlap")
                try await MQTTClient<V>.connected(server.port) { client in
                    let wide = try await client.subscribe(to: "\(root)/#", qos: .exactlyOnce)
                    let narrow = try await client.subscribe(to: "\(root)/b", qos: .exactlyOnce)
                    for qos in QoS.allCases { try await client.publish("\(qos.rawValue)", to: "\(root)/b", qos: qos) }
                    try await client.publish("end", to: "\(root)/b", qos: .exactlyOnce)
                    let texts = (
                        wide: try await wide.take(until: "end").map(\.text),
                        narrow: try await narrow.take(until: "end").map(\.text)
                    )
                    // On 5.0 Mosquitto sends a copy for each filter; their identifiers say whose is which.
                    #expect(texts.wide == ["0", "1", "2"])
                    #expect(texts.narrow == ["0", "1", "2"])
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: TestedVersion.allCases)
    func `one subscription with filters that overlap gets every message once`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let root = unique("own")
                try await MQTTClient<V>.connected(server.port) { client in
                    let filters = ["\(root)/#", "\(root)/b", "\(root)/+"]
                    let messages = try await client.subscribe(to: filters, qos: .exactlyOnce)
                    for qos in QoS.allCases { try await client.publish("\(qos.rawValue)", to: "\(root)/b", qos: qos) }
                    try await client.publish("end", to: "\(root)/b", qos: .exactlyOnce)
                    #expect(try await messages.take(until: "end").map(\.text) == ["0", "1", "2"])
                }
            }
        }
        try await run(version.type)
    }
}
