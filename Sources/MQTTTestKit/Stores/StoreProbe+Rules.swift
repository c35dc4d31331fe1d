// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTEngine
import MQTTWire
import NIOCore

extension StoreProbe {
    mutating func checkEmptyAtFirst() async throws {
        try await self.check()
        try await self.apply([], "an empty batch")
        try await self.check()
    }

    mutating func checkReopening(_ open: Open) async throws {
        try await self.apply([.added(1), .inboundReceived(packetID: 7)], "a message and a packet identifier")
        try await self.check(reopening: open)
        try await self.apply([.added(2), .outboundAssigned(serial: 1, packetID: 3)], "another message")
        try await self.check(reopening: open)
    }

    mutating func checkOrder(_ open: Open) async throws {
        // 9, 10 and 100 are in another order as text; what is finished between them leaves places free.
        for serial: UInt64 in [8, 9, 10, 11, 99, 100, 101, 1_000] {
            try await self.apply([.added(serial)], "message \(serial)")
        }
        try await self.apply([.outboundFinished(serial: 9), .added(1_001), .added(1_002)], "more messages")
        try await self.check(reopening: open)
        try await self.apply(
            [
                .inboundReceived(packetID: 5), .inboundReleased(packetID: 5),
                .inboundReceived(packetID: 6), .inboundReleased(packetID: 6), .inboundReceived(packetID: 6),
                .added(2_000), .outboundAssigned(serial: 2_000, packetID: 1),
                .outboundAssigned(serial: 2_000, packetID: 2),
                .added(2_001), .outboundFinished(serial: 2_001),
                .inboundReceived(packetID: 9), .inboundForgotten, .inboundReceived(packetID: 10),
            ],
            "a batch whose changes undo one another"
        )
        try await self.check(reopening: open)
    }

    mutating func checkInterruptions(_ open: Open) async throws {
        try await self.apply([.added(1)], "a message")
        for attempt in 0..<40 {
            let first = UInt64(attempt) * 100 + 2
            let batch =
                (first..<first + 60).map { StoreChange.added($0) } + [.inboundReceived(packetID: UInt16(attempt + 1))]
            let (store, clientID) = (self.store, self.clientID)
            let task = Task { try await store.apply(batch, clientID: clientID) }
            for _ in 0..<attempt { await Task.yield() }
            task.cancel()
            let isKept: Bool
            switch await task.result {
            case .success: isKept = true
            case .failure: isKept = try await self.load().inbound.contains(UInt16(attempt + 1))
            }
            self.assume(isKept ? batch : [], "a batch of \(batch.count) changes whose task was cancelled")
            try await self.check()
        }
        try await self.check(reopening: open)
    }

    mutating func checkRemoval(_ open: Open) async throws {
        try await self.apply(
            (1...5).map { .added($0) } + (1...5).map { .inboundReceived(packetID: $0) },
            "five of each"
        )
        try await self.apply([.outboundFinished(serial: 2), .inboundReleased(packetID: 4)], "the end of one of each")
        try await self.check(reopening: open)
        try await self.apply(
            [.outboundFinished(serial: 2), .outboundFinished(serial: 77), .inboundReleased(packetID: 77)],
            "the end of what is not there"
        )
        try await self.check()
        try await self.apply([.inboundForgotten], "what was received is forgotten")
        try await self.check(reopening: open)
        try await self.apply([1, 3, 4, 5].map { .outboundFinished(serial: $0) }, "the end of all messages")
        try await self.check(reopening: open)
    }

    mutating func checkExchanges(_ open: Open) async throws {
        try await self.apply(
            [.added(1), .added(2), .added(3), .outboundAdded(.test(4, packetID: 40))],
            "four messages, one with a packet identifier"
        )
        try await self.check()
        try await self.apply(
            [
                .outboundAssigned(serial: 1, packetID: 1), .outboundAssigned(serial: 2, packetID: 65_535),
                .outboundAssigned(serial: 77, packetID: 9),
            ],
            "packet identifiers, one for a message that is not there"
        )
        try await self.check(reopening: open)
        try await self.apply(
            [.outboundReleased(serial: 2), .outboundReleased(serial: 77)],
            "PUBREC for the second message"
        )
        try await self.check(reopening: open)
        let isReleased = try await self.load().outbound.map { $0.phase == .releasing }
        guard isReleased == [false, true, false, false] else { throw self.violation("the phases are \(isReleased)") }
    }

    mutating func checkReceived(_ open: Open) async throws {
        let received = ([1, 2, 255, 256, 32_767, 32_768, 65_535] as [UInt16])
        try await self.apply(received.map { .inboundReceived(packetID: $0) }, "packet identifiers of all sizes")
        try await self.apply([.inboundReceived(packetID: 256)], "one of them again")
        try await self.check(reopening: open)
        try await self.apply(
            [.inboundReleased(packetID: 256), .inboundReleased(packetID: 65_535)],
            "the release of two"
        )
        try await self.check(reopening: open)
        try await self.apply(
            [.inboundForgotten, .inboundReceived(packetID: 3)],
            "all are forgotten, and one is received"
        )
        try await self.check(reopening: open)
    }

    mutating func checkFields(_ open: Open) async throws {
        var serial: UInt64 = 0
        for message in Self.messages {
            serial += 1
            try await self.apply([.outboundAdded(OutboundRecord(serial: serial, message: message))], "\(message.topic)")
        }
        try await self.check(reopening: open)
    }

    mutating func checkLargeMessages(_ open: Open) async throws {
        var bytes = ByteBuffer()
        for number in 0..<(3 << 18) { bytes.writeInteger(UInt32(truncatingIfNeeded: number &* 2_654_435_761)) }
        let large = OutgoingMessage(topic: "large", payload: bytes, qos: .exactlyOnce)
        try await self.apply([.outboundAdded(OutboundRecord(serial: 1, message: large))], "a message of 3 MiB")
        try await self.check(reopening: open)
        let topic = OutgoingMessage(
            topic: String(repeating: "t", count: 65_535),
            payload: ByteBuffer(),
            qos: .atLeastOnce
        )
        let many = OutgoingMessage(
            topic: "properties",
            qos: .atLeastOnce,
            properties: Properties((0..<2_000).map { .userProperty(name: "name \($0)", value: "value") })
        )
        try await self.apply(
            [
                .outboundAdded(OutboundRecord(serial: 2, message: topic)),
                .outboundAdded(OutboundRecord(serial: 3, message: many)),
            ],
            "a topic of 65,535 bytes, and 2,000 properties"
        )
        try await self.check(reopening: open)
    }

    mutating func checkRanges(_ open: Open) async throws {
        let serials: [UInt64] = [
            1, 1 << 31, (1 << 32) + 1, (1 << 53) + 1, UInt64(Int64.max) - 5_000,
        ]
        try await self.apply(serials.map { .added($0) }, "serials of all sizes")
        try await self.check(reopening: open)
        let many = (0..<5_000).map { StoreChange.added(UInt64(Int64.max) - 4_999 + $0) }
        try await self.apply(many, "a batch of 5,000 messages")
        try await self.check(reopening: open)
        try await self.apply(many.prefix(4_900).flatMap(\.finish), "the end of 4,900 of them")
        try await self.check(reopening: open)
    }
}

extension StoreProbe {
    /// Identifiers that a file name, a query or a comparison without case would mix up or stumble over.
    private var similarIDs: [String] {
        let id = self.clientID
        return [
            id.uppercased(), id + "/", id + "/a", id + "\\a", id + "/../b", "../\(id)", id + "'", id + "%", id + "_",
            id + " ", id + ".", id + "\u{1F4A1}", id + String(repeating: "x", count: 300), String(id.dropLast()),
        ]
    }

    mutating func checkClients(_ open: Open) async throws {
        var others: [StoreProbe] = []
        try await self.apply([.added(1), .inboundReceived(packetID: 1)], "a message of one client")
        for (index, id) in self.similarIDs.enumerated() {
            var other = StoreProbe(rule: self.rule, clientID: id, store: self.store)
            let name = id.count > 60 ? "a client identifier of \(id.count) characters" : "client \(id.debugDescription)"
            try await other.apply([.added(UInt64(index) + 2), .inboundReceived(packetID: UInt16(index + 2))], name)
            others.append(other)
        }
        try await self.apply([.outboundFinished(serial: 2), .inboundForgotten], "what one client forgets")
        try await self.check(reopening: open)
        for index in others.indices {
            try await others[index].check(reopening: open)
            try await others[index].clear()
        }
    }

    mutating func checkConcurrentClients(_ open: Open) async throws {
        let batches = (0..<40).map { number -> [StoreChange] in
            let serial = UInt64(number) + 1
            let before: [StoreChange] = number % 3 == 0 ? [.outboundFinished(serial: serial / 2)] : []
            return [.added(serial), .inboundReceived(packetID: UInt16(serial))] + before
        }
        let (store, rule) = (self.store, self.rule)
        let ids = (0..<8).map { "\(self.clientID)-\($0)" }
        let results = await withTaskGroup(of: Result<StoreProbe, any Error>.self) { group in
            for id in ids {
                group.addTask {
                    var probe = StoreProbe(rule: rule, clientID: id, store: store)
                    do {
                        for batch in batches {
                            try await probe.apply(batch, "batches of eight clients at once")
                            _ = try await probe.load()
                        }
                        return .success(probe)
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for result in results {
            var probe = try result.get()
            try await probe.check(reopening: open)
            try await probe.clear()
        }
    }

    /// Messages that say everything a message can.
    private static var messages: [OutgoingMessage] {
        var slice = ByteBuffer(string: "before and behind")
        slice.moveReaderIndex(forwardBy: 7)
        slice.moveWriterIndex(to: slice.writerIndex - 7)
        let properties: Properties = [
            .userProperty(name: "a", value: "2"), .payloadFormatIndicator(.utf8), .messageExpiryInterval(.max),
            .contentType("text/plain"), .responseTopic("answers/\u{E9}"),
            .correlationData(ByteBuffer(bytes: [0, 255, 0])), .userProperty(name: "a", value: "1"),
            .userProperty(name: "", value: ""), .topicAlias(1),
        ]
        return [
            OutgoingMessage(topic: "empty", qos: .atLeastOnce),
            OutgoingMessage(topic: "all bytes", payload: ByteBuffer(bytes: 0...255), qos: .exactlyOnce),
            OutgoingMessage(topic: "retain", payload: ByteBuffer(string: "r"), qos: .atLeastOnce, retain: true),
            OutgoingMessage(topic: "slice", payload: slice, qos: .exactlyOnce),
            OutgoingMessage(topic: "t\u{E4}glich/\u{65E5}\u{672C}/\u{1F4A1}/ '\"%;", qos: .atLeastOnce),
            OutgoingMessage(topic: "5.0", payload: slice, qos: .atLeastOnce, retain: true, properties: properties),
        ]
    }
}

extension StoreChange {
    /// A small message is to be published.
    fileprivate static func added(_ serial: UInt64) -> StoreChange { .outboundAdded(.test(serial)) }

    /// The end of the message that this adds.
    fileprivate var finish: [StoreChange] {
        if case .outboundAdded(let record) = self { [.outboundFinished(serial: record.serial)] } else { [] }
    }
}

extension OutboundRecord {
    fileprivate static func test(_ serial: UInt64, packetID: UInt16? = nil) -> OutboundRecord {
        let payload = ByteBuffer(string: "message \(serial)")
        let message = OutgoingMessage(topic: "test/\(serial)", payload: payload, qos: .exactlyOnce)
        return OutboundRecord(serial: serial, packetID: packetID, message: message)
    }
}
