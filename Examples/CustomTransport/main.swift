// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// A client over a connection that is no socket: here a pair in memory with a tiny broker at its other end. A tunnel, a serial
// line or the standard output of another program would be a `ByteStream` in the same way.

import MQTT

/// A connection that tells what goes over it, and leaves the rest to another.
struct Told: ByteStream {
    let stream: any ByteStream

    func read() async throws -> ByteBuffer? {
        let bytes = try await self.stream.read()
        if let bytes { print("broker:", Packets.names(in: bytes)) }
        return bytes
    }

    func write(_ bytes: ByteBuffer) async throws {
        print("client:", Packets.names(in: bytes))
        try await self.stream.write(bytes)
    }

    func close() async { await self.stream.close() }
}

/// The packets of MQTT 3.1.1 in bytes, all of them short here.
enum Packets {
    private static let names = [1: "CONNECT", 2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 14: "DISCONNECT"]

    static func each(in bytes: ByteBuffer) -> [[UInt8]] {
        var bytes = bytes
        var packets: [[UInt8]] = []
        while let length = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt8.self) {
            guard let packet = bytes.readBytes(length: 2 + Int(length)) else { break }
            packets.append(packet)
        }
        return packets
    }

    static func names(in bytes: ByteBuffer) -> String {
        self.each(in: bytes).map { self.names[Int($0[0] >> 4)] ?? "packet \($0[0] >> 4)" }.joined(separator: " ")
    }
}

/// Says yes to everything.
@Sendable func serve(_ stream: InMemoryByteStream) async throws {
    while let bytes = try await stream.read() {
        for packet in Packets.each(in: bytes) {
            switch packet[0] >> 4 {
            case 1: try await stream.write(ByteBuffer(bytes: [0x20, 2, 0, 0]))
            case 3:
                // Behind the topic is the packet identifier, which PUBACK repeats.
                let id = 4 + Int(packet[3])
                try await stream.write(ByteBuffer(bytes: [0x40, 2, packet[id], packet[id + 1]]))
            default: break
            }
        }
    }
}

// Each attempt to connect opens a connection of its own.
let endpoint = Endpoint.custom("memory") {
    let (client, broker) = InMemoryByteStream.pair()
    Task { try await serve(broker) }
    return Told(stream: client)
}
try await MQTT311Client.withClient(to: endpoint) { client in
    try await client.publish("22.5", to: "sensors/temp", qos: .atLeastOnce)
}
