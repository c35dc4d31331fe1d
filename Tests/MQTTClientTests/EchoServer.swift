// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import Synchronization
import Testing

/// A server in memory that says yes to everything, sends every message to whoever subscribed to it, and keeps what came.
final class EchoServer<Version: MQTTVersion>: Sendable {
    fileprivate struct State {
        var packets: [Packet] = []
        var subscriptions: [(filter: TopicFilter, entry: Subscribe.Entry, identifier: UInt32?)] = []
        var lastPacketID = PacketID.first
        var peer: ScriptedPeer?
        var answersPings = true
    }

    let world = VirtualWorld(version: Version.protocolVersion)
    private let state = Mutex(State())

    /// Everything the client has sent, oldest first.
    var packets: [Packet] { self.state.withLock { $0.packets } }

    /// The messages the client has sent.
    var publishes: [Publish] {
        self.packets.compactMap { if case .publish(let publish) = $0 { publish } else { nil } }
    }

    /// What the client has asked to subscribe to.
    var subscribes: [Subscribe] {
        self.packets.compactMap { if case .subscribe(let subscribe) = $0 { subscribe } else { nil } }
    }

    /// The filters the client has given up.
    var unsubscribed: [String] {
        self.packets.flatMap { packet -> [String] in
            if case .unsubscribe(let unsubscribe) = packet { unsubscribe.filters } else { [] }
        }
    }

    /// The last CONNECT.
    var connect: Connect? {
        self.packets.compactMap { if case .connect(let connect) = $0 { connect } else { nil } }.last
    }

    /// Makes a client of this server's world, which is not connected.
    func makeClient(
        _ configuration: MQTTClient<Version>.Configuration = MQTTClient<Version>.Configuration()
    ) -> MQTTClient<Version> {
        MQTTClient<Version>(configuration: configuration, world: self.world, eventLoop: self.world.eventLoop)
    }

    /// Answers the next connection.
    func accept(_ answer: ConnAck = ConnAck()) {
        Task {
            let peer = await self.world.accept()
            self.state.withLock { $0.peer = peer }
            // The end of the connection ends the loop.
            while let packet = try? await peer.next() {
                self.state.withLock { $0.packets.append(packet) }
                if case .connect = packet { try await peer.send(.connAck(answer)) }
                try await peer.send(self.answers(to: packet))
            }
        }
    }

    /// Runs `body` with a client that is connected, and this server.
    static func with(
        _ configuration: MQTTClient<Version>.Configuration = MQTTClient<Version>.Configuration(),
        _ answer: ConnAck = ConnAck(),
        _ body: (MQTTClient<Version>, EchoServer) async throws -> Void
    ) async throws {
        let server = EchoServer()
        let client = server.makeClient(configuration)
        server.accept(answer)
        try await client.connect()
        do {
            try await body(client, server)
            await client.disconnect()
        } catch {
            await client.disconnect()
            throw error
        }
    }

    /// Cuts the connection.
    func cut() async throws { try await self.state.withLock { $0.peer }?.cut() }

    /// Sends bytes as they are.
    func write(_ bytes: [UInt8]) async throws {
        try await self.state.withLock { $0.peer }?.write(ByteBuffer(bytes: bytes))
    }

    /// From now on PINGREQ has no answer.
    func ignorePings() { self.state.withLock { $0.answersPings = false } }

    private func answers(to packet: Packet) -> [Packet] {
        self.state.withLock { state in
            switch packet {
            case .publish(let publish):
                return state.acknowledgements(of: publish) + state.echoes(of: publish)
            case .pubRel(let release):
                return [.pubComp(Acknowledgement(packetID: release.packetID))]
            case .pubRec(let received):
                return [.pubRel(Acknowledgement(packetID: received.packetID))]
            case .subscribe(let subscribe):
                return [state.subscribed(subscribe)]
            case .unsubscribe(let unsubscribe):
                return [state.unsubscribed(unsubscribe)]
            case .pingRequest:
                return state.answersPings ? [.pingResponse] : []
            default:
                return []
            }
        }
    }
}

extension EchoServer.State {
    private var hasReasons: Bool { Version.protocolVersion == .v5 }

    mutating func acknowledgements(of publish: Publish) -> [Packet] {
        guard let id = publish.packetID else { return [] }
        let acknowledgement = Acknowledgement(packetID: id)
        return [publish.qos == .atLeastOnce ? .pubAck(acknowledgement) : .pubRec(acknowledgement)]
    }

    mutating func echoes(of publish: Publish) -> [Packet] {
        var echoes: [Packet] = []
        for (filter, entry, identifier) in self.subscriptions where filter.matches(publish.topic) {
            guard !entry.options.noLocal else { continue }
            var echo = publish
            echo.qos = min(publish.qos, entry.options.qos)
            echo.retain = publish.retain && entry.options.retainAsPublished
            echo.packetID = nil
            echo.properties.topicAlias = nil
            if echo.qos != .atMostOnce {
                self.lastPacketID = self.lastPacketID.next
                echo.packetID = self.lastPacketID
            }
            if let identifier { echo.properties.append(.subscriptionIdentifier(identifier)) }
            echoes.append(.publish(echo))
        }
        return echoes
    }

    mutating func subscribed(_ packet: Subscribe) -> Packet {
        for entry in packet.entries {
            guard let filter = try? TopicFilter(entry.filter) else { continue }
            self.subscriptions.removeAll { $0.filter == filter }
            self.subscriptions.append((filter, entry, packet.properties.subscriptionIdentifier))
        }
        let reasons = packet.entries.map { ReasonCode(rawValue: $0.options.qos.rawValue) }
        return .subAck(SubAck(packetID: packet.packetID, reasons: reasons))
    }

    mutating func unsubscribed(_ packet: Unsubscribe) -> Packet {
        self.subscriptions.removeAll { packet.filters.contains($0.filter.string) }
        let reasons = self.hasReasons ? packet.filters.map { _ in ReasonCode.success } : []
        return .unsubAck(UnsubAck(packetID: packet.packetID, reasons: reasons))
    }
}

/// The code of the error that `body` throws; fails the test when it throws none.
func codeOfError(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async -> MQTTError.Code? {
    await #expect(throws: MQTTError.self, sourceLocation: sourceLocation) { try await body() }?.code
}
