// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import Testing

/// Going to another server over real sockets (MQTT 5.0, 4.11).
@Suite(.timeLimit(.minutes(10))) struct ServerReferenceConnectionTests {
    /// CONNACK "use another server", with the server to use.
    private static func refusal(naming server: String) -> [UInt8] {
        let text = Array(server.utf8)
        let length = UInt8(truncatingIfNeeded: text.count)
        return [0x20, 6 + length, 0, 0x9C, 3 + length, 0x1C, 0, length] + text
    }

    @Test(.receives("U5-4.11-1")) func `a client goes to the server that is named, if its policy names it too`()
        async throws
    {
        try await withDeadline {
            try await ScriptedServer.with { connection, _ in
                _ = try await connection.packet()
                try await connection.write(Bytes.connAck5)
                _ = try await connection.rest()
            } _: { target in
                try await ScriptedServer.with { connection, _ in
                    _ = try await connection.packet()
                    try await connection.write(Self.refusal(naming: "127.0.0.1:\(target)"))
                    _ = try await connection.rest()
                } _: { port in
                    let client = MQTT5Client.local(port) { $0.reconnect.serverReferences = .follow(to: ["127.0.0.1"]) }
                    var events = client.events.makeAsyncIterator()
                    try await client.connect()
                    var named: ServerReference?
                    try await wait(for: "connected", in: &events) { event in
                        if case .redirected(let server) = event { named = server }
                        return event.isConnected
                    }
                    #expect(named == ServerReference(host: "127.0.0.1", port: target))
                    await client.disconnect()

                    let other = MQTT5Client.local(port) { $0.reconnect.serverReferences = .follow(to: ["localhost"]) }
                    let error = try await failure(.connectRefused) { try await other.connect() }
                    #expect(error.reason == .useAnotherServer)
                    #expect(error.properties.serverReference == "127.0.0.1:\(target)")
                }
            }
        }
    }
}
