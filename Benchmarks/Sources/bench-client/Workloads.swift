// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import NIOCore

/// The workloads, on the public face alone, for one version of MQTT.
struct Workloads<Version: MQTTVersion> {
    let arguments: Arguments
    let port: Int
    let count: Int
    let payload: ByteBuffer
    let qos: QoS
    let window: Int

    init(_ arguments: Arguments) {
        self.arguments = arguments
        self.port = arguments.number("port", 1883)
        self.count = arguments.number("n", 100_000)
        self.payload = ByteBuffer(repeating: UInt8(ascii: "x"), count: arguments.number("size", 16))
        self.qos = QoS(rawValue: UInt8(clamping: arguments.number("qos", 0))) ?? .atMostOnce
        self.window = arguments.number("window", 100)
    }

    func client(id: String = "") -> MQTTClient<Version> {
        var configuration = MQTTClient<Version>.Configuration()
        configuration.inFlightWindow = max(self.window, 1)
        configuration.connectTimeout = .seconds(60)
        configuration.handshakeTimeout = .seconds(60)
        return MQTTClient(to: .tcp("127.0.0.1", port: self.port), clientID: id, configuration: configuration)
    }

    func run() async throws {
        let client = self.client()
        switch self.arguments.text("mode", "pub") {
        case "pub": try await self.on(client) { try await self.publish(client) }
        case "sub": try await self.on(client) { try await self.receive(client) }
        case "rtt": try await self.on(client) { try await self.roundTrips(client) }
        case "conns": try await self.connections()
        default: print("mode is one of pub, sub, rtt, conns")
        }
    }

    /// Connects and runs the body, on the client's executor with `exec=on`.
    private func on(_ client: MQTTClient<Version>, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await client.connect()
        if self.arguments.text("exec", "off") == "on" {
            try await withTaskExecutorPreference(client.executor) { try await body() }
        } else {
            try await body()
        }
        await client.disconnect()
    }

    private func publish(_ client: MQTTClient<Version>) async throws {
        let measurement = Measurement()
        if self.qos == .atMostOnce {
            for _ in 0..<self.count { try await client.publish(self.payload, to: "bench/t0") }
            try await client.publish("x", to: "bench/end", qos: .atLeastOnce)
        } else if self.arguments.text("face", "receipts") == "batches" {
            let message = OutgoingMessage(topic: "bench/t0", payload: self.payload, qos: self.qos)
            try await client.publish(contentsOf: repeatElement(message, count: self.count))
        } else {
            var receipts: [PublishReceipt] = []
            receipts.reserveCapacity(self.window)
            var next = 0
            for index in 0..<self.count {
                if index >= self.window {
                    try await receipts[next].outcome()
                    receipts[next] = try client.enqueue(self.payload, to: "bench/t0", qos: self.qos)
                    next = (next + 1) % self.window
                } else {
                    receipts.append(try client.enqueue(self.payload, to: "bench/t0", qos: self.qos))
                }
            }
            for receipt in receipts { try await receipt.outcome() }
        }
        measurement.report(messages: self.count)
    }

    private func receive(_ client: MQTTClient<Version>) async throws {
        let filters = self.arguments.number("filters", 1)
        let isWild = self.arguments.number("wild", 0) == 1
        guard filters == 1 else { return try await self.receiveMany(client, filters: filters, isWild: isWild) }
        let messages = try await client.subscribe(to: "bench/#", qos: self.qos)
        var left = self.count + 1
        if self.arguments.text("face", "") == "batches" {
            var batches = messages.batches.makeAsyncIterator()
            left -= try await batches.next()?.count ?? 0
            let measurement = Measurement()
            while left > 0, let batch = try await batches.next() { left -= batch.count }
            measurement.report(messages: self.count)
        } else {
            _ = try await messages.next()
            left -= 1
            let measurement = Measurement()
            for try await _ in messages {
                left -= 1
                if left == 0 { break }
            }
            measurement.report(messages: self.count)
        }
    }

    /// One subscription a filter, each with a consumer of its own.
    private func receiveMany(_ client: MQTTClient<Version>, filters: Int, isWild: Bool) async throws {
        var subscriptions: [MQTTSubscription] = []
        for index in 0..<filters {
            let filter = isWild ? "bench/t\(index)/+" : "bench/t\(index)"
            subscriptions.append(try await client.subscribe(to: filter, qos: self.qos))
        }
        let (received, tell) = AsyncStream.makeStream(of: Int.self)
        let consumers = subscriptions.map { subscription in
            Task {
                var batches = subscription.batches.makeAsyncIterator()
                while let batch = try await batches.next() { tell.yield(batch.count) }
            }
        }
        var left = self.count + 1
        var measurement: Measurement?
        for await count in received {
            measurement = measurement ?? Measurement()
            left -= count
            if left <= 0 { break }
        }
        measurement?.report(messages: self.count)
        for consumer in consumers { consumer.cancel() }
    }

    private func roundTrips(_ client: MQTTClient<Version>) async throws {
        let messages = try await client.subscribe(to: "bench/reply")
        var times: [Int64] = []
        times.reserveCapacity(self.count)
        let measurement = Measurement()
        for _ in 0..<self.count {
            let start = ContinuousClock.now
            try await client.publish(self.payload, to: "bench/t0")
            _ = try await messages.next()
            times.append(Int64((ContinuousClock.now - start) / .nanoseconds(1)))
        }
        times.sort()
        let median = Double(times[times.count / 2]) / 1e3
        let tail = Double(times[times.count * 99 / 100]) / 1e3
        measurement.report(messages: self.count, more: ",\"p50_us\":\(median),\"p99_us\":\(tail)")
    }

    private func connections() async throws {
        let count = self.arguments.number("conns", 1_000)
        let base = Measurement.residentKilobytes()
        let measurement = Measurement()
        let clients = try await withThrowingTaskGroup(of: MQTTClient<Version>.self) { group in
            for index in 0..<count {
                group.addTask {
                    let client = self.client(id: "bench-\(index)")
                    try await client.connect()
                    return client
                }
            }
            var clients: [MQTTClient<Version>] = []
            for try await client in group { clients.append(client) }
            return clients
        }
        measurement.report(messages: count, more: ",\"base_kb\":\(base)")
        withExtendedLifetime(clients) {}
    }
}
