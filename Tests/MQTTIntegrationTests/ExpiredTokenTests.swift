// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import Synchronization
import Testing

/// Tokens that expire between two connections.
@Suite(.timeLimit(.minutes(5))) struct ExpiredTokenTests {
    /// What a provider was told and a server has seen.
    private final class Record: Sendable {
        let previous = Mutex<[MQTTError?]>([])
        let tokens = Mutex<[String]>([])
    }

    @Test(arguments: [ReasonCode.notAuthorized, .badUserNameOrPassword])
    func `a token refused at a reconnect is asked for anew, with the refusal`(reason: ReasonCode) async throws {
        try await withDeadline {
            let record = Record()
            try await ScriptedServer.with { connection, number in
                let connect = try await connection.packet()
                // The password is the last field.
                let token = String(decoding: connect.suffix(7), as: UTF8.self)
                record.tokens.withLock { $0.append(token) }
                guard number != 1 else {
                    try await connection.write([0x20, 3, 0, reason.rawValue, 0])
                    _ = try await connection.rest()
                    return
                }
                try await connection.write(Bytes.connAck5)
                // The first connection ends by itself.
                if number > 0 { _ = try await connection.rest() }
            } _: { port in
                let credentials = Credentials { previous in
                    let count = record.previous.withLock { list in
                        list.append(previous)
                        return list.count
                    }
                    return Credentials.Value(username: "u", password: "token-\(count)")
                }
                let client = MQTT5Client.local(port) { $0.credentials = credentials }
                var events = client.events.makeAsyncIterator()
                try await client.connect()
                try await wait(for: "the first connection", in: &events) { $0.isConnected }
                try await wait(for: "the refusal", in: &events) { event in
                    if case .disconnected(let error) = event { error.code == .connectRefused } else { false }
                }
                try await wait(for: "the way back", in: &events) { $0.isConnected }
                #expect(record.tokens.withLock { $0 } == ["token-1", "token-2", "token-3"])
                let previous = record.previous.withLock { $0 }
                #expect(previous.map { $0?.code } == [nil, .connectionLost, .connectRefused])
                #expect(previous.map { $0?.reason } == [nil, nil, reason])
                await client.disconnect()
            }
        }
    }
}
