// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import NIOCore

extension Workloads {
    /// From the first publish to the last acknowledgement.
    func publish(_ client: MQTTClient<Version>) async throws {
        let measurement = Measurement()
        try await self.publish(self.count, with: client)
        measurement.report(messages: self.count)
    }

    /// Each client publishes its share, all at once.
    func publishFromMany() async throws {
        let clients = try await self.connectAll()
        let share = self.count / clients.count
        let measurement = Measurement()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients {
                group.addTask { try await self.prefer(client) { try await self.publish(share, with: client) } }
            }
            try await group.waitForAll()
        }
        measurement.report(messages: share * clients.count)
    }

    private func publish(_ count: Int, with client: MQTTClient<Version>) async throws {
        if self.qos == .atMostOnce {
            for _ in 0..<count { try await client.publish(self.payload, to: "bench/t0") }
            // Its acknowledgement says that everything before it has arrived.
            try await client.publish("x", to: "bench/end", qos: .atLeastOnce)
        } else if self.takesBatches {
            let message = OutgoingMessage(topic: "bench/t0", payload: self.payload, qos: self.qos)
            try await client.publish(contentsOf: repeatElement(message, count: count))
        } else {
            try await self.publishWithReceipts(count, with: client)
        }
    }

    private func publishWithReceipts(_ count: Int, with client: MQTTClient<Version>) async throws {
        var receipts: [PublishReceipt] = []
        receipts.reserveCapacity(self.window)
        var next = 0
        for index in 0..<count {
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
}
