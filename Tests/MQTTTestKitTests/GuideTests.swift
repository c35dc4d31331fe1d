// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MQTT
import MQTTTestKit
import Testing

/// The code of docs/TESTKIT.md, which is here word for word and runs.
@Suite(.timeLimit(.minutes(2)))
struct GuideTests {
    /// What the guide tests: a program that switches a lamp and says so.
    private static func runLamp(_ client: MQTT5Client, onSwitch: @Sendable (Bool) async -> Void) async throws {
        try await client.connect()
        let commands = try await client.subscribe(to: "lamp/set")
        for try await command in commands {
            await onSwitch(command.text == "on")
            try await client.publish(command.text ?? "", to: "lamp/state", qos: .atLeastOnce)
        }
    }

    private actor Lamp {
        var isOn = false

        func set(_ isOn: Bool) { self.isOn = isOn }
    }

    @Test func `a lamp that is switched says so`() async throws {
        let listener = InMemoryListener()
        let lamp = Lamp()
        let program = Task { try await Self.runLamp(MQTT5Client(to: listener.endpoint)) { await lamp.set($0) } }
        let peer = try await listener.accept()
        try await peer.acceptConnect()
        try await peer.acceptSubscribe(to: "lamp/set")
        try await peer.send(.publish("on", to: "lamp/set"))
        try await eventually("the lamp is on") { await lamp.isOn }
        let state = try await peer.acceptPublish(to: "lamp/state")
        #expect(state.text == "on")
        program.cancel()
    }

    @Test func `an hour without a second`() async throws {
        let network = VirtualNetwork()
        network.serve()
        let client = network.makeClient(clientID: "lamp")
        let events = client.recordEvents()
        try await client.connect()
        let peer = try await network.accept()

        await network.advance(by: .seconds(3_600))
        #expect(peer.log.count { $0 == "client: PINGREQ" } >= 60)

        await peer.cut()
        let wait = try await events.next("the wait") { if case .reconnecting(_, let wait) = $0 { wait } else { nil } }
        await network.advance(by: wait)
        try await eventually("the client is back") { client.state.isConnected }
    }

    @Test func `a server that refuses`() async throws {
        let network = VirtualNetwork()
        network.serve { packet in
            if case .subscribe(let subscribe) = packet { [subscribe.refused(.notAuthorized)] } else { nil }
        }
        let client = network.makeClient()
        try await client.connect()
        await #expect(throws: MQTTError.self) { try await client.subscribe(to: "secret") }
    }

    @Test func `the store keeps what it promises`() async throws {
        let store = InMemorySessionStore()
        try await SessionStoreConformance.check { store }
    }

    @Test func `every line of code in the guide is in this file`() throws {
        let file = URL(filePath: #filePath)
        let root = file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let guide = try String(contentsOf: root.appending(path: "docs/TESTKIT.md"), encoding: .utf8)
        let lines = Set(Self.lines(of: try String(contentsOf: file, encoding: .utf8)))
        var isCode = false
        var count = 0
        for line in Self.lines(of: guide) {
            if line.hasPrefix("```") {
                isCode = line == "```swift"
            } else if isCode, !line.isEmpty {
                count += 1
                #expect(lines.contains(line), "not in GuideTests.swift: \(line)")
            }
        }
        #expect(count > 20)
    }

    private static func lines(of text: String) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
