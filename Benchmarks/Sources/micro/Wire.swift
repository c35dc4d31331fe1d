// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// Encoding and decoding PUBLISH.
enum Wire {
    static let payload = ByteBuffer(repeating: UInt8(ascii: "x"), count: 16)
    static let properties: Properties = [
        .payloadFormatIndicator(.utf8), .messageExpiryInterval(3_600), .contentType("text/plain"),
        .userProperty(name: "unit", value: "celsius"),
    ]

    static var benchmarks: [MicroBenchmark] {
        get throws {
            [
                try self.encode("encode PUBLISH", .v311, Properties()),
                try self.encode("encode PUBLISH, MQTT 5 with properties", .v5, self.properties),
                try self.decode("decode PUBLISH, one topic", .v311, topics: 1, Properties()),
                try self.decode("decode PUBLISH, 50 topics", .v311, topics: 50, Properties()),
                try self.decode("decode PUBLISH, MQTT 5 with properties", .v5, topics: 1, self.properties),
                try self.properties("read the properties of a PUBLISH"),
            ]
        }
    }

    private static func encode(
        _ name: String,
        _ version: ProtocolVersion,
        _ properties: Properties
    ) throws -> MicroBenchmark {
        let message = OutgoingMessage(topic: "bench/t0", payload: self.payload, properties: properties)
        _ = try PublishFrame(message, version: version)
        var buffer = ByteBuffer()
        return MicroBenchmark(name) {
            buffer.clear()
            for _ in 0..<MicroBenchmark.operations {
                guard let frame = try? PublishFrame(message, version: version) else { return 0 }
                frame.write(packetID: nil, duplicate: false, into: &buffer)
            }
            return buffer.readableBytes
        }
    }

    private static func decode(
        _ name: String,
        _ version: ProtocolVersion,
        topics: Int,
        _ properties: Properties
    ) throws -> MicroBenchmark {
        var bytes = ByteBuffer()
        for index in 0..<MicroBenchmark.operations {
            let topic = "bench/t\(index * 7_919 % topics)"
            let message = OutgoingMessage(topic: topic, payload: self.payload, properties: properties)
            try PublishFrame(message, version: version).write(packetID: nil, duplicate: false, into: &bytes)
        }
        let whole = bytes
        var decoder = PacketDecoder(version: version, role: .client)
        var bursts: [PacketBurst] = []
        return MicroBenchmark(name) {
            bursts.removeAll(keepingCapacity: true)
            try? decoder.decode(whole, into: &bursts)
            return bursts.reduce(0) { $0 + $1.entries.count }
        }
    }

    private static func properties(_ name: String) throws -> MicroBenchmark {
        let message = OutgoingMessage(topic: "bench/t0", payload: self.payload, properties: self.properties)
        var bytes = ByteBuffer()
        try PublishFrame(message, version: .v5).write(packetID: nil, duplicate: false, into: &bytes)
        var decoder = PacketDecoder(version: .v5, role: .client)
        var bursts: [PacketBurst] = []
        try decoder.decode(bytes, into: &bursts)
        guard let burst = bursts.last else { preconditionFailure("a message was encoded and none decoded") }
        return MicroBenchmark(name) {
            var found = 0
            for _ in 0..<MicroBenchmark.operations { found += burst.properties(of: burst.entries[0]).count }
            return found
        }
    }
}
