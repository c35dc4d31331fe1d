// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTWire
import Testing

/// What a user may say with DISCONNECT.
@Suite(.timeLimit(.minutes(10))) struct DisconnectTests {
    @Test(.sends("U5-3.14.2.2.2-1?"), arguments: [0, 1, 60] as [UInt32])
    func `a session that ends with its connection cannot be kept by DISCONNECT`(expiry: UInt32) async throws {
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5))
        if expiry > 0 {
            let error = await #expect(throws: MQTTError.self) {
                try await virtual.client.disconnect(
                    reason: .normalDisconnection,
                    properties: [.sessionExpiryInterval(expiry)]
                )
            }
            #expect(error?.code == .invalidArgument)
            // The connection stands.
            async let pong = virtual.client.ping()
            try await virtual.peer.expect(.pingRequest)
            try await virtual.peer.send(.pingResponse)
            _ = try await pong
        } else {
            try await virtual.client.disconnect(
                reason: .normalDisconnection,
                properties: [.sessionExpiryInterval(expiry)]
            )
            let packet = Disconnect(reason: .normalDisconnection, properties: [.sessionExpiryInterval(0)])
            try await virtual.peer.expect(.disconnect(packet))
        }
    }

    @Test func `a session that is kept may be kept for longer, or not at all`() async throws {
        for expiry in [0, 5, 600] as [UInt32] {
            let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5)) {
                $0.sessionExpiry = .seconds(60)
            }
            try await virtual.client.disconnect(
                reason: .disconnectWithWill,
                properties: [.sessionExpiryInterval(expiry)]
            )
            let packet = Disconnect(reason: .disconnectWithWill, properties: [.sessionExpiryInterval(expiry)])
            try await virtual.peer.expect(.disconnect(packet))
        }
    }
}
