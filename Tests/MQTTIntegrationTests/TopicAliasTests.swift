// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MosquittoFixture
import NIOCore
import Testing

/// Topic aliases against Mosquitto 2.0, which takes 10 from each client unless told otherwise and sends none itself.
@Suite(.timeLimit(.minutes(10))) struct TopicAliasTests {
    @Test(.sends("5:MQTT-3.2.2-17", "5:MQTT-3.3.2-7", "5:MQTT-3.3.2-9"), arguments: QoS.allCases)
    func `a broker resolves what goes out under aliases, for more topics than it takes, over a cut connection`(
        qos: QoS
    ) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let root = unique("aliases")
            try await CuttingProxy.withProxy(to: server.port) { proxy in
                try await MQTT5Client.connected(server.port) { reader in
                    let messages = try await reader.subscribe(to: "\(root)/#", qos: qos)
                    try await MQTT5Client.connected(
                        proxy.port,
                        keepsSession: true,
                        { configuration in
                            configuration.outboundTopicAliases = .automatic()
                            configuration.offline.publishAtMostOnce = .wait
                        },
                        body: { writer in try await Self.publish(root, qos, writer, messages, proxy) }
                    )
                }
            }
        }
    }

    /// Two rounds of messages that say their topic, with a cut between them; the QoS 1 and 2 ones are under way then.
    private static func publish(
        _ root: String,
        _ qos: QoS,
        _ writer: MQTT5Client,
        _ messages: MQTTSubscription,
        _ proxy: CuttingProxy
    ) async throws {
        var events = writer.events.makeAsyncIterator()
        let session = try await writer.connect()
        #expect(session.limits.topicAliasMaximum == 10)
        for round in 0..<2 {
            var receipts: [PublishReceipt] = []
            for number in 0..<500 {
                // 14 topics, some of them more often than others.
                let topic = "\(root)/\(number * number % 26)"
                receipts.append(try writer.enqueue(topic, to: topic, qos: qos))
            }
            if round == 0, qos != .atMostOnce {
                try await proxy.cut()
                try await wait(for: "the loss", in: &events) { $0.isDisconnected }
                try await wait(for: "the next connection", in: &events) { $0.isConnected }
            }
            for receipt in receipts { try await receipt.outcome() }
            try await writer.publish("end", to: "\(root)/end", qos: qos)
            let taken = try await messages.take(until: "end")
            #expect(taken.count >= 500)
            #expect(taken.allSatisfy { $0.text == $0.topic })
        }
    }

    @Test func `aliases spare the bytes of the topics`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique(String(repeating: "long/", count: 40))
            func bytes(_ policy: TopicAliasPolicy, _ properties: Properties = []) async throws -> Int {
                try await CuttingProxy.withProxy(to: server.port) { proxy in
                    try await MQTT5Client.connected(proxy.port, { $0.outboundTopicAliases = policy }) { client in
                        for _ in 0..<100 { try await client.publish("x", to: topic, properties: properties) }
                        try await client.publish("x", to: topic, qos: .exactlyOnce)
                        return try await proxy.forwardedBytes(.clientToServer)
                    }
                }
            }
            let plain = try await bytes(.manual)
            #expect(plain > 20_000)
            #expect(try await bytes(.automatic()) < 2_000)
            #expect(try await bytes(.manual, [.topicAlias(10)]) < 2_000)
        }
    }
}
