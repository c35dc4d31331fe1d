// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Synchronization
import Testing

@testable import MQTT

/// What a request sends, and which message is the reply to it.
@Suite(.timeLimit(.minutes(10)))
struct RequestTests {
    @Test func `the subscription to the reply stands before the request is sent, and ends with it`() async throws {
        let asking = try await Asking.connected()
        let request = asking.ask()
        let subscribe = try await asking.peer.nextSubscribe()
        #expect(subscribe.entries.count == 1)
        #expect(subscribe.entries.first?.options.retainHandling == .doNotSend)
        #expect(try await asking.isSilent())
        try await asking.peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.success])))
        let publish = try await asking.peer.nextPublish()
        #expect(publish.topic == "calculator" && publish.payload == ByteBuffer(string: "2+2"))
        let topic = try #require(publish.properties.responseTopic)
        #expect(try TopicFilter(subscribe.entries[0].filter).matches(topic))
        try await asking.peer.send(publish.reply("4"))
        #expect(try await request.value == "4")
        let unsubscribe = try await asking.peer.acceptUnsubscribe()
        #expect(unsubscribe.filters == subscribe.entries.map(\.filter))
        asking.expectNothingLeft()
    }

    @Test func `a response topic is made of 16 random bytes, and so are the correlation data`() async throws {
        let asking = try await Asking.connected()
        var topics: Set<String> = []
        var correlations: Set<ByteBuffer> = []
        for _ in 0..<3 {
            let request = asking.ask()
            try await asking.peer.acceptSubscribe()
            let publish = try await asking.peer.nextPublish()
            let topic = try #require(publish.properties.responseTopic)
            let levels = topic.split(separator: "/")
            #expect(levels.count == 4 && topic.hasPrefix("_swift-mqtt/reply/"))
            #expect(levels[2].count == 32 && levels[2].allSatisfy { $0.isHexDigit })
            topics.insert(topic)
            let correlation = try #require(publish.properties.correlationData)
            #expect(correlation.readableBytes == 16)
            correlations.insert(correlation)
            try await asking.peer.send(publish.reply("4"))
            #expect(try await request.value == "4")
            try await asking.peer.acceptUnsubscribe()
        }
        #expect(topics.count == 3 && correlations.count == 3)
        let other = try await Asking.connected()
        let request = other.ask()
        let subscribe = try await other.peer.nextSubscribe()
        #expect(try topics.allSatisfy { try !TopicFilter(subscribe.entries[0].filter).matches($0) })
        request.cancel()
    }

    @Test(.sends("5:MQTT-3.3.2-13"))
    func `what the caller gives is forwarded unchanged and in order, and its response topic is used`() async throws {
        let asking = try await Asking.connected()
        let properties: Properties = [
            .userProperty(name: "a", value: "1"), .correlationData(ByteBuffer(string: "req-001")),
            .contentType("text/plain"), .responseTopic("my-app/replies/übersetzen"), .messageExpiryInterval(60),
            .userProperty(name: "a", value: "2"), .payloadFormatIndicator(.utf8),
        ]
        let request = asking.ask(properties: properties)
        let subscribe = try await asking.peer.acceptSubscribe()
        #expect(subscribe.entries.map(\.filter) == ["my-app/replies/übersetzen"])
        let publish = try await asking.peer.nextPublish()
        #expect(publish.properties == properties)
        try await asking.peer.send(publish.reply("4"))
        #expect(try await request.value == "4")
        try await asking.peer.acceptUnsubscribe()
    }

    @Test func `only a message with the same correlation data is the reply`() async throws {
        let asking = try await Asking.connected()
        var events = asking.client.events.makeAsyncIterator()
        let request = asking.ask(properties: [.responseTopic("r")])
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        let others: [ByteBuffer] = [
            ByteBuffer(), ByteBuffer(string: "x"),
            ByteBuffer(bytes: [0] + Array(correlation(publish).readableBytesView)),
            ByteBuffer(bytes: correlation(publish).readableBytesView.dropLast()),
        ]
        let foreign = others.map { data in publish.reply("wrong") { $0.properties.correlationData = data } }
        try await asking.peer.send(foreign + [publish.reply("4")])
        #expect(try await request.value == "4")
        for _ in others {
            guard case .unmatchedMessage("r") = await events.next(isolation: #isolation) else {
                throw UnexpectedPacket()
            }
        }
        asking.expectNothingLeft()

        func correlation(_ publish: Publish) -> ByteBuffer { publish.properties.correlationData ?? ByteBuffer() }
    }

    @Test func `a reply without correlation data is known by its topic`() async throws {
        let asking = try await Asking.connected()
        let requests = (0..<3).map { asking.ask("\($0)") }
        try await asking.peer.acceptSubscribe()
        for _ in requests {
            let publish = try await asking.peer.nextPublish()
            let text = "re \(publish.payload.readableBytesView.map { Character(UnicodeScalar($0)) }[0])"
            try await asking.peer.send(publish.reply(text) { $0.properties.correlationData = nil })
        }
        for (number, request) in requests.enumerated() { #expect(try await request.value == "re \(number)") }
    }

    @Test func `a reply without correlation data is nobody's where several requests wait`() async throws {
        let asking = try await Asking.connected()
        let first = asking.ask("1", properties: [.responseTopic("r")])
        try await asking.peer.acceptSubscribe()
        let one = try await asking.peer.nextPublish()
        let second = asking.ask("2", properties: [.responseTopic("r")])
        let two = try await asking.peer.nextPublish()
        try await asking.peer.send(
            one.reply("wrong") { $0.properties.correlationData = nil },
            two.reply("right 2"),
            one.reply("right 1") { $0.properties.correlationData = nil }
        )
        #expect(try await second.value == "right 2")
        #expect(try await first.value == "right 1")
        try await asking.peer.acceptUnsubscribe()
        asking.expectNothingLeft()
    }

    @Test func `without wildcards all requests share one topic`() async throws {
        let asking = try await Asking.connected(properties: [.wildcardSubscriptionAvailable(false)])
        let first = asking.ask("1")
        let subscribe = try await asking.peer.acceptSubscribe()
        let one = try await asking.peer.nextPublish()
        let second = asking.ask("2")
        let two = try await asking.peer.nextPublish()
        #expect(subscribe.entries.map(\.filter) == [one.properties.responseTopic])
        #expect(one.properties.responseTopic == two.properties.responseTopic)
        try await asking.peer.send(two.reply("right 2"), one.reply("right 1"))
        #expect(try await first.value == "right 1")
        #expect(try await second.value == "right 2")
    }

    @Test(arguments: ["given", "given/"])
    func `response information of the server is the beginning of response topics`(information: String) async throws {
        let properties: Properties = [.responseInformation(information), .subscriptionIdentifierAvailable(false)]
        let asking = try await Asking.connected(properties: properties)
        let request = asking.ask()
        let subscribe = try await asking.peer.acceptSubscribe()
        #expect(subscribe.entries[0].filter.hasPrefix("given/") && subscribe.entries[0].filter.hasSuffix("/+"))
        let publish = try await asking.peer.nextPublish()
        #expect(publish.properties.responseTopic?.hasPrefix("given/") == true)
        try await asking.peer.send(publish.reply("4"))
        #expect(try await request.value == "4")
    }

    @Test(arguments: ["", "a/#", "+", "$share/group"])
    func `response information that cannot begin a topic is not used`(information: String) async throws {
        let properties: Properties = [.responseInformation(information), .subscriptionIdentifierAvailable(false)]
        let asking = try await Asking.connected(properties: properties)
        let request = asking.ask()
        let subscribe = try await asking.peer.acceptSubscribe()
        #expect(subscribe.entries[0].filter.hasPrefix("_swift-mqtt/reply/"))
        request.cancel()
    }

    @Test(arguments: [false, true])
    func `response information is asked for when wanted`(isWanted: Bool) async throws {
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        configuration.requestResponseInformation = isWanted
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        async let connected = client.connect()
        let connect = try await world.accept().acceptConnect()
        #expect(connect.properties.requestResponseInformation == (isWanted ? true : nil))
        _ = try await connected
    }

    @Test(.sends("5:MQTT-3.3.2-14"), arguments: ["a/+", "#", "a/#", "", "$share/g/a", "$queue/a", "a\0b"])
    func `a response topic that cannot be one is refused before anything is sent`(topic: String) async throws {
        let asking = try await Asking.connected()
        #expect(await code(of: asking.ask(properties: [.responseTopic(topic)])) == .invalidTopic)
        #expect(try await asking.isSilent())
        asking.expectNothingLeft()
    }

    @Test func `a topic or a property that cannot be sent is refused before anything is`() async throws {
        let asking = try await Asking.connected()
        do {
            _ = try await asking.client.request("1", to: "a/#")
            Issue.record("a wildcard was taken")
        } catch {
            #expect(error.code == .invalidTopic)
        }
        #expect(await code(of: asking.ask(properties: [.willDelayInterval(1)])) == .invalidArgument)
        #expect(try await asking.isSilent())
        asking.expectNothingLeft()
    }

    @Test func `a retained message is no reply`() async throws {
        let asking = try await Asking.connected()
        let request = asking.ask(properties: [.responseTopic("r")])
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        try await asking.peer.send(publish.reply("stale") { $0.retain = true }, publish.reply("4"))
        #expect(try await request.value == "4")
    }

    @Test func `a message before the request was sent is no reply`() async throws {
        let asking = try await Asking.connected()
        let properties: Properties = [.responseTopic("r"), .correlationData(ByteBuffer(string: "c"))]
        let request = asking.ask(properties: properties)
        let subscribe = try await asking.peer.nextSubscribe()
        var early = Publish(topic: "r", payload: ByteBuffer(string: "early"))
        early.properties = [.correlationData(ByteBuffer(string: "c"))]
        let subAck = SubAck(packetID: subscribe.packetID, reasons: [.success])
        try await asking.peer.send(.publish(early), .subAck(subAck))
        let publish = try await asking.peer.nextPublish()
        try await asking.peer.send(publish.reply("4"))
        #expect(try await request.value == "4")
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `the reply may come before the acknowledgement of the request, and has its QoS`(qos: QoS) async throws {
        let asking = try await Asking.connected()
        let request = asking.ask(qos: qos)
        let subscribe = try await asking.peer.acceptSubscribe()
        #expect(subscribe.entries.map(\.options.qos) == [qos])
        let publish = try await asking.peer.nextPublish()
        #expect(publish.qos == qos)
        let id = try #require(publish.packetID)
        try await asking.peer.send(publish.reply("4", qos: .atLeastOnce, id: .first))
        #expect(try await request.value == "4")
        // The exchange of the request goes on to its end.
        var rest: [Packet] = []
        for _ in 0..<2 {
            rest.append(try await asking.peer.next())
            guard case .unsubscribe(let packet) = rest.last else { continue }
            try await asking.peer.send(.unsubAck(UnsubAck(packetID: packet.packetID, reasons: [.success])))
        }
        #expect(rest.contains(.pubAck(Acknowledgement(packetID: .first))))
        if qos == .atLeastOnce {
            try await asking.peer.send(.pubAck(Acknowledgement(packetID: id)))
        } else {
            try await asking.peer.send(.pubRec(Acknowledgement(packetID: id)))
            try await asking.peer.expect(.pubRel(Acknowledgement(packetID: id)))
            try await asking.peer.send(.pubComp(Acknowledgement(packetID: id)))
        }
        #expect(asking.client.link.state.withLock { $0.engine.session.outbound.pendingCount } == 0)
        asking.expectNothingLeft()
    }

    @Test func `the reply may come after the acknowledgement of the request`() async throws {
        let asking = try await Asking.connected()
        let request = asking.ask(qos: .atLeastOnce)
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        let id = try #require(publish.packetID)
        try await asking.peer.send(.pubAck(Acknowledgement(packetID: id)))
        try await asking.peer.send(publish.reply("4"))
        #expect(try await request.value == "4")
    }

    @Test func `a responder that reports an error ends the request with its words`() async throws {
        let asking = try await Asking.connected()
        let request = asking.ask()
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        let reply = publish.reply("") { $0.properties.appendUserProperty("mqtt-error", "no such service") }
        try await asking.peer.send(reply)
        do {
            _ = try await request.value
            Issue.record("the error was taken for a reply")
        } catch let error as MQTTError {
            #expect(error.code == .requestFailed && error.message == "no such service")
        }
        asking.client.link.requests.withLock { #expect($0.isEmpty) }
    }
}
