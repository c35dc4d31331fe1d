// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

/// What a caller asks for and MQTT forbids: the call throws, and nothing is sent.
@Suite(.timeLimit(.minutes(10)))
struct CallerTests {
    private static let long = String(repeating: "x", count: 65_536)
    /// What no string field can hold, and two lengths beyond 16 bits.
    static let bad = ["\0", "a\0b", Self.long, String(repeating: "x", count: 131_072)]

    /// Checks that a call throws.
    private func refused(
        _ code: MQTTError.Code,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> Void
    ) async {
        let error = await #expect(throws: MQTTError.self, sourceLocation: sourceLocation) { try await body() }
        #expect(error?.code == code, "\(error?.message.prefix(200) ?? "")", sourceLocation: sourceLocation)
    }

    /// Checks that nothing was sent: a ping is the first packet the server sees.
    private func expectSilence<V: MQTTVersion>(_ virtual: VirtualClient<V>) async throws {
        async let pong = virtual.client.ping()
        try await virtual.peer.expect(.pingRequest)
        try await virtual.peer.send(.pingResponse)
        _ = try await pong
    }

    private func disconnected<V: MQTTVersion>(
        _ type: MQTTClient<V>.Type,
        _ change: (inout MQTTClient<V>.Configuration) -> Void
    ) -> MQTTClient<V> {
        let world = VirtualWorld(version: V.protocolVersion)
        // What gets so far fails in another way, at once.
        world.refuse(.max)
        var configuration = MQTTClient<V>.Configuration()
        configuration.clientID = "virtual"
        change(&configuration)
        return MQTTClient<V>(configuration: configuration, world: world, eventLoop: world.eventLoop)
    }

    // MARK: - String longer than its 16-bit length, U+0000

    @Test(
        .sends("5:MQTT-1.5.4-2", "5:MQTT-1.5.7-1", "5:MQTT-3.3.2-1", "5:MQTT-3.3.2-13", "5:MQTT-3.3.2-19"),
        .sends("5:MQTT-3.8.3-1", "5:MQTT-4.7.3-2", "5:MQTT-4.7.3-3", "U5-1.5.6-1?"),
        arguments: Self.bad
    )
    func `text and bytes no field can hold are refused by the calls of 5_0`(text: String) async throws {
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5))
        let client = virtual.client
        for qos in QoS.allCases {
            await self.refused(.invalidTopic) { try await client.publish("x", to: text, qos: qos) }
            await self.refused(.invalidTopic) { try client.enqueue("x", to: text, qos: qos) }
        }
        await self.refused(.invalidFilter) { _ = try await client.subscribe(to: "a", text) }
        await self.refused(.invalidFilter) { _ = try client.declareSubscription(to: text) }
        let properties: [Property] = [
            .contentType(text), .userProperty(name: text, value: ""), .userProperty(name: "", value: text),
            .correlationData(ByteBuffer(repeating: 0, count: max(65_536, text.utf8.count))),
        ]
        for property in properties {
            await self.refused(.invalidArgument) { try await client.publish("x", to: "a", properties: [property]) }
        }
        await self.refused(.invalidArgument) {
            try await client.publish("x", to: "a", properties: [.responseTopic(text)])
        }
        await self.refused(.invalidArgument) {
            try await client.disconnect(reason: .disconnectWithWill, properties: [.reasonString(text)])
        }
        try await self.expectSilence(virtual)
    }

    @Test(
        .sends("3.1.1:MQTT-1.5.3-2", "3.1.1:MQTT-3.8.3-1", "3.1.1:MQTT-4.7.3-2", "3.1.1:MQTT-4.7.3-3"),
        arguments: Self.bad
    )
    func `text no field can hold is refused by the calls of 3_1_1`(text: String) async throws {
        let virtual = try await VirtualClient<V311>.connected(in: VirtualWorld(version: .v311))
        for qos in QoS.allCases {
            await self.refused(.invalidTopic) { try await virtual.client.publish("x", to: text, qos: qos) }
        }
        await self.refused(.invalidFilter) { _ = try await virtual.client.subscribe(to: text) }
        try await self.expectSilence(virtual)
    }

    private func refusesConnect<V: MQTTVersion>(_ type: MQTTClient<V>.Type, _ text: String) async {
        let payload = ByteBuffer()
        await self.refused(.invalidArgument) {
            try await self.disconnected(type) { $0.clientID = text }.connect()
        }
        await self.refused(.invalidTopic) {
            try await self.disconnected(type) { $0.will = Will(topic: text, payload: payload) }.connect()
        }
        await self.refused(.invalidArgument) {
            try await self.disconnected(type) { $0.credentials = Credentials(username: text) }.connect()
        }
        let bytes = ByteBuffer(repeating: 0, count: max(65_536, text.utf8.count))
        await self.refused(.invalidArgument) {
            try await self.disconnected(type) {
                $0.credentials = Credentials(username: "u", passwordBytes: bytes)
            }.connect()
        }
        await self.refused(.invalidArgument) {
            try await self.disconnected(type) { $0.will = Will(topic: "w", payload: bytes) }.connect()
        }
    }

    @Test(
        .sends("5:MQTT-1.5.4-2", "5:MQTT-3.1.3-4", "5:MQTT-3.1.3-11", "5:MQTT-3.1.3-12", "U5-1.5.6-1?"),
        .sends("3.1.1:MQTT-1.5.3-2", "3.1.1:MQTT-3.1.3-4", "3.1.1:MQTT-3.1.3-10", "3.1.1:MQTT-3.1.3-11"),
        arguments: Self.bad
    )
    func `text and bytes no CONNECT can hold are refused before anything is opened`(text: String) async {
        await self.refusesConnect(MQTT5Client.self, text)
        await self.refusesConnect(MQTT311Client.self, text)
    }

    // MARK: - Wildcards, filters, options

    @Test(
        .sends("5:MQTT-3.3.2-2", "5:MQTT-3.3.2-14", "5:MQTT-4.7.0-1", "5:MQTT-4.7.3-1", "5:MQTT-3.3.4-6"),
        .sends("5:MQTT-3.8.3-2", "5:MQTT-3.8.3-4", "5:MQTT-4.7.1-1", "5:MQTT-4.7.1-2", "5:MQTT-4.8.2-1"),
        .sends("5:MQTT-4.8.2-2", "U5-3.8.2.1.2-1?")
    )
    func `calls that break a rule of 5_0 send nothing`() async throws {
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5))
        let client = virtual.client
        for topic in ["", "#", "+", "a/#", "a/+/b"] {
            await self.refused(.invalidTopic) { try await client.publish("x", to: topic, qos: .atLeastOnce) }
            await self.refused(.invalidArgument) {
                try await client.publish("x", to: "a", properties: [.responseTopic(topic)])
            }
        }
        await self.refused(.invalidArgument) {
            try await client.publish("x", to: "a", properties: [.subscriptionIdentifier(1)])
        }
        for filter in ["", "a#", "#/a", "a+", "$share/", "$share//a", "$share/g", "$share/+/a", "$share/g#/a"] {
            await self.refused(.invalidFilter) { _ = try await client.subscribe(to: filter) }
        }
        await self.refused(.invalidFilter) { _ = try await client.subscribe(to: [] as [String]) }
        await self.refused(.invalidFilter) {
            _ = try await client.subscribe(to: "$share/g/a", options: SubscribeOptions(noLocal: true))
        }
        for identifier in [0, 268_435_456] as [UInt32] {
            await self.refused(.invalidArgument) {
                _ = try await client.subscribe(
                    to: "a",
                    options: SubscribeOptions(subscriptionIdentifier: identifier)
                )
            }
        }
        try await self.expectSilence(virtual)
    }

    @Test(
        .sends("3.1.1:MQTT-3.3.2-2", "3.1.1:MQTT-3.8.3-3", "3.1.1:MQTT-4.7.1-1", "3.1.1:MQTT-4.7.1-2"),
        .sends("3.1.1:MQTT-4.7.1-3", "3.1.1:MQTT-4.7.3-1")
    )
    func `calls that break a rule of 3_1_1 send nothing`() async throws {
        let virtual = try await VirtualClient<V311>.connected(in: VirtualWorld(version: .v311))
        for topic in ["", "#", "+", "a/#", "a/+/b"] {
            await self.refused(.invalidTopic) { try await virtual.client.publish("x", to: topic, qos: .atLeastOnce) }
        }
        for filter in ["", "a#", "#/a", "a+"] {
            await self.refused(.invalidFilter) { _ = try await virtual.client.subscribe(to: filter) }
        }
        await self.refused(.invalidFilter) { _ = try await virtual.client.subscribe(to: [] as [String]) }
        try await self.expectSilence(virtual)
    }

    // MARK: - CONNECT and DISCONNECT

    @Test(.sends("U5-3.1.2.11.3-1", "U5-3.1.2.11.4-1"))
    func `a receive maximum or a maximum packet size of 0 is refused before anything is opened`() async {
        await self.refused(.invalidArgument) {
            try await self.disconnected(MQTT5Client.self) { $0.receiveMaximum = 0 }.connect()
        }
        await self.refused(.invalidArgument) {
            try await self.disconnected(MQTT5Client.self) { $0.maximumPacketSize = 0 }.connect()
        }
    }

    @Test(.sends("3.1.1:MQTT-3.1.2-22", "5:MQTT-3.1.2-18", "5:MQTT-3.1.2-19"))
    func `a password needs a user name before 5_0, and none in 5_0`() async throws {
        let credentials = Credentials(username: nil, password: "p")
        await self.refused(.versionMismatch) {
            try await self.disconnected(MQTT311Client.self) { $0.credentials = credentials }.connect()
        }
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        configuration.credentials = credentials
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        async let connected = client.connect()
        try await world.accept().acceptConnect()
        _ = try await connected
    }

    /// What goes out when the caller gives no client identifier.
    private func generated<V: MQTTVersion>(
        _ type: MQTTClient<V>.Type,
        _ change: (inout MQTTClient<V>.Configuration) -> Void
    ) async throws -> [Connect] {
        let world = VirtualWorld(version: V.protocolVersion)
        var configuration = MQTTClient<V>.Configuration()
        configuration.reconnect.initialDelay = .zero
        change(&configuration)
        let client = MQTTClient<V>(configuration: configuration, world: world, eventLoop: world.eventLoop)
        async let connected = client.connect()
        let first = await world.accept()
        let one = try await first.acceptConnect()
        _ = try await connected
        try await first.cut()
        try await world.advance(by: .seconds(1))
        let two = try await world.accept().acceptConnect()
        return [one, two]
    }

    @Test(.sends("3.1.1:MQTT-3.1.3-3", "3.1.1:MQTT-3.1.3-5", "3.1.1:MQTT-3.1.3-7", "5:MQTT-3.1.3-5"))
    func `an identifier that is not given is made of digits and letters, kept, and never empty`() async throws {
        let connects =
            try await self.generated(MQTT311Client.self) { $0.cleanSession = false }
            + self.generated(MQTT311Client.self) { $0.cleanSession = true }
            + self.generated(MQTT5Client.self) { $0.cleanStart = .never }
        for connect in connects {
            #expect(1...23 ~= connect.clientID.utf8.count)
            #expect(connect.clientID.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }, "\(connect.clientID)")
        }
        #expect(connects.count == 6)
        #expect(Set(connects.map(\.clientID)).count == 3)
        #expect(connects.map(\.cleanStart) == [false, false, true, true, false, false])
    }

    @Test(.sends("5:MQTT-3.14.2-1", "5:MQTT-3.14.4-2", "5:MQTT-3.14.4-3"))
    func `DISCONNECT says only what a client may say`() async throws {
        /// MQTT 5.0, table 3-10: what a client sends.
        let legal: Set<UInt8> = [
            0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
        ]
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5))
        for code in UInt8.min...UInt8.max where !legal.contains(code) {
            await self.refused(.invalidArgument) {
                try await virtual.client.disconnect(reason: ReasonCode(rawValue: code))
            }
        }
        await self.refused(.invalidArgument) {
            try await virtual.client.disconnect(reason: .normalDisconnection, properties: [.serverReference("s")])
        }
        try await self.expectSilence(virtual)
        for code in legal.sorted() {
            let other = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5))
            async let gone: Void = other.client.disconnect(reason: ReasonCode(rawValue: code))
            try await other.peer.expect(.disconnect(Disconnect(reason: ReasonCode(rawValue: code))))
            try await gone
            #expect(!other.peer.channel.isActive)
        }
    }
}
