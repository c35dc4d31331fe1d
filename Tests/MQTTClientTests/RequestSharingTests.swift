// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

@testable import MQTT

/// Many requests on one subscription.
@Suite(.timeLimit(.minutes(10)))
struct RequestSharingTests {
    @Test func `requests that follow one another find the subscription, which ends when it was idle for long enough`()
        async throws
    {
        let asking = try await Asking.connected { $0.requests.idleLimit = .seconds(1) }
        for number in 0..<10 {
            let request = asking.ask("\(number)")
            if number == 0 { try await asking.peer.acceptSubscribe() }
            try await asking.peer.send(try await asking.peer.nextPublish().reply("re \(number)"))
            #expect(try await request.value == "re \(number)")
            try await asking.world.advance(by: .milliseconds(900))
        }
        #expect(try await asking.isSilent())
        try await asking.world.advance(by: .milliseconds(100))
        try await asking.peer.acceptUnsubscribe()
        asking.expectNothingLeft()
        let request = asking.ask()
        try await asking.peer.acceptSubscribe()
        try await asking.peer.send(try await asking.peer.nextPublish().reply("4"))
        #expect(try await request.value == "4")
    }

    @Test func `requests with one response topic share its subscription until the last has ended`() async throws {
        let asking = try await Asking.connected()
        let requests = (0..<3).map { asking.ask("\($0)", properties: [.responseTopic("r")]) }
        try await asking.peer.acceptSubscribe()
        for (number, request) in requests.enumerated() {
            if number == 0 { try await RequestEndTests.untilPending(3, asking) }
            request.cancel()
            #expect(await code(of: request) == .cancelled)
        }
        var published = 0
        while case .publish = try await asking.peer.next() { published += 1 }
        #expect(published == 3)
        #expect(try await asking.isSilent())
        asking.expectNothingLeft()
    }

    @Test func `a request with a higher QoS raises that of the subscription, and no reply is lost`() async throws {
        let asking = try await Asking.connected()
        let first = asking.ask("1", properties: [.responseTopic("r")])
        #expect(try await asking.peer.acceptSubscribe().entries.map(\.options.qos) == [.atMostOnce])
        let one = try await asking.peer.nextPublish()
        let second = asking.ask("2", qos: .exactlyOnce, properties: [.responseTopic("r")])
        let subscribe = try await asking.peer.nextSubscribe()
        #expect(subscribe.entries.map(\.options.qos) == [.exactlyOnce])
        // Replies come all the while.
        try await asking.peer.send(one.reply("re 1"))
        #expect(try await first.value == "re 1")
        #expect(try await asking.isSilent())
        try await asking.peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.grantedQoS2])))
        let two = try await asking.peer.nextPublish()
        let third = asking.ask("3", qos: .atLeastOnce, properties: [.responseTopic("r")])
        let three = try await asking.peer.nextPublish()
        try await asking.peer.send(three.reply("re 3"), two.reply("re 2"))
        #expect(try await second.value == "re 2")
        #expect(try await third.value == "re 3")
        try await asking.peer.acceptUnsubscribe()
        asking.expectNothingLeft()
    }

    @Test(arguments: [nil, "shared/replies"])
    func `256 requests at a time get their own replies, in whatever order these come`(topic: String?) async throws {
        let asking = try await Asking.connected { $0.requests.idleLimit = .seconds(60) }
        let (perTask, tasks) = (20, 256)
        let client = asking.client
        let crossed = Task {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for task in 0..<tasks {
                    group.addTask {
                        var crossed = 0
                        for number in 0..<perTask {
                            let properties: Properties = topic.map { [.responseTopic($0)] } ?? []
                            let text = "\(task)/\(number)"
                            let reply = try await client.request(text, to: "echo", properties: properties)
                            if reply.text != text { crossed += 1 }
                        }
                        return crossed
                    }
                }
                return try await group.reduce(0, +)
            }
        }
        var random = SeededGenerator(state: 7)
        try await asking.peer.acceptSubscribe()
        var answered = 0
        var held: [Packet] = []
        while answered < perTask * tasks {
            let publish = try await asking.peer.nextPublish()
            held.append(.publish(publish.echo))
            let left = perTask * tasks - answered
            // Never more than half of those that wait are held back.
            guard held.count >= min(128, left) else { continue }
            answered += held.count
            try await asking.peer.send(held.shuffled(using: &random))
            held = []
        }
        #expect(try await crossed.value == 0)
        try await asking.world.advance(by: .seconds(60))
        try await asking.peer.acceptUnsubscribe()
        asking.expectNothingLeft()
    }
}

extension Publish {
    /// The reply that says what the request did.
    fileprivate var echo: Publish {
        var reply = Publish(topic: self.properties.responseTopic ?? "", payload: self.payload)
        reply.properties.correlationData = self.properties.correlationData
        return reply
    }
}
