// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import NIOCore
import Testing

/// What every way to a broker has to carry.
enum Roads {
    /// Messages of every QoS, small and of 1 MiB, come back over `endpoint`.
    static func carryMessages<V: TestVersion>(_: V.Type, over endpoint: Endpoint) async throws {
        let large = ByteBuffer(bytes: (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
        let topic = unique("road")
        try await MQTTClient<V>.withClient(to: endpoint, clientID: unique("c")) { client in
            let subscription = try await client.subscribe(to: topic, qos: .exactlyOnce)
            for qos in QoS.allCases {
                try await client.publish("at \(qos.rawValue)", to: topic, qos: qos)
                try await client.publish(large, to: topic, qos: qos)
            }
            let messages = try await subscription.take(6)
            for (index, message) in messages.enumerated() {
                if index.isMultiple(of: 2) {
                    #expect(message.text == "at \(index / 2)", "over \(endpoint)")
                } else {
                    #expect(message.payload == large, "message \(index) over \(endpoint)")
                }
                #expect(message.qos.rawValue == index / 2)
            }
            // Many small ones share reads and frames.
            for number in 0..<2_000 { try client.enqueue(number, to: topic, qos: .atLeastOnce) }
            #expect(try await subscription.take(2_000).compactMap(\.text) == (0..<2_000).map(String.init))
        }
    }

    /// The client comes back over `endpoint` when the broker was restarted, and messages flow again.
    static func outliveRestarts<V: TestVersion>(
        _: V.Type,
        of server: MosquittoServer,
        over endpoint: Endpoint
    ) async throws {
        var configuration = MQTTClient<V>.Configuration()
        configuration.reconnect = .fast
        configuration.handshakeTimeout = .seconds(100)
        configuration.pingTimeout = .seconds(100)
        // It is about the attempts behind the first.
        configuration.retriesFirstAttempt = true
        let client = MQTTClient<V>(to: endpoint, clientID: unique("c"), configuration: configuration)
        var events = client.events.makeAsyncIterator()
        try await client.connect()
        try await wait(for: "connected", in: &events) { $0.isConnected }
        let topic = unique("restart")
        let subscription = try await client.subscribe(to: topic, qos: .atLeastOnce)
        for number in 0..<3 {
            if number > 0 {
                try await server.restart()
                try await wait(for: "connected", in: &events) { $0.isConnected }
            }
            try await client.publish("\(number)", to: topic, qos: .atLeastOnce)
            #expect(try await subscription.take(1)[0].text == "\(number)")
        }
        await client.disconnect()
    }
}
