// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import NIOCore
import NIOPosix

extension Workloads {
    /// From the first dial to the last CONNACK.
    func connect() async throws {
        let base = Measurement.residentKilobytes()
        let measurement = Measurement()
        let clients = try await self.connectAll()
        let kilobytes = Double(Measurement.residentKilobytes() - base) / Double(clients.count)
        measurement.report(
            messages: clients.count,
            more: [("base_kb", Double(base)), ("ms", measurement.seconds * 1e3), ("kb_each", kilobytes)]
        )
        withExtendedLifetime(clients) {}
    }

    /// Connects `conns` clients on the process's event loops.
    ///
    /// Not more at a time than a listener's queue takes: what does not fit waits a second for TCP to try again.
    func connectAll(atOnce limit: Int = 1_000) async throws -> [MQTTClient<Version>] {
        try await withThrowingTaskGroup(of: MQTTClient<Version>.self) { group in
            var clients: [MQTTClient<Version>] = []
            clients.reserveCapacity(self.connections)
            for index in 0..<self.connections {
                if index >= limit, let client = try await group.next() { clients.append(client) }
                group.addTask {
                    let client = self.client(id: "bench-\(index)")
                    try await client.connect()
                    return client
                }
            }
            for try await client in group { clients.append(client) }
            return clients
        }
    }

    /// Each client has a subscription, and each takes n messages.
    func receiveFromMany() async throws {
        let clients = try await self.connectAll()
        let total = self.count * clients.count
        let tally = Tally(total)
        await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients {
                group.addTask {
                    try await self.prefer(client) {
                        let messages = try await client.subscribe(to: "bench/#", qos: self.qos)
                        try await self.consume(messages, tally)
                    }
                }
            }
            await tally.wait().report(messages: total)
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
        withExtendedLifetime(clients) {}
    }
}
