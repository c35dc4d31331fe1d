// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import MQTT

/// A client with the world it lives in and the server's end of its connection, for requests.
struct Asking: Sendable {
    let world: VirtualWorld
    let client: MQTT5Client
    let peer: ScriptedPeer

    /// Connects; a subscription to replies ends with its last request unless `change` says otherwise.
    static func connected(
        properties: Properties = [.subscriptionIdentifierAvailable(false)],
        _ change: (inout MQTT5Client.Configuration) -> Void = { _ in }
    ) async throws -> Asking {
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        configuration.clientID = "asking"
        configuration.keepAlive = .zero
        configuration.reconnect = ReconnectPolicy(initialDelay: .milliseconds(10), maximumDelay: .milliseconds(10))
        configuration.requests.idleLimit = .zero
        change(&configuration)
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        async let connected = client.connect()
        let peer = await world.accept()
        try await peer.acceptConnect(properties: properties)
        _ = try await connected
        return Asking(world: world, client: client, peer: peer)
    }

    /// Begins a request in a task of its own.
    func ask(
        _ text: String = "2+2",
        qos: QoS = .atMostOnce,
        timeout: Duration = .seconds(30),
        properties: Properties = Properties(),
        whenDisconnected: RequestSettings.WhenDisconnected? = nil
    ) -> Task<String, any Error> {
        let client = self.client
        return Task {
            let reply = try await client.request(
                text,
                to: "calculator",
                qos: qos,
                timeout: timeout,
                properties: properties,
                whenDisconnected: whenDisconnected
            )
            return reply.text ?? ""
        }
    }

    /// Waits until the client has nothing left to do on its event loop, and says whether it has sent nothing.
    func isSilent(_ peer: ScriptedPeer? = nil) async throws -> Bool {
        try await self.client.eventLoop.submit {}.get()
        return try await (peer ?? self.peer).channel.readOutbound(as: ByteBuffer.self) == nil
    }

    /// Nothing of any request is left behind.
    func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) {
        let isEmpty = self.client.link.requests.withLock { $0.isEmpty && $0.active == 0 && $0.asking.isEmpty }
        #expect(isEmpty, sourceLocation: sourceLocation)
        #expect(self.client.link.timers.withLock { $0.count } == 0, sourceLocation: sourceLocation)
    }
}

extension ScriptedPeer {
    /// The SUBSCRIBE that has to come.
    func nextSubscribe() async throws -> Subscribe {
        guard case .subscribe(let packet) = try await self.next() else { throw UnexpectedPacket() }
        return packet
    }

    /// The SUBSCRIBE that has to come, granted.
    @discardableResult
    func acceptSubscribe() async throws -> Subscribe {
        let packet = try await self.nextSubscribe()
        let reasons = packet.entries.map { ReasonCode(rawValue: $0.options.qos.rawValue) }
        try await self.send(.subAck(SubAck(packetID: packet.packetID, reasons: reasons)))
        return packet
    }

    /// The UNSUBSCRIBE that has to come, answered.
    @discardableResult
    func acceptUnsubscribe() async throws -> Unsubscribe {
        guard case .unsubscribe(let packet) = try await self.next() else { throw UnexpectedPacket() }
        try await self.send(.unsubAck(UnsubAck(packetID: packet.packetID, reasons: [.success])))
        return packet
    }

    /// The PUBLISH that has to come.
    func nextPublish() async throws -> Publish {
        guard case .publish(let packet) = try await self.next() else { throw UnexpectedPacket() }
        return packet
    }
}

extension Publish {
    /// The reply of a responder that does as it should.
    func reply(
        _ text: String,
        qos: QoS = .atMostOnce,
        id: PacketID? = nil,
        _ change: (inout Publish) -> Void = { _ in }
    ) -> Packet {
        var reply = Publish(
            topic: self.properties.responseTopic ?? "",
            payload: ByteBuffer(string: text),
            qos: qos,
            packetID: id
        )
        reply.properties.correlationData = self.properties.correlationData
        change(&reply)
        return .publish(reply)
    }
}

/// The code of the error a request ended with; nil for a reply.
func code(of request: Task<String, any Error>) async -> MQTTError.Code? {
    do {
        _ = try await request.value
        return nil
    } catch {
        return (error as? MQTTError)?.code
    }
}
