// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Synchronization
import Testing

/// Nothing is lost at QoS 1 and 2, and nothing doubled at QoS 2, whatever happens to the broker and to connections.
///
/// Mosquitto sends a QoS 2 message again that it had released before it was restarted, so exactly-once is shown on two
/// legs: restarts with the subscriber away, and cut connections with the broker alive. It does the same when a connection
/// ends while it is still repeating the PUBRELs of the one before (2.0.11: their state falls back to "publish"), so the
/// subscriber's connections are cut inside CONNECT, or when a ping has come back behind these repetitions.
@Suite(.timeLimit(.minutes(10))) struct RestartTests {
    @Test(arguments: TestedVersion.allCases, [false, true])
    func `fault 4: messages published while the broker restarts all reach the subscriber that was away`(
        version: TestedVersion,
        isTLS: Bool
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(240)) {
                let options = MosquittoServer.Options(tls: isTLS ? .init() : nil, persistence: true)
                try await MosquittoServer.withServer(options) { server in
                    try await Self.publishAcrossRestarts(V.self, server, isTLS: isTLS)
                }
            }
        }
        try await run(version.type)
    }

    private static func publishAcrossRestarts<V: TestVersion>(
        _: V.Type,
        _ server: MosquittoServer,
        isTLS: Bool
    ) async throws {
        func client(_ id: String) -> MQTTClient<V> {
            let tls = isTLS ? TLSSettings(trust: .file(server.caFile)) : nil
            return .local(isTLS ? server.tlsPort : server.port, tls: tls, clientID: id, keepsSession: true)
        }
        let count = 1_000
        let onceTopics = ["r/once/a", "r/once/b"]
        let leastTopics = ["r/least/a", "r/least/b"]
        let before = client("subscriber")
        try await before.connect()
        let kept = try await before.subscribe(to: "r/#", qos: .exactlyOnce)
        // Leaves without unsubscribing, with the subscription still held: the session keeps it.
        await before.disconnect()
        #expect(try await kept.next() == nil)

        let publisher = client("publisher")
        try await publisher.connect()
        var receipts: [PublishReceipt] = []
        for part in 0..<4 {
            for number in part * count / 4..<(part + 1) * count / 4 {
                for topic in onceTopics + leastTopics {
                    let qos: QoS = onceTopics.contains(topic) ? .exactlyOnce : .atLeastOnce
                    receipts.append(try publisher.enqueue(number, to: topic, qos: qos))
                }
            }
            #expect(receipts.last?.isComplete == false, "the restart would come behind the traffic")
            try await server.restart()
        }
        for receipt in receipts { try await receipt.outcome() }
        try await publisher.publish("end", to: "r/end", qos: .exactlyOnce)
        await publisher.disconnect()

        let subscriber = client("subscriber")
        let messages = try subscriber.declareSubscription(to: "r/#", qos: .exactlyOnce)
        try await subscriber.connect()
        var ledger = Ledger()
        for message in try await messages.take(until: "end") { ledger.note(message) }
        await subscriber.disconnect()
        for topic in onceTopics { ledger.check(topic, count: count, once: true) }
        for topic in leastTopics { ledger.check(topic, count: count, once: false) }
    }

    @Test(arguments: TestedVersion.allCases, [false, true])
    func `fault 1: messages arrive through connections that are cut at any byte`(
        version: TestedVersion,
        isTLS: Bool
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(240)) {
                let server = try await SharedBroker.server
                let port = isTLS ? server.tlsPort : server.port
                let tls = isTLS ? TLSSettings(trust: .file(server.caFile)) : nil
                try await CuttingProxy.withProxy(to: port) { near in
                    try await CuttingProxy.withProxy(to: port) { far in
                        try await Self.publishAcrossCuts(V.self, publisherProxy: near, subscriberProxy: far, tls: tls)
                    }
                }
            }
        }
        try await run(version.type)
    }

    private static func publishAcrossCuts<V: TestVersion>(
        _: V.Type,
        publisherProxy: CuttingProxy,
        subscriberProxy: CuttingProxy,
        tls: TLSSettings?
    ) async throws {
        let count = 500
        let root = unique("cut")
        let topics = ["\(root)/once/a", "\(root)/once/b", "\(root)/least/a", "\(root)/least/b"]
        let subscriber = MQTTClient<V>.local(subscriberProxy.port, tls: tls, keepsSession: true)
        let publisher = MQTTClient<V>.local(publisherProxy.port, tls: tls, keepsSession: true)
        try await subscriber.connect()
        let messages = try await subscriber.subscribe(to: "\(root)/#", qos: .exactlyOnce)
        try await publisher.connect()

        let ends = (Self.sessionsLost(publisher), Self.sessionsLost(subscriber))
        let cutting = Task {
            // A TLS handshake takes more bytes than many of these cuts leave.
            async let near: Void =
                tls == nil ? Self.cutAnywhere(publisherProxy) : Self.cutWhenSettled(publisherProxy, publisher)
            async let far: Void = Self.cutWhenSettled(subscriberProxy, subscriber)
            return try await (near, far)
        }
        defer { cutting.cancel() }
        var ledger = Ledger()
        var receipts: [PublishReceipt] = []
        for part in stride(from: 0, to: count, by: 20) {
            for number in part..<part + 20 {
                for topic in topics {
                    let qos: QoS = topic.contains("once") ? .exactlyOnce : .atLeastOnce
                    receipts.append(try publisher.enqueue(number, to: topic, qos: qos))
                }
            }
            while !ledger.isComplete(topics, count: part + 20) { ledger.note(try await messages.take(1)[0]) }
        }
        for receipt in receipts { try await receipt.outcome() }
        cutting.cancel()
        _ = await cutting.result
        try await publisherProxy.spare()
        try await subscriberProxy.spare()
        let cuts = (try await publisherProxy.cutCount, try await subscriberProxy.cutCount)
        #expect(cuts.0 >= 10 && cuts.1 >= 10, "the traffic was over after \(cuts) cuts")
        // What would come twice comes before what is published last.
        try await publisher.publish("end", to: "\(root)/end", qos: .exactlyOnce)
        for message in try await messages.take(until: "end") { ledger.note(message) }
        for topic in topics { ledger.check(topic, count: count, once: topic.contains("once")) }
        await publisher.disconnect()
        await subscriber.disconnect()
        if V.protocolVersion != .v31 {
            let lost = (await ends.0.value, await ends.1.value)
            #expect(lost == (0, 0), "the broker has forgotten a session")
        }
    }

    /// Counts the connections without a session until the client is disconnected.
    private static func sessionsLost<V: TestVersion>(_ client: MQTTClient<V>) -> Task<Int, Never> {
        let events = client.events
        return Task {
            var count = 0
            for await event in events {
                if case .connected(let info) = event, !info.sessionPresent { count += 1 }
                if case .disconnected(let error) = event, error.code == .clientClosed { break }
            }
            return count
        }
    }

    /// Cuts in both directions in turn, each time after another number of bytes, until cancelled: from the middle of a
    /// fixed header to some dozens of packets.
    private static func cutAnywhere(_ proxy: CuttingProxy) async throws {
        for cut in 1... {
            try await proxy.cut(
                after: cut * 259 % 331 + (cut.isMultiple(of: 3) ? 1_000 : 5),
                of: cut.isMultiple(of: 2) ? .clientToServer : .serverToClient,
                reset: cut.isMultiple(of: 5)
            )
            try await proxy.waitForCuts(cut)
        }
    }

    /// The same, but not while the server repeats what was under way.
    private static func cutWhenSettled<V: TestVersion>(_ proxy: CuttingProxy, _ client: MQTTClient<V>) async throws {
        for cut in 1... {
            if cut.isMultiple(of: 4) {
                // Inside CONNECT.
                try await proxy.cut(after: 1 + cut % 13, of: .clientToServer)
            } else {
                try await Self.settle(client)
                try await proxy.cut(
                    after: 1 + cut * 407 % 1_200,
                    of: cut.isMultiple(of: 2) ? .clientToServer : .serverToClient,
                    reset: cut.isMultiple(of: 5)
                )
            }
            try await proxy.waitForCuts(cut)
        }
    }

    /// Waits for a connection on which the server has said again what it has to.
    private static func settle<V: TestVersion>(_ client: MQTTClient<V>) async throws {
        while true {
            try await client.connect()
            do throws(MQTTError) {
                try await client.ping()
                return
            } catch {
                guard error.code == .connectionLost || error.code == .notConnected else { throw error }
            }
        }
    }
}
