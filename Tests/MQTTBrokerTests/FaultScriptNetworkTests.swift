// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import NIOCore
import Testing

@testable import MQTTBroker

/// A script on real connections: what the bytes of a client show of it.
@Suite(.timeLimit(.minutes(5))) struct FaultScriptNetworkTests {
    private static let everything = RawClient.connect + RawClient.ping + RawClient.ping

    /// What a client gets that sends CONNECT and two PINGREQs, until the connection ends or it has as many bytes as it wants.
    private static func received(_ rules: FaultRule..., wanting count: Int = .max) async throws -> [UInt8] {
        var configuration = BrokerConfiguration()
        configuration.faults = FaultScript(rules)
        return try await withBroker(configuration) { broker in
            try await RawClient.with(port: broker.port) { client in
                try await client.send(Self.everything)
                return await client.next(count)
            }
        }
    }

    @Test func `the connection is cut at any byte of what the broker says`() async throws {
        let all = RawClient.connAck + RawClient.pong + RawClient.pong
        for count in 0..<all.count {
            let received = try await Self.received(FaultRule(.cut(atByte: count), going: .toClient))
            #expect(received == Array(all.prefix(count)))
        }
    }

    @Test func `the connection is cut at any byte of what the client says`() async throws {
        let answers: [(Int, [UInt8])] = [
            (0, []), (RawClient.connect.count - 1, []), (RawClient.connect.count, RawClient.connAck),
            (RawClient.connect.count + 1, RawClient.connAck),
            (RawClient.connect.count + 2, RawClient.connAck + RawClient.pong),
        ]
        for (count, answer) in answers {
            let received = try await Self.received(FaultRule(.cut(atByte: count)))
            #expect(received == answer, "byte \(count)")
        }
    }

    @Test func `a client is cut by its name, though that comes late`() async throws {
        #expect(
            try await Self.received(FaultRule(.cut(atByte: 3), clientID: "a")) == RawClient.connAck + RawClient.pong
                + RawClient.pong
        )
        #expect(
            try await Self.received(FaultRule(.cut(atByte: 5), going: .toClient, clientID: "a")) == RawClient.connAck
                + [0xD0]
        )
    }

    @Test(
        arguments: [
            (FaultRule(.cutBefore, on: .pingRequest, occurrences: 2...2), RawClient.connAck + RawClient.pong),
            (FaultRule(.cutAfter, on: .pingRequest, occurrences: 1...1), RawClient.connAck),
            (FaultRule(.cutBefore, on: .pingResponse, going: .toClient), RawClient.connAck),
            (FaultRule(.cutAfter, on: .pingResponse, going: .toClient), RawClient.connAck + RawClient.pong),
            (FaultRule(.refuse(.notAuthorized), on: .connect), [0x20, 2, 0, 5]),
            (FaultRule(.refuse(.notAuthorized), on: .pingRequest), RawClient.connAck),
        ] as [(FaultRule, [UInt8])]
    )
    func `a rule that ends the connection ends it there`(rule: FaultRule, answer: [UInt8]) async throws {
        #expect(try await Self.received(rule) == answer)
    }

    @Test(
        arguments: [
            (FaultRule(.drop, on: .pingRequest, occurrences: 1...1), RawClient.connAck + RawClient.pong),
            (FaultRule(.neverAnswer, on: .pingRequest, occurrences: 1...1), RawClient.connAck + RawClient.pong),
            (
                FaultRule(.duplicate, on: .pingRequest, occurrences: 1...1),
                RawClient.connAck + RawClient.pong + RawClient.pong + RawClient.pong
            ),
            (
                FaultRule(.malformed([1, 2, 3]), on: .pingResponse, going: .toClient, occurrences: 1...1),
                RawClient.connAck + [1, 2, 3] + RawClient.pong
            ),
            (
                FaultRule(.delay(.milliseconds(20)), on: .pingResponse, going: .toClient, occurrences: 1...1),
                RawClient.connAck + RawClient.pong + RawClient.pong
            ),
            (FaultRule(.delay(.milliseconds(20))), RawClient.connAck + RawClient.pong + RawClient.pong),
        ] as [(FaultRule, [UInt8])]
    )
    func `a rule that leaves the connection changes what comes`(rule: FaultRule, answer: [UInt8]) async throws {
        #expect(try await Self.received(rule, wanting: answer.count) == answer)
    }

    @Test func `a delay lasts as long as it is told, by the clock of the loop`() async throws {
        let clock = ContinuousClock()
        let time = try await clock.measure {
            _ = try await Self.received(FaultRule(.delay(.milliseconds(300)), on: .connect), wanting: 8)
        }
        #expect(time >= .milliseconds(300))
    }

    @Test func `a broker that stops reading leaves the connection open`() async throws {
        var configuration = BrokerConfiguration()
        configuration.faults = [FaultRule(.stopReading, on: .pingRequest)]
        try await withBroker(configuration) { broker in
            try await RawClient.with(port: broker.port) { client in
                try await client.send(Self.everything)
                #expect(await client.next(4) == RawClient.connAck)
                try await broker.restart(keepingSessions: true)
                #expect(await client.rest() == [])
            }
        }
    }

    @Test func `a script set while the broker runs means the connections that stand, and may be taken back`()
        async throws
    {
        try await withBroker { broker in
            try await RawClient.with(port: broker.port) { client in
                try await client.send(RawClient.connect)
                #expect(await client.next(4) == RawClient.connAck)
                broker.faults = [FaultRule(.malformed([9]), on: .pingRequest, clientID: "a")]
                try await client.send(RawClient.ping)
                #expect(await client.next(3) == [9] + RawClient.pong)
                broker.faults = .none
                try await client.send(RawClient.ping)
                #expect(await client.next(2) == RawClient.pong)
            }
        }
    }

    @Test func `connections are counted from one`() async throws {
        var configuration = BrokerConfiguration()
        configuration.faults = [FaultRule(.cutBefore, on: .connAck, going: .toClient, connection: 2)]
        try await withBroker(configuration) { broker in
            for number in 1...3 {
                try await RawClient.with(port: broker.port) { client in
                    try await client.send(RawClient.connect)
                    #expect(await client.next(4) == (number == 2 ? [] : RawClient.connAck))
                }
            }
        }
    }

    @Test func `what goes to many goes through the script, too`() async throws {
        try await withBroker { broker in
            try await MQTTClient<V5>.withClient(to: broker.endpoint, clientID: "a") { client in
                let subscription = try await client.subscribe(to: "t")
                broker.faults = [FaultRule(.drop, on: .publish, going: .toClient, occurrences: 1...1)]
                try await broker.publish("lost", to: "t")
                try await broker.publish("there", to: "t")
                var messages = subscription.makeAsyncIterator()
                #expect(try await messages.next()?.payload == ByteBuffer(string: "there"))
            }
        }
    }
}
