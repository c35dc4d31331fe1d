// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MosquittoFixture
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(10))) struct RoundTripTests {
    @Test(.sends("3.1.1:MQTT-7.0.0-2"), .receives("3.1.1:MQTT-7.0.0-2"), arguments: TestedVersion.allCases)
    func `a message comes back as it was sent, at every QoS`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("round/trip")
                try await MQTTClient<V>.connected(server.port) { client in
                    let subscription = try await client.subscribe(to: topic, qos: .exactlyOnce)
                    #expect(subscription.reasons == [.grantedQoS2])
                    for qos in QoS.allCases {
                        try await client.publish("payload at \(qos.rawValue)", to: topic, qos: qos)
                    }
                    let messages = try await subscription.take(3)
                    #expect(messages.map(\.text) == ["payload at 0", "payload at 1", "payload at 2"])
                    #expect(messages.map(\.qos) == QoS.allCases)
                    #expect(messages.allSatisfy { $0.topic == topic && !$0.retain && !$0.isDuplicate })
                    #expect(messages[0].packetIdentifier == nil && messages[1].packetIdentifier != nil)
                    await subscription.unsubscribe()
                }
            }
        }
        try await run(version.type)
    }

    @Test(.sends("5:MQTT-4.2-1"), .receives("5:MQTT-4.2-1"), arguments: TestedVersion.allCases)
    func `empty and large payloads come through, plain and over TLS`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let tls = TLSSettings(trust: .file(server.caFile))
                let large = ByteBuffer(bytes: (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
                for endpoint in [
                    Endpoint.tcp("127.0.0.1", port: server.port), .tls("localhost", port: server.tlsPort, tls),
                    .tls("127.0.0.1", port: server.tlsPort, tls),
                ] {
                    let topic = unique("large")
                    try await MQTTClient<V>.withClient(to: endpoint, clientID: unique("c")) { client in
                        let subscription = try await client.subscribe(to: topic, qos: .exactlyOnce)
                        for qos in QoS.allCases {
                            try await client.publish(to: topic, qos: qos)
                            try await client.publish(large, to: topic, qos: qos)
                        }
                        let messages = try await subscription.take(6)
                        for (index, message) in messages.enumerated() {
                            let wanted = index.isMultiple(of: 2) ? ByteBuffer() : large
                            #expect(message.payload == wanted, "message \(index) over \(endpoint)")
                        }
                    }
                }
            }
        }
        try await run(version.type)
    }

    @Test(
        .sends("5:MQTT-3.3.1-6", "3.1.1:MQTT-3.3.1-10"),
        .receives("5:MQTT-3.3.1-6", "3.1.1:MQTT-3.3.1-8", "3.1.1:MQTT-3.3.1-10"),
        arguments: TestedVersion.allCases
    )
    func `a retained message comes to a later subscriber until it is cleared`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("kept")
                try await MQTTClient<V>.connected(server.port) { client in
                    try await client.publish("kept", to: topic, qos: .atLeastOnce, retain: true)
                    try await client.subscribe(to: topic, qos: .atLeastOnce) { messages in
                        let message = try #require(try await messages.next())
                        #expect(message.text == "kept" && message.retain)
                        // While subscribed, it is a message like any other.
                        try await client.publish("live", to: topic, qos: .atLeastOnce, retain: true)
                        let live = try #require(try await messages.next())
                        #expect(live.text == "live" && !live.retain)
                    }
                    try await client.publish(to: topic, qos: .atLeastOnce, retain: true)
                    try await client.subscribe(to: topic, qos: .atLeastOnce) { messages in
                        try await client.publish("nothing kept before", to: topic, qos: .atLeastOnce)
                        let message = try #require(try await messages.next())
                        #expect(message.text == "nothing kept before" && !message.retain)
                    }
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: TestedVersion.allCases)
    func `topics beyond ASCII and wildcards come through`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let root = unique("håus")
                try await MQTTClient<V>.connected(server.port) { client in
                    let subscription = try await client.subscribe(to: "\(root)/+/温度/#", qos: .atLeastOnce)
                    try await client.publish("1", to: "\(root)/küche/温度/🌡️/oben", qos: .atLeastOnce)
                    try await client.publish("2", to: "\(root)//温度", qos: .atLeastOnce)
                    let messages = try await subscription.take(2)
                    #expect(messages[0].topic == "\(root)/küche/温度/🌡️/oben")
                    #expect(messages[0].captures == ["küche", "🌡️/oben"])
                    #expect(messages[0].filter.string == "\(root)/+/温度/#")
                    #expect(messages[1].topic == "\(root)//温度")
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: TestedVersion.allCases)
    func `one subscription may have several filters, and ends with unsubscribe`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let root = unique("several")
                try await MQTTClient<V>.connected(server.port) { client in
                    let filters = try await client.subscribe(
                        to: "\(root)/a",
                        "\(root)/b/+",
                        "\(root)/c/#",
                        qos: .atLeastOnce
                    )
                    #expect(filters.reasons == [.grantedQoS1, .grantedQoS1, .grantedQoS1])
                    for topic in ["a", "b/1", "c/2/3", "nobody's"] {
                        try await client.publish(topic, to: "\(root)/\(topic)", qos: .atLeastOnce)
                    }
                    let messages = try await filters.take(3)
                    #expect(messages.map(\.text) == ["a", "b/1", "c/2/3"])
                    #expect(messages.map(\.filter.string) == ["\(root)/a", "\(root)/b/+", "\(root)/c/#"])
                    await filters.unsubscribe()
                    #expect(try await filters.next() == nil)
                    // The server has forgotten them: nothing unmatched comes before the next message.
                    var events = client.events.makeAsyncIterator()
                    try await client.publish("late", to: "\(root)/a", qos: .atLeastOnce)
                    let other = try await client.subscribe(to: "\(root)/d", qos: .atLeastOnce)
                    try await client.publish("marker", to: "\(root)/d", qos: .atLeastOnce)
                    #expect(try await other.take(1)[0].text == "marker")
                    await client.disconnect()
                    let event = try #require(await events.next(isolation: #isolation))
                    #expect(event.isDisconnected, "\(event)")
                }
            }
        }
        try await run(version.type)
    }
}
