// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import NIOCore

/// The workloads, on the public face alone, for one version of MQTT.
///
///     port=          broker on 127.0.0.1
///     proto=         4 (3.1.1) or 5
///     mode=pub       publish n messages of `size` bytes to bench/t0 at `qos`, at most `window` unacknowledged; `conns` clients
///     mode=sub       take n + 1 messages of `filters` filters (wild=1: with a wildcard each) in `subs` subscriptions, or of
///                    bench/# with one; `conns` clients
///     mode=rtt       publish and wait for the reply, n times
///     mode=conns     open `conns` connections
///     mode=channels  the same with bare channels of NIO: the limit
///     exec=on        the program's tasks run on the client's executor
///     face=batches   `publish(contentsOf:)`, and `batches` of the subscriptions
///     declare=1      subscriptions are declared before connecting
struct Workloads<Version: MQTTVersion>: Sendable {
    let arguments: Arguments
    let port: Int
    let count: Int
    let payload: ByteBuffer
    let qos: QoS
    let window: Int
    let connections: Int
    let takesBatches: Bool

    init(_ arguments: Arguments) {
        self.arguments = arguments
        self.port = arguments.number("port", 1883)
        self.count = arguments.number("n", 100_000)
        let size = arguments.text("mode", "pub") == "sub" ? 0 : arguments.number("size", 16)
        self.payload = ByteBuffer(repeating: UInt8(ascii: "x"), count: size)
        self.qos = QoS(rawValue: UInt8(clamping: arguments.number("qos", 0))) ?? .atMostOnce
        self.window = max(arguments.number("window", 100), 1)
        self.connections = max(arguments.number("conns", 1), 1)
        self.takesBatches = arguments.text("face", "") == "batches"
    }

    /// What no run can be made of.
    static func defect(in arguments: Arguments) -> String? {
        switch arguments.text("face", "messages") {
        case "messages", "batches": break
        case "callbacks": return "face=callbacks needs the product MQTTCallbacks, which there is not yet"
        case let face: return "face=\(face): it is messages or batches"
        }
        guard ["on", "off"].contains(arguments.text("exec", "off")) else { return "exec is on or off" }
        guard [4, 5].contains(arguments.number("proto", 4)) else { return "proto is 4 or 5" }
        guard ["pub", "sub", "rtt", "conns", "channels", "bare-rtt"].contains(arguments.text("mode", "pub")) else {
            return "mode is pub, sub, rtt, conns, channels or bare-rtt"
        }
        return nil
    }

    func client(id: String = "", eventLoop: (any EventLoop)? = nil) -> MQTTClient<Version> {
        var configuration = MQTTClient<Version>.Configuration()
        configuration.inFlightWindow = self.window
        configuration.connectTimeout = .seconds(60)
        configuration.handshakeTimeout = .seconds(60)
        configuration.eventLoop = eventLoop
        // A few of the largest payloads must fit.
        let payload = 4 * self.arguments.number("size", 16)
        configuration.pendingByteLimit = max(configuration.pendingByteLimit, payload)
        configuration.memoryBudget = max(configuration.memoryBudget, payload)
        return MQTTClient(to: .tcp("127.0.0.1", port: self.port), clientID: id, configuration: configuration)
    }

    func run() async throws {
        switch self.arguments.text("mode", "pub") {
        case "conns": try await self.connect()
        case "channels": try await BareChannels.connect(self.connections, port: self.port)
        case "bare-rtt":
            try await BareRoundTrips.run(self.count, size: self.arguments.number("size", 16), port: self.port)
        case "pub" where self.connections > 1: try await self.publishFromMany()
        case "sub" where self.connections > 1: try await self.receiveFromMany()
        case "pub": try await self.on(self.client()) { try await self.publish($0) }
        case "sub": try await self.on(self.client(), connects: false) { try await self.receive($0) }
        default: try await self.on(self.client()) { try await self.roundTrips($0) }
        }
    }

    /// Connects and runs the body, on the client's executor with `exec=on`.
    private func on(
        _ client: MQTTClient<Version>,
        connects: Bool = true,
        _ body: @escaping @Sendable (MQTTClient<Version>) async throws -> Void
    ) async throws {
        if connects { try await client.connect() }
        try await self.prefer(client) { try await body(client) }
        await client.disconnect()
    }

    /// Runs the body on the client's executor with `exec=on`.
    func prefer<Result: Sendable>(
        _ client: MQTTClient<Version>,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard self.arguments.text("exec", "off") == "on" else { return try await body() }
        return try await withTaskExecutorPreference(client.executor) { try await body() }
    }

    private func roundTrips(_ client: MQTTClient<Version>) async throws {
        let messages = try await client.subscribe(to: "bench/reply")
        var times: [Int64] = []
        times.reserveCapacity(self.count)
        let warmUp = 1_000
        var measurement = Measurement()
        for index in -warmUp..<self.count {
            if index == 0 { measurement = Measurement() }
            let start = ContinuousClock.now
            try await client.publish(self.payload, to: "bench/t0")
            _ = try await messages.next()
            if index >= 0 { times.append(Int64((ContinuousClock.now - start) / .nanoseconds(1))) }
        }
        times.sort()
        let median = Double(times[times.count / 2]) / 1e3
        let tail = Double(times[times.count * 99 / 100]) / 1e3
        measurement.report(messages: self.count, more: [("p50_us", median), ("p99_us", tail)])
    }
}
