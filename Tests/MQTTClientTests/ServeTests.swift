// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Synchronization
import Testing

@testable import MQTT

/// The other half of a request: who answers it.
@Suite(.timeLimit(.minutes(10)))
struct ServeTests {
    private static func request(
        _ text: String,
        qos: QoS = .atMostOnce,
        id: PacketID? = nil,
        _ properties: Properties = [.responseTopic("r"), .correlationData(ByteBuffer(bytes: [0, 255]))]
    ) -> Packet {
        let payload = ByteBuffer(string: text)
        return .publish(Publish(topic: "calculator", payload: payload, qos: qos, packetID: id, properties: properties))
    }

    /// Serves in a task of its own; the server grants the filter.
    private static func serve(
        _ asking: Asking,
        qos: QoS = .exactlyOnce,
        concurrency: Int = 16,
        settings: ServeSettings = ServeSettings(),
        _ handler: @escaping @Sendable (MQTTRequest) async throws -> MQTTReply
    ) async throws -> Task<Void, any Error> {
        let client = asking.client
        let serving = Task {
            try await client.serve("calculator", qos: qos, concurrency: concurrency, settings: settings, handler)
        }
        try await asking.peer.acceptSubscribe()
        return serving
    }

    @Test(.sends("5:MQTT-3.3.2-13"), arguments: QoS.allCases)
    func `a request is answered on its response topic with its correlation data, then acknowledged`(
        qos: QoS
    )
        async throws
    {
        let asking = try await Asking.connected()
        let serving = try await Self.serve(asking) { request in
            #expect(request.topic == "calculator" && request.timeLimit == nil)
            return MQTTReply("re \(request.text ?? "")", properties: [.contentType("text/plain")])
        }
        try await asking.peer.send(Self.request("1", qos: qos, id: qos == .atMostOnce ? nil : .first))
        let reply = try await asking.peer.nextPublish()
        #expect(reply.topic == "r" && reply.payload == ByteBuffer(string: "re 1") && reply.qos == qos)
        #expect(reply.properties.contentType == "text/plain")
        #expect(reply.properties.correlationData == ByteBuffer(bytes: [0, 255]))
        if let id = reply.packetID {
            #expect(try await asking.isSilent())
            if qos == .atLeastOnce {
                try await asking.peer.send(.pubAck(Acknowledgement(packetID: id)))
                try await asking.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
            } else {
                try await asking.peer.send(.pubRec(Acknowledgement(packetID: id)))
                try await asking.peer.expect(.pubRel(Acknowledgement(packetID: id)))
                try await asking.peer.send(.pubComp(Acknowledgement(packetID: id)))
                try await asking.peer.expect(.pubRec(Acknowledgement(packetID: .first)))
            }
        }
        serving.cancel()
        try await serving.value
        try await asking.peer.acceptUnsubscribe()
    }

    @Test func `a reply has the QoS the handler chose, and a request without correlation data gets none back`()
        async throws
    {
        let asking = try await Asking.connected()
        let serving = try await Self.serve(asking) { _ in
            MQTTReply(qos: .atMostOnce, properties: [.correlationData(ByteBuffer(string: "mine"))])
        }
        try await asking.peer.send(Self.request("1", qos: .atLeastOnce, id: .first, [.responseTopic("r")]))
        try await asking.peer.expect(.publish(Publish(topic: "r")))
        try await asking.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
        serving.cancel()
        try await serving.value
    }

    @Test func `a request without a response topic is handled and acknowledged, and not answered`() async throws {
        let asking = try await Asking.connected()
        let serving = try await Self.serve(asking) { request in
            #expect(request.responseTopic == nil)
            return MQTTReply("4")
        }
        try await asking.peer.send(Self.request("1", qos: .atLeastOnce, id: .first, []))
        try await asking.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
        serving.cancel()
        try await serving.value
    }

    @Test(
        .receives("5:MQTT-3.3.2-14"),
        arguments: ["$SYS/broker", "$share/g/a", "calculator", "other/1", "replies"]
    )
    func `attack response topic: one that is not allowed is never published to, and its handler does not run`(
        topic: String
    )
        async throws
    {
        let asking = try await Asking.connected()
        let settings = ServeSettings(responseTopicPrefixes: ["replies/", "calculator", "$share"])
        let allowed = topic.hasPrefix("$SYS") ? ServeSettings() : settings
        let serving = try await Self.serve(asking, settings: allowed) { _ in
            Issue.record("the handler ran")
            return MQTTReply("4")
        }
        try await asking.peer.send(Self.request("1", qos: .atLeastOnce, id: .first, [.responseTopic(topic)]))
        try await asking.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
        #expect(try await asking.isSilent())
        serving.cancel()
        try await serving.value
    }

    struct Unexpected: Error {}

    @Test func `an error is told to the one who asks, with no more words than were meant for it`() async throws {
        let asking = try await Asking.connected()
        let serving = try await Self.serve(asking) { request in
            switch request.text {
            case "1": throw MQTTError(.requestFailed, "no such service")
            case "2": throw MQTTError(.requestFailed, "a\0b")
            default: throw Unexpected()
            }
        }
        for (text, words) in [
            ("1", "no such service"), ("2", "the request failed"), ("3", "the request could not be answered"),
        ] {
            try await asking.peer.send(Self.request(text))
            let reply = try await asking.peer.nextPublish()
            #expect(reply.payload == ByteBuffer())
            #expect(
                reply.properties == [
                    .userProperty(name: "mqtt-error", value: words), .correlationData(ByteBuffer(bytes: [0, 255])),
                ]
            )
        }
        serving.cancel()
        try await serving.value
    }

    @Test func `a request's expiry is its deadline: what is left goes with the reply, and behind it nothing is sent`()
        async throws
    {
        let asking = try await Asking.connected()
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let serving = try await Self.serve(asking, concurrency: 1) { request in
            start.yield()
            if request.text == "slow" {
                #expect(request.timeLimit == .seconds(10))
                for await _ in AsyncStream<Void>.makeStream().stream {}
                #expect(Task.isCancelled)
                return MQTTReply("too late")
            }
            for await _ in gate { break }
            return MQTTReply("4")
        }
        var starts = started.makeAsyncIterator()
        let properties: Properties = [.responseTopic("r"), .messageExpiryInterval(10)]
        // The second one waits behind the first, and is over when its turn comes.
        try await asking.peer.send(
            Self.request("slow", qos: .atLeastOnce, id: .first, properties),
            Self.request("stale", qos: .atLeastOnce, id: PacketID.first.next, properties)
        )
        await starts.next()
        try await asking.world.advance(by: .seconds(10))
        for number in 0..<2 {
            try await asking.peer.expect(.pubAck(Acknowledgement(packetID: PacketID.first.advanced(by: number))))
        }
        try await asking.peer.send(Self.request("fast", properties))
        await starts.next()
        try await asking.world.advance(by: .milliseconds(2_500))
        open.yield()
        let reply = try await asking.peer.nextPublish()
        #expect(reply.properties == [.messageExpiryInterval(8)])
        serving.cancel()
        try await serving.value
        #expect(asking.client.link.timers.withLock { $0.count } == 0)
    }

    @Test func `as many handlers run at once as are allowed, and the rest waits`() async throws {
        let asking = try await Asking.connected()
        let counts = Mutex((running: 0, most: 0, started: 0))
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let serving = try await Self.serve(asking, concurrency: 3) { request in
            counts.withLock { counts in
                counts.running += 1
                counts.started += 1
                counts.most = max(counts.most, counts.running)
            }
            if request.text != "last" { await Self.wait(gate) }
            counts.withLock { $0.running -= 1 }
            return MQTTReply(request.text ?? "")
        }
        try await asking.peer.send((0..<10).map { Self.request("\($0)") })
        while counts.withLock({ $0.started < 3 }) { await Task.yield() }
        #expect(try await asking.isSilent())
        open.finish()
        var replies: Set<ByteBuffer> = []
        for _ in 0..<10 { replies.insert(try await asking.peer.nextPublish().payload) }
        #expect(replies.count == 10)
        #expect(counts.withLock { $0.most } == 3)
        serving.cancel()
        try await serving.value
    }

    private static func wait(_ gate: AsyncStream<Void>) async { for await _ in gate {} }

    @Test func `cancelling cancels the handlers, waits for them, and leaves no message unacknowledged`() async throws {
        let asking = try await Asking.connected()
        let ended = Mutex(0)
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let serving = try await Self.serve(asking, concurrency: 2) { _ in
            start.yield()
            for await _ in AsyncStream<Void>.makeStream().stream {}
            ended.withLock { $0 += 1 }
            return MQTTReply("too late")
        }
        try await asking.peer.send(
            (0..<5).map { Self.request("\($0)", qos: .atLeastOnce, id: PacketID.first.advanced(by: $0)) }
        )
        var starts = started.makeAsyncIterator()
        for _ in 0..<2 { await starts.next() }
        serving.cancel()
        try await serving.value
        #expect(ended.withLock { $0 } == 2)
        var acknowledged: [PacketID] = []
        while acknowledged.count < 5 {
            switch try await asking.peer.next() {
            case .pubAck(let packet): acknowledged.append(packet.packetID)
            case .unsubscribe: continue
            default: throw UnexpectedPacket()
            }
        }
        #expect(acknowledged == (0..<5).map { PacketID.first.advanced(by: $0) })
    }

    @Test func `serving ends with the client, and throws when the server refuses it`() async throws {
        let asking = try await Asking.connected()
        let serving = try await Self.serve(asking) { _ in MQTTReply() }
        await asking.client.disconnect()
        try await serving.value

        let other = try await Asking.connected()
        let client = other.client
        let refused = Task { try await client.serve("calculator") { _ in MQTTReply() } }
        let subscribe = try await other.peer.nextSubscribe()
        try await other.peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.notAuthorized])))
        await #expect { try await refused.value } throws: { ($0 as? MQTTError)?.code == .subscriptionRefused }
        for concurrency in [0, -1] {
            do {
                try await client.serve("calculator", concurrency: concurrency) { _ in MQTTReply() }
                Issue.record("served with nobody")
            } catch {
                #expect(error.code == .invalidArgument)
            }
        }
    }
}
