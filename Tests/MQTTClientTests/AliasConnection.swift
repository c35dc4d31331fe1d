// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import Testing

/// A 5.0 client of the virtual world, connection after connection.
struct AliasConnection: ~Copyable {
    let world = VirtualWorld(version: .v5)
    let client: MQTT5Client
    private(set) var peer: ScriptedPeer
    private var events: AsyncStream<MQTTEvent>.Iterator
    /// How long the client waits before its next attempt.
    private var wait = Duration.zero

    /// Connects to a server that takes so many aliases; nil: it does not say.
    init(
        taking maximum: UInt16?,
        _ more: Properties = [],
        _ change: (inout MQTT5Client.Configuration) -> Void = { _ in }
    ) async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.clientID = "aliases"
        configuration.switchLoggingOff()
        configuration.cleanStart = .never
        configuration.sessionExpiry = .seconds(3_600)
        change(&configuration)
        let client = MQTT5Client(configuration: configuration, world: self.world, eventLoop: self.world.eventLoop)
        self.client = client
        self.events = client.events.makeAsyncIterator()
        async let connected = client.connect()
        self.peer = await self.world.accept()
        try await self.peer.acceptConnect(properties: Self.properties(maximum, more))
        _ = try await connected
    }

    private static func properties(_ maximum: UInt16?, _ more: Properties = []) -> Properties {
        Properties((maximum.map { [.topicAliasMaximum($0)] } ?? []) + more)
    }

    /// Cuts the connection, and lets the client wait for its next attempt.
    mutating func cut() async throws {
        try await self.peer.cut()
        while case .some(let event) = await self.events.next(isolation: #isolation) {
            if case .reconnecting(_, let wait) = event {
                self.wait = wait
                return
            }
        }
        throw UnexpectedPacket()
    }

    /// Lets the client connect again, to a server that takes so many aliases and may have kept the session.
    mutating func reconnect(taking maximum: UInt16?, sessionPresent: Bool = true) async throws {
        try await self.world.advance(by: self.wait)
        self.peer = await self.world.accept()
        try await self.peer.acceptConnect(sessionPresent: sessionPresent, properties: Self.properties(maximum))
        while case .some(let event) = await self.events.next(isolation: #isolation) {
            if case .connected = event { return }
        }
        throw UnexpectedPacket()
    }

    /// The next packet, which has to be a PUBLISH.
    func publish(sourceLocation: SourceLocation = #_sourceLocation) async throws -> Publish {
        let packet = try await self.peer.next()
        guard case .publish(let publish) = packet else {
            Issue.record("\(packet) instead of a PUBLISH", sourceLocation: sourceLocation)
            throw UnexpectedPacket()
        }
        return publish
    }

    /// The topics and aliases of the next messages.
    func sent(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws -> [Named] {
        var sent: [Named] = []
        while sent.count < count { sent.append(Named(try await self.publish(sourceLocation: sourceLocation))) }
        return sent
    }
}

/// How a PUBLISH names its topic.
struct Named: Equatable, CustomStringConvertible {
    var topic: String
    var alias: UInt16?

    init(_ topic: String, _ alias: UInt16? = nil) {
        self.topic = topic
        self.alias = alias
    }

    init(_ publish: Publish) { self.init(publish.topic, publish.properties.topicAlias) }

    var description: String { "\"\(self.topic)\" \(self.alias.map(String.init) ?? "-")" }
}
