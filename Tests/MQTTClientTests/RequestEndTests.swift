// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Synchronization
import Testing

@testable import MQTT

/// How requests end without a reply, and that nothing is left of them.
@Suite(.timeLimit(.minutes(10)))
struct RequestEndTests {
    @Test func `without a reply a request times out, and a late reply is acknowledged and dropped`() async throws {
        let asking = try await Asking.connected { $0.requests.idleLimit = .seconds(2) }
        var events = asking.client.events.makeAsyncIterator()
        let request = asking.ask(qos: .atLeastOnce, timeout: .seconds(5))
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        let id = try #require(publish.packetID)
        try await asking.peer.send(.pubAck(Acknowledgement(packetID: id)))
        try await asking.world.advance(by: .milliseconds(4_999))
        #expect(try await asking.isSilent())
        try await asking.world.advance(by: .milliseconds(1))
        #expect(await code(of: request) == .timedOut)
        try await asking.peer.send(publish.reply("late", qos: .atLeastOnce, id: .first))
        try await asking.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
        guard case .unmatchedMessage = await events.next(isolation: #isolation) else { throw UnexpectedPacket() }
        try await asking.world.advance(by: .seconds(2))
        try await asking.peer.acceptUnsubscribe()
        // The server may have sent it before it took the UNSUBSCRIBE.
        try await asking.peer.send(publish.reply("later", qos: .atLeastOnce, id: PacketID.first.next))
        try await asking.peer.expect(.pubAck(Acknowledgement(packetID: PacketID.first.next)))
        asking.expectNothingLeft()
    }

    @Test func `a timeout ends a request at every step`() async throws {
        let asking = try await Asking.connected()
        let first = asking.ask(timeout: .seconds(5))
        let subscribe = try await asking.peer.nextSubscribe()
        try await asking.world.advance(by: .seconds(5))
        #expect(await code(of: first) == .timedOut)
        try await asking.peer.acceptUnsubscribe()
        try await asking.peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.success])))
        asking.expectNothingLeft()
        #expect(await code(of: asking.ask(timeout: .zero)) == .timedOut)
        #expect(await code(of: asking.ask(timeout: .seconds(-1))) == .timedOut)
        asking.expectNothingLeft()
    }

    enum Step: CaseIterable { case begin, subAck, pubAck, reply }

    @Test(arguments: Step.allCases)
    func `cancelling at any step ends the call at once and cleans up`(step: Step) async throws {
        let asking = try await Asking.connected()
        if step == .begin {
            let request = Task { () throws -> String in
                withUnsafeCurrentTask { $0?.cancel() }
                return try await asking.client.request("1", to: "calculator").text ?? ""
            }
            #expect(await code(of: request) == .cancelled)
            #expect(try await asking.isSilent())
            return asking.expectNothingLeft()
        }
        let request = asking.ask(qos: .atLeastOnce)
        let subscribe = try await asking.peer.nextSubscribe()
        let subAck = Packet.subAck(SubAck(packetID: subscribe.packetID, reasons: [.grantedQoS1]))
        var publish: Publish?
        if step != .subAck {
            try await asking.peer.send(subAck)
            publish = try await asking.peer.nextPublish()
        }
        let id = publish?.packetID ?? .first
        if step == .reply { try await asking.peer.send(.pubAck(Acknowledgement(packetID: id))) }
        request.cancel()
        #expect(await code(of: request) == .cancelled)
        try await asking.peer.acceptUnsubscribe()
        if step == .subAck { try await asking.peer.send(subAck) }
        if step == .pubAck { try await asking.peer.send(.pubAck(Acknowledgement(packetID: id))) }
        if let publish { try await asking.peer.send(publish.reply("late")) }
        #expect(try await asking.isSilent())
        asking.expectNothingLeft()
        // The client goes on as if nothing had been.
        let next = asking.ask("3+3")
        try await asking.peer.acceptSubscribe()
        let again = try await asking.peer.nextPublish()
        try await asking.peer.send(again.reply("6"))
        #expect(try await next.value == "6")
    }

    @Test func `a refused subscription ends every request that needs it`() async throws {
        let asking = try await Asking.connected()
        let first = asking.ask("1")
        let subscribe = try await asking.peer.nextSubscribe()
        let second = asking.ask("2")
        try await Self.untilPending(2, asking)
        try await asking.peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.notAuthorized])))
        for request in [first, second] {
            do {
                _ = try await request.value
                Issue.record("a request went on without a subscription")
            } catch let error as MQTTError {
                #expect(error.code == .subscriptionRefused && error.reason == .notAuthorized)
            }
        }
        #expect(try await asking.isSilent())
        asking.expectNothingLeft()
    }

    @Test(arguments: [
        (QoS.atLeastOnce, ReasonCode.notAuthorized, MQTTError.Code.publishRefused),
        (.exactlyOnce, .notAuthorized, .publishRefused), (.atLeastOnce, .noMatchingSubscribers, .noResponder),
    ])
    func `a request that nobody can answer ends at once`(
        qos: QoS,
        reason: ReasonCode,
        code: MQTTError.Code
    )
        async throws
    {
        let asking = try await Asking.connected()
        let request = asking.ask(qos: qos)
        try await asking.peer.acceptSubscribe()
        let id = try #require(try await asking.peer.nextPublish().packetID)
        let answer = Acknowledgement(packetID: id, reason: reason)
        try await asking.peer.send(qos == .atLeastOnce ? .pubAck(answer) : .pubRec(answer))
        do {
            _ = try await request.value
            Issue.record("a request waited although no reply can come")
        } catch let error as MQTTError {
            #expect(error.code == code && error.reason == reason)
        }
        try await asking.peer.acceptUnsubscribe()
        asking.expectNothingLeft()
    }

    @Test func `a limit of the server that forbids the request is told before anything is sent`() async throws {
        let asking = try await Asking.connected(properties: [.maximumQoS(.atMostOnce)])
        let request = asking.ask(qos: .atLeastOnce)
        try await asking.peer.acceptSubscribe()
        #expect(await code(of: request) == .notSupportedByServer)
        try await asking.peer.acceptUnsubscribe()
        asking.expectNothingLeft()
    }

    @Test func `two requests may not wait for the same reply`() async throws {
        let asking = try await Asking.connected()
        let properties: Properties = [.responseTopic("r"), .correlationData(ByteBuffer(string: "c"))]
        let first = asking.ask(properties: properties)
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        #expect(await code(of: asking.ask(properties: properties)) == .invalidArgument)
        try await asking.peer.send(publish.reply("4"))
        #expect(try await first.value == "4")
        try await asking.peer.acceptUnsubscribe()
        // Afterwards it may be used again.
        let second = asking.ask(properties: properties)
        try await asking.peer.acceptSubscribe()
        try await asking.peer.send(try await asking.peer.nextPublish().reply("5"))
        #expect(try await second.value == "5")
    }

    @Test func `requests beyond the limit wait for their turn, and for no longer than their timeout`() async throws {
        let asking = try await Asking.connected { $0.requests.pendingLimit = 2 }
        let first = asking.ask("1")
        try await asking.peer.acceptSubscribe()
        let one = try await asking.peer.nextPublish()
        let second = asking.ask("2")
        let two = try await asking.peer.nextPublish()
        let third = asking.ask("3", timeout: .seconds(2))
        try await Self.untilPending(3, asking)
        let fourth = asking.ask("4")
        try await Self.untilPending(4, asking)
        #expect(try await asking.isSilent())
        try await asking.world.advance(by: .seconds(2))
        #expect(await code(of: third) == .timedOut)
        try await asking.peer.send(one.reply("re 1"))
        #expect(try await first.value == "re 1")
        let four = try await asking.peer.nextPublish()
        #expect(four.payload == ByteBuffer(string: "4"))
        try await asking.peer.send(four.reply("re 4"), two.reply("re 2"))
        #expect(try await second.value == "re 2")
        #expect(try await fourth.value == "re 4")
        try await asking.peer.acceptUnsubscribe()
        asking.expectNothingLeft()
    }

    /// Waits until so many requests are known to the client.
    static func untilPending(_ count: Int, _ asking: Asking) async throws {
        while asking.client.link.requests.withLock({ $0.requests.count }) < count { await Task.yield() }
    }
}
