// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Testing

/// A cancelled call ends at once, and the answer that comes later hurts nobody.
@Suite(.timeLimit(.minutes(10))) struct CancellationTests {
    /// A server of 5.0 that says what came, waits until the call was cancelled, and answers then.
    private func withLateServer(
        _ body: @escaping @Sendable (MQTT5Client, Pace) async throws -> Void
    ) async throws {
        try await withDeadline {
            let pace = Pace()
            try await ScriptedServer.with { connection, number in
                #expect(number == 0, "the client has connected again")
                _ = try await connection.packet()
                try await connection.write(Bytes.connAck5)
                // Only what is asked for first is answered late.
                var isLate = true
                while let packet = try await connection.packet().nilIfEmpty {
                    guard let answer = Self.answer(to: packet) else { continue }
                    if isLate {
                        pace.arrived.open()
                        await pace.cancelled.wait()
                        isLate = false
                    }
                    try await connection.write(answer)
                }
            } _: { port in
                try await MQTT5Client.connected(port) { try await body($0, pace) }
            }
        }
    }

    private struct Pace: Sendable {
        let arrived = Gate()
        let cancelled = Gate()
    }

    private static func answer(to packet: [UInt8]) -> [UInt8]? {
        switch packet[0] >> 4 {
        case 3: packet[0] & 6 == 2 ? [0x40, 2, packet[5], packet[6]] : [0x50, 2, packet[5], packet[6]]
        case 6: [0x70, 2, packet[2], packet[3]]
        case 8: [0x90, 4, packet[2], packet[3], 0, 0]
        case 10: [0xB0, 4, packet[2], packet[3], 0, 0]
        case 12: [0xD0, 0]
        default: nil
        }
    }

    /// Cancels `call` once its packet has arrived; expects it to end as cancelled before the answer.
    private func cancel(_ pace: Pace, _ call: @escaping @Sendable () async throws -> Void) async throws {
        let calling = Task { try await call() }
        await pace.arrived.wait()
        calling.cancel()
        try await failure(.cancelled) { try await calling.value }
        pace.cancelled.open()
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a publish`(qos: QoS) async throws {
        try await self.withLateServer { client, pace in
            try await self.cancel(pace) { try await client.publish("cancelled", to: "t", qos: qos) }
            try await client.publish("next", to: "t", qos: qos)
            try await client.ping()
        }
    }

    @Test func `a publish of many`() async throws {
        try await self.withLateServer { client, pace in
            try await self.cancel(pace) {
                try await client.publish(
                    contentsOf: (0..<1_000).lazy.map { _ in
                        OutgoingMessage(topic: "t", payload: "x".mqttPayload, qos: .atLeastOnce)
                    }
                )
            }
            try await client.publish("next", to: "t", qos: .atLeastOnce)
        }
    }

    @Test func `a subscribe`() async throws {
        try await self.withLateServer { client, pace in
            try await self.cancel(pace) { _ = try await client.subscribe(to: "t") }
            let messages = try await client.subscribe(to: "t")
            #expect(messages.reasons == [.success])
            await messages.unsubscribe()
            try await client.ping()
        }
    }

    @Test func `a ping`() async throws {
        try await self.withLateServer { client, pace in
            try await self.cancel(pace) { try await client.ping() }
            try await client.ping()
            try await client.publish("next", to: "t", qos: .exactlyOnce)
        }
    }

    @Test func `a connect`() async throws {
        try await withDeadline {
            let arrived = Gate()
            let closed = Gate()
            try await ScriptedServer.with { connection, number in
                _ = try await connection.packet()
                guard number == 0 else {
                    try await connection.write(Bytes.connAck5)
                    _ = try await connection.rest()
                    return
                }
                arrived.open()
                // Nothing more: not even a DISCONNECT, before CONNACK.
                #expect(try await connection.rest() == [])
                closed.open()
            } _: { port in
                let client = MQTT5Client.local(port)
                let calling = Task { _ = try await client.connect() }
                await arrived.wait()
                calling.cancel()
                try await failure(.cancelled) { try await calling.value }
                await closed.wait()
                guard case .disconnected = client.state else {
                    Issue.record("\(client.state)")
                    return
                }
                // And again, with better luck.
                try await client.connect()
                await client.disconnect()
            }
        }
    }

    @Test(arguments: [true, false])
    func `waiting for a message, which is not lost`(beforeWaiting: Bool) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("next")
            try await MQTT5Client.connected(server.port) { client in
                let messages = try await client.subscribe(to: topic, qos: .atLeastOnce)
                let waiting = Task { _ = try await messages.next() }
                // A round trip is time enough for the other task to begin, most of the time; both ways are right.
                if !beforeWaiting { try await client.ping() }
                waiting.cancel()
                try await failure(.cancelled) { try await waiting.value }
                try await client.publish("kept", to: topic, qos: .atLeastOnce)
                #expect(try await messages.take(1)[0].text == "kept")
            }
        }
    }

    @Test func `waiting for a connection`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            try await CuttingProxy.withProxy(to: server.port) { proxy in
                try await MQTT5Client.connected(proxy.port) { client in
                    var events = client.events.makeAsyncIterator()
                    try await proxy.refuseConnections()
                    try await proxy.cut()
                    try await wait(for: "the loss", in: &events) { $0.isDisconnected }
                    let subscribing = Task { _ = try await client.subscribe(to: "t") }
                    let publishing = Task { _ = try await client.publish("kept", to: "t", qos: .atLeastOnce) }
                    let connecting = Task { _ = try await client.connect() }
                    for task in [subscribing, publishing, connecting] {
                        task.cancel()
                        try await failure(.cancelled) { try await task.value }
                    }
                    try await proxy.acceptConnections()
                    try await wait(for: "connected", in: &events) { $0.isConnected }
                    try await client.ping()
                }
            }
        }
    }
}

extension [UInt8] {
    fileprivate var nilIfEmpty: [UInt8]? { self.isEmpty ? nil : self }
}
