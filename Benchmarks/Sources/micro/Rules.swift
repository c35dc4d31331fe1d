// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore

/// Matching, routing and acknowledging.
enum Rules {
    static let sizes = [1, 10, 100, 1_000, 10_000]

    static var benchmarks: [MicroBenchmark] {
        get throws {
            var all: [MicroBenchmark] = []
            for size in self.sizes { all.append(try self.match(size)) }
            for size in self.sizes { all.append(try self.route(size)) }
            all.append(try self.publish("publish QoS 1 and its PUBACK, in the engine", .atLeastOnce))
            all.append(try self.publish("publish QoS 2 and its answers, in the engine", .exactlyOnce))
            for window in [10, 100, 1_000] { all.append(try self.publish(window: window)) }
            return all
        }
    }

    /// Half of the filters have a wildcard; the topics come in scattered order.
    private static func filters(_ count: Int) throws -> (filters: [TopicFilter], topics: [String]) {
        let filters = try (0..<count).map { try TopicFilter("house/\($0)/\($0 % 2 == 0 ? "temperature" : "+")") }
        let topics = (0..<MicroBenchmark.operations).map { "house/\($0 * 7_919 % count)/temperature" }
        return (filters, topics)
    }

    private static func match(_ count: Int) throws -> MicroBenchmark {
        let (filters, topics) = try self.filters(count)
        var tree = TopicTree<Int>()
        for (index, filter) in filters.enumerated() { tree.insert(index, for: filter) }
        let full = tree
        return MicroBenchmark("match, \(count) filters") {
            var found = 0
            for topic in topics { full.forEachMatch(topic) { found = found &+ $0 &+ 1 } }
            return found
        }
    }

    private static func route(_ count: Int) throws -> MicroBenchmark {
        let (filters, topics) = try self.filters(count)
        var router = Router()
        for (index, filter) in filters.enumerated() {
            let destination = Destination(
                subscription: SubscriptionID(UInt32(index)),
                filter: 0,
                acknowledgesLater: false
            )
            router.add(filter, to: destination, identifier: nil)
        }
        var bytes = ByteBuffer()
        for topic in topics {
            let frame = try PublishFrame(OutgoingMessage(topic: topic), version: .v311)
            frame.write(packetID: nil, duplicate: false, into: &bytes)
        }
        var decoder = PacketDecoder(version: .v311, role: .client)
        var bursts: [PacketBurst] = []
        // Twice: by then the table of topics has its size.
        for _ in 0..<2 {
            bursts = []
            try decoder.decode(bytes, into: &bursts)
        }
        return MicroBenchmark("route, \(count) subscriptions") {
            var found = 0
            for burst in bursts {
                for entry in burst.entries {
                    guard case .one(let destination) = router.route(entry.topic, of: burst.topics) else { continue }
                    found = found &+ Int(destination.subscription.rawValue)
                }
            }
            return found
        }
    }

    private static let now = Instant(nanoseconds: 1)

    private static func connectedEngine(window: Int) -> Engine {
        var configuration = EngineConfiguration(version: .v311, clientID: "micro")
        configuration.inFlightWindow = window
        var engine = Engine(configuration: configuration, seed: 1)
        var effects: [Effect] = []
        engine.connect(OperationID(1), now: self.now, into: &effects)
        engine.linkUp(credentials: nil, now: self.now, into: &effects)
        engine.received(.connAck(ConnAck()), now: self.now, into: &effects)
        return engine
    }

    /// A window that is full all the time: a message goes out for each one that is acknowledged.
    private static func publish(window: Int) throws -> MicroBenchmark {
        var engine = self.connectedEngine(window: window)
        var effects: [Effect] = []
        let frame = try PublishFrame(
            OutgoingMessage(topic: "bench/t0", payload: Wire.payload, qos: .atLeastOnce),
            version: .v311
        )
        var oldest = PacketID.first
        for _ in 0..<window - 1 {
            _ = engine.publish(frame, operation: OperationID(2), now: { self.now }, into: &effects)
        }
        return MicroBenchmark("publish QoS 1, \(window) in flight, in the engine") {
            var sent = 0
            for _ in 0..<MicroBenchmark.operations {
                if case .send = engine.publish(frame, operation: OperationID(2), now: { self.now }, into: &effects) {
                    sent += 1
                }
                _ = engine.receivedPubAck(oldest, now: self.now, into: &effects)
                oldest = oldest.next
            }
            return sent
        }
    }

    private static func publish(_ name: String, _ qos: QoS) throws -> MicroBenchmark {
        let now = self.now
        var engine = self.connectedEngine(window: 100)
        var effects: [Effect] = []
        let frame = try PublishFrame(
            OutgoingMessage(topic: "bench/t0", payload: Wire.payload, qos: qos),
            version: .v311
        )
        return MicroBenchmark(name) {
            var sent = 0
            for _ in 0..<MicroBenchmark.operations {
                effects.removeAll(keepingCapacity: true)
                guard
                    case .send(let id?) = engine.publish(
                        frame,
                        operation: OperationID(2),
                        now: { self.now },
                        into: &effects
                    )
                else {
                    continue
                }
                if qos == .atLeastOnce {
                    sent += engine.receivedPubAck(id, now: now, into: &effects) == nil ? 0 : 1
                } else {
                    sent += engine.receivedPubRec(id, now: now, into: &effects) ? 1 : 0
                    sent += engine.receivedPubComp(id, now: now, into: &effects) == nil ? 0 : 1
                }
            }
            return sent
        }
    }
}
