// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// Publishes what `pub` was told to and waits until the broker has taken it.
struct PublishJob: SessionJob {
    let topic: String
    let source: PayloadSource
    let qos: QoS
    let retain: Bool
    let count: Int
    let delay: Duration

    var longestOutage: Duration? { .seconds(10) }

    var hasEnd: Bool { true }

    func run<Version: MQTTVersion>(on client: MQTTClient<Version>) async throws {
        switch self.source {
        case .text(let text): try await self.publish(ByteBuffer(string: text), client)
        case .file(let path): try await self.publish(try await InputFile.contents(of: path), client)
        case .standardInput: try await self.publish(try await InputFile.standardInput.contents(), client)
        case .empty: try await self.publish(ByteBuffer(), client)
        case .lines: try await self.publishLines(client)
        }
    }

    private func message(_ payload: ByteBuffer) -> OutgoingMessage {
        OutgoingMessage(topic: self.topic, payload: payload, qos: self.qos, retain: self.retain)
    }

    private func publish<Version: MQTTVersion>(_ payload: ByteBuffer, _ client: MQTTClient<Version>) async throws {
        let message = self.message(payload)
        try await client.connect()
        guard self.delay > .zero else {
            try await client.publish(contentsOf: repeatElement(message, count: self.count))
            return
        }
        for number in 0..<self.count {
            if number > 0 { try await Task.sleep(for: self.delay) }
            try await client.publish(message)
        }
    }

    /// A message per line, as they come; a reader's worth of them is under way at once.
    private func publishLines<Version: MQTTVersion>(_ client: MQTTClient<Version>) async throws {
        var splitter = LineSplitter()
        try await client.connect()
        while let chunk = try await InputFile.standardInput.chunk() {
            let lines = splitter.lines(of: chunk)
            guard splitter.pendingBytes <= InputFile.longestPayload else { throw InputFile.standardInput.tooLong }
            guard !lines.isEmpty else { continue }
            // While the connection is being made again, reading waits instead of filling the queue.
            try await client.connect()
            try await client.publish(contentsOf: lines.lazy.map { self.message($0) })
        }
        if let line = splitter.end() { try await client.publish(self.message(line)) }
    }
}
