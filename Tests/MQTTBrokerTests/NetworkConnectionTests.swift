// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTWire
import NIOCore
import Synchronization
import Testing

@testable import MQTTBroker

/// What a connection does with bytes, whoever sends them.
@Suite(.timeLimit(.minutes(5))) struct NetworkConnectionTests {
    @Test(.serves("3.1.1:MQTT-7.1.1-1"))
    func `packets may come byte by byte, and many at once`() async throws {
        try await withBroker { broker in
            try await RawClient.with(port: broker.port) { client in
                for byte in RawClient.connect + RawClient.ping { try await client.send([byte]) }
                #expect(await client.next(6) == RawClient.connAck + RawClient.pong)
                try await client.send(Array(repeating: RawClient.ping, count: 1_000).flatMap { $0 })
                #expect(await client.next(2_000) == Array(repeating: RawClient.pong, count: 1_000).flatMap { $0 })
                try await client.send(RawClient.disconnect)
                #expect(await client.rest() == [])
            }
        }
    }

    @Test(
        arguments: [[0x47, 0x45, 0x54, 0x20], [0x00], [0x16, 0x03, 0x01, 0x00], [0x10, 0xFF, 0xFF, 0xFF, 0xFF]]
            as [[UInt8]]
    )
    func `what is no MQTT is closed at once`(bytes: [UInt8]) async throws {
        try await withBroker { broker in
            try await RawClient.with(port: broker.port) { client in
                try await client.send(bytes)
                _ = await client.rest()
            }
        }
    }

    @Test func `a CONNECT may be as long as configured, and no longer`() async throws {
        var configuration = BrokerConfiguration()
        configuration.firstPacketSize = 1_000
        try await withBroker(configuration) { broker in
            try await RawClient.with(port: broker.port) { client in
                // 1,001 bytes are announced: the rest is not waited for.
                try await client.send([0x10, 0xE6, 0x07])
                _ = await client.rest()
            }
            try await RawClient.with(port: broker.port) { client in
                let long = Array(repeating: UInt8(ascii: "a"), count: 985)
                try await client.send([0x10, 0xE5, 0x07, 0, 4] + Array("MQTT".utf8) + [4, 2, 0, 0, 3, 0xD9] + long)
                #expect(await client.next(4) == RawClient.connAck)
            }
        }
    }

    @Test func `while the user's code thinks, what comes behind waits, and counts even if the client has gone`()
        async throws
    {
        let (asked, ask) = AsyncStream.makeStream(of: CheckedContinuation<ReasonCode, Never>.self)
        var configuration = BrokerConfiguration()
        configuration.authenticate = { attempt in
            #expect(attempt.clientID == "a" && attempt.version == .v311 && attempt.remoteAddress != nil)
            return await withCheckedContinuation { ask.yield($0) }
        }
        try await withBroker(configuration) { broker in
            let events = broker.events
            try await RawClient.with(port: broker.port) { client in
                // PUBLISH of topic "t".
                try await client.send(RawClient.connect + [0x30, 3, 0, 1, UInt8(ascii: "t")] + RawClient.disconnect)
            }
            for await answer in asked {
                answer.resume(returning: .success)
                break
            }
            #expect(await events.first { $0.publishedTopic == "t" || $0.isDisconnected }?.publishedTopic == "t")
        }
    }

    @Test func `others go on while the user's code thinks`() async throws {
        let (asked, ask) = AsyncStream.makeStream(of: CheckedContinuation<ReasonCode, Never>.self)
        var configuration = BrokerConfiguration()
        configuration.authenticate = { attempt in
            attempt.clientID == "a" ? await withCheckedContinuation { ask.yield($0) } : .success
        }
        try await withBroker(configuration) { broker in
            try await RawClient.with(port: broker.port) { slow in
                try await slow.send(RawClient.connect)
                try await MQTTClient<V5>.withClient(to: broker.endpoint, clientID: "b") { client in
                    try await client.ping()
                }
                for await answer in asked {
                    answer.resume(returning: .notAuthorized)
                    break
                }
                #expect(await slow.rest() == [0x20, 2, 0, 5])
            }
        }
    }

    @Test func `a client that never reads is closed when more than the bound waits`() async throws {
        var configuration = BrokerConfiguration()
        configuration.outboundBytes = 8 << 20
        configuration.faults = [
            FaultRule(.malformed(Array(repeating: 0xD0, count: 1 << 18)), on: .pingResponse, going: .toClient)
        ]
        try await withBroker(configuration) { broker in
            let events = broker.events
            try await RawClient.with(port: broker.port, reads: false) { client in
                try await client.send(RawClient.connect)
                // The last ones may come too late.
                for _ in 0..<64 { try? await client.send(RawClient.ping) }
                #expect(await events.first(\.isDisconnected) != nil)
            }
        }
    }

    @Test func `a subscriber that never reads loses messages, and nobody waits for it`() async throws {
        var configuration = BrokerConfiguration()
        configuration.limits.queuedBytes = 1 << 20
        try await withBroker(configuration) { broker in
            let events = broker.events
            try await RawClient.with(port: broker.port, reads: false) { slow in
                // SUBSCRIBE to "t".
                try await slow.send(RawClient.connect + [0x82, 6, 0, 1, 0, 1, UInt8(ascii: "t"), 0])
                let subscribed = await events.first { if case .subscribed("a", "t", _) = $0 { true } else { false } }
                #expect(subscribed != nil)
                try await MQTTClient<V5>.withClient(to: broker.endpoint, clientID: "b") { client in
                    let payload = ByteBuffer(repeating: 1, count: 1 << 18)
                    for _ in 0..<100 { try await client.publish(payload, to: "t", qos: .atLeastOnce) }
                }
                #expect(await events.first { $0 == .dropped(clientID: "a", topic: "t") } != nil)
            }
        }
    }

    @Test func `a client that closes its side only gets what it is owed`() async throws {
        try await withBroker { broker in
            try await RawClient.with(port: broker.port) { client in
                try await client.send(RawClient.connect + RawClient.ping + RawClient.disconnect)
                #expect(await client.rest() == RawClient.connAck + RawClient.pong)
            }
        }
    }
}
