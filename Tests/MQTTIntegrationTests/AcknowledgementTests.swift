// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Testing

/// When a received message counts as received.
@Suite(.timeLimit(.minutes(10))) struct AcknowledgementTests {
    @Test(arguments: TestedVersion.allCases)
    func `an unacknowledged message comes again on the next connection`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("manual")
                try await CuttingProxy.withProxy(to: server.port) { proxy in
                    try await MQTTClient<V>.connected(proxy.port, keepsSession: true) { client in
                        var events = client.events.makeAsyncIterator()
                        let settings = SubscriptionSettings(acknowledgement: .manual)
                        let messages = try await client.subscribe(to: topic, qos: .atLeastOnce, settings: settings)
                        for number in 1...3 { try await client.publish(number, to: topic, qos: .atLeastOnce) }
                        let first = try await messages.take(3)
                        #expect(first.map(\.text) == ["1", "2", "3"])
                        first[0].acknowledge()
                        first[0].acknowledge()
                        try await client.ping()
                        try await proxy.cut()
                        try await wait(for: "the loss", in: &events) { $0.isDisconnected }
                        try await wait(for: "connected", in: &events) { $0.isConnected }
                        let again = try await messages.take(2)
                        #expect(again.map(\.text) == ["2", "3"])
                        #expect(again.map(\.isDuplicate) == [true, true])
                        // Of a connection that is gone: harmless.
                        first[1].acknowledge()
                        for message in again { message.acknowledge() }
                        try await client.publish("4", to: topic, qos: .atLeastOnce)
                        #expect(try await messages.take(1)[0].text == "4")
                    }
                }
            }
        }
        try await run(version.type)
    }

    @Test func `acknowledgements leave in the order of arrival`() async throws {
        try await withDeadline {
            try await ScriptedServer.with { connection, _ in
                _ = try await connection.packet()
                try await connection.write(Bytes.connAck5)
                let subscribe = try await connection.packet()
                try await connection.write([0x90, 4, subscribe[2], subscribe[3], 0, 2])
                try await connection.write(Bytes.publish5("t", qos: 1, id: 11) + Bytes.publish5("t", qos: 2, id: 12))
                try await connection.write(Bytes.publish5("t", qos: 1, id: 13))
                #expect(try await connection.packet() == [0x40, 2, 0, 11])
                #expect(try await connection.packet() == [0x50, 2, 0, 12])
                #expect(try await connection.packet() == [0x40, 2, 0, 13])
                try await connection.write(Bytes.publish5("t", qos: 0, id: 0))
                _ = try await connection.rest()
            } _: { port in
                try await MQTT5Client.connected(port) { client in
                    let settings = SubscriptionSettings(acknowledgement: .manual)
                    let messages = try await client.subscribe(to: "t", qos: .exactlyOnce, settings: settings)
                    let taken = try await messages.take(3)
                    for message in taken.reversed() { message.acknowledge() }
                    // Sent when all three acknowledgements have come.
                    #expect(try await messages.take(1)[0].qos == .atMostOnce)
                }
            }
        }
    }

    @Test(arguments: [AcknowledgementPolicy.onHandOver, .onArrival])
    func `a message is acknowledged on hand-over or on arrival`(policy: AcknowledgementPolicy) async throws {
        try await withDeadline {
            let (taken, signal) = AsyncStream.makeStream(of: Void.self)
            try await ScriptedServer.with { connection, _ in
                _ = try await connection.packet()
                try await connection.write(Bytes.connAck5)
                let subscribe = try await connection.packet()
                try await connection.write([0x90, 4, subscribe[2], subscribe[3], 0, 2])
                try await connection.write(Bytes.publish5("t", qos: 1, id: 11))
                // Not taken yet: the client takes the message when its ping is answered.
                let (acknowledgement, ping): ([UInt8], [UInt8]) = ([0x40, 2, 0, 11], [0xC0, 0])
                if policy == .onArrival {
                    // It may ask for the ping before the message is there.
                    let packets = [try await connection.packet(), try await connection.packet()]
                    #expect(Set(packets) == [acknowledgement, ping])
                } else {
                    #expect(try await connection.packet() == ping)
                }
                try await connection.write(Bytes.pingResponse)
                if policy == .onHandOver { #expect(try await connection.packet() == acknowledgement) }
                signal.finish()
                _ = try await connection.rest()
            } _: { port in
                try await MQTT5Client.connected(port) { client in
                    let settings = SubscriptionSettings(acknowledgement: policy)
                    let messages = try await client.subscribe(to: "t", qos: .exactlyOnce, settings: settings)
                    try await client.ping()
                    #expect(try await messages.take(1)[0].packetIdentifier == 11)
                    for await _ in taken {}
                }
            }
        }
    }

    @Test(arguments: TestedVersion.allCases)
    func `a slow consumer loses nothing`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("slow")
                try await MQTTClient<V>.connected(server.port) { publisher in
                    try await MQTTClient<V>.connected(server.port) { client in
                        let settings = SubscriptionSettings(bufferSize: 2)
                        let filter = "\(topic)/#"
                        let messages = try await client.subscribe(to: filter, qos: .exactlyOnce, settings: settings)
                        for number in 0..<200 {
                            try await publisher.publish(number, to: "\(topic)/least", qos: .atLeastOnce)
                            try await publisher.publish(number, to: "\(topic)/once", qos: .exactlyOnce)
                        }
                        try await client.ping()
                        var ledger = Ledger()
                        for message in try await messages.take(400) { ledger.note(message) }
                        for name in ["least", "once"] { ledger.check("\(topic)/\(name)", count: 200, once: true) }
                    }
                }
            }
        }
        try await run(version.type)
    }
}
