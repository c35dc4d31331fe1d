// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTBroker
import MQTTTestKit
import Testing
import Thermostat

/// A program tested without installing anything: with a broker that does what a test tells it to, and with exact packets.
@Suite(.timeLimit(.minutes(5))) struct ThermostatTests {
    /// Runs a thermostat of the kitchen at 20 degrees, and somebody who looks at the heating.
    private func withThermostat(
        _ broker: Broker,
        _ body: (MQTTSubscription) async throws -> Void
    ) async throws {
        let configuration = HeatingControl.configuration
        try await MQTT5Client.withClient(to: broker.endpoint, clientID: "watcher", configuration: configuration) {
            watcher in
            let heating = try await watcher.subscribe(to: "kitchen/heating", qos: .exactlyOnce)
            let events = broker.events
            let client = MQTT5Client(to: broker.endpoint, clientID: "thermostat", configuration: configuration)
            try await client.connect()
            let running = Task { try await HeatingControl(client, room: "kitchen", target: 20).run() }
            for await event in events {
                if case .subscribed("thermostat", _, _) = event { break }
            }
            try await body(heating)
            await client.disconnect()
            // The last switching may not have been acknowledged yet.
            _ = await running.result
        }
    }

    @Test func `the heating goes on when it is cold and off when it is warm, and not twice`() async throws {
        try await withBroker { broker in
            try await self.withThermostat(broker) { heating in
                for temperature in ["18.5", "19", "warm", "21", "22", "19.9"] {
                    try await broker.publish(temperature, to: "kitchen/temperature", qos: .atLeastOnce)
                }
                #expect(try await heating.next(3, within: .seconds(30)).map(\.text) == ["on", "off", "on"])
            }
        }
    }

    @Test func `a broker that restarts between PUBREC and PUBREL switches once`() async throws {
        try await withBroker { broker in
            try await self.withThermostat(broker) { heating in
                let events = broker.events
                // The broker has the message; that it may forget its identifier never arrives.
                broker.faults = [
                    FaultRule(.cutBefore, on: .pubRel, clientID: "thermostat", occurrences: 1...1)
                ]
                try await broker.publish("18", to: "kitchen/temperature", qos: .atLeastOnce)
                for await event in events {
                    if case .disconnected("thermostat", _, _) = event { break }
                }
                try await broker.restart(keepingSessions: true)
                try await broker.publish("21", to: "kitchen/temperature", qos: .atLeastOnce)
                // Exactly one "on", or the next one would not be "off".
                #expect(try await heating.next(2, within: .seconds(60)).map(\.text) == ["on", "off"])
            }
        }
    }

    @Test func `a slow broker delays the switching and changes nothing`() async throws {
        try await withBroker { broker in
            try await self.withThermostat(broker) { heating in
                broker.faults = [FaultRule(.delay(.milliseconds(200)), going: .toClient, clientID: "thermostat")]
                let began = ContinuousClock.now
                for temperature in ["18", "21", "18"] {
                    try await broker.publish(temperature, to: "kitchen/temperature", qos: .atLeastOnce)
                }
                #expect(try await heating.next(3, within: .seconds(60)).map(\.text) == ["on", "off", "on"])
                #expect(ContinuousClock.now - began >= .milliseconds(200))
            }
        }
    }

    @Test func `a refused subscription ends the program with the filter and the reason`() async throws {
        var configuration = BrokerConfiguration()
        configuration.authorize = { access in
            if case .subscribe = access { .notAuthorized } else { .success }
        }
        try await withBroker(configuration) { broker in
            try await MQTT5Client.withClient(to: broker.endpoint) { client in
                let error = await #expect(throws: MQTTError.self) {
                    try await HeatingControl(client, room: "kitchen", target: 20).run()
                }
                #expect(error?.code == .subscriptionRefused)
                #expect(error?.filter == "kitchen/temperature")
                #expect(error?.reason == .notAuthorized)
            }
        }
    }

    @Test func `after a night without a network it goes on, packet by packet`() async throws {
        let network = VirtualNetwork()
        let client = network.makeClient(clientID: "thermostat", configuration: HeatingControl.configuration)
        let connecting = Task { _ = try await client.connect() }
        let evening = try await network.accept()
        try await evening.acceptConnect()
        try await connecting.value
        let running = Task { try await HeatingControl(client, room: "kitchen", target: 20).run() }
        try await evening.acceptSubscribe(to: "kitchen/temperature")
        await evening.cut()
        network.refuse(next: .max)
        await network.advance(by: .seconds(8 * 3_600))
        // The network is back: the next attempt is let through.
        network.refuse(next: 0)
        network.holdDials()
        while network.heldDialCount == 0 { await network.advance(by: .seconds(1)) }
        network.releaseDials()
        let morning = try await network.accept()
        // The session has ended meanwhile; the client subscribes anew by itself.
        try await morning.acceptConnect()
        try await morning.acceptSubscribe(to: "kitchen/temperature")
        try await morning.send(.publish("17", to: "kitchen/temperature"))
        #expect(try await morning.acceptPublish(to: "kitchen/heating").text == "on")
        let leaving = Task { await client.disconnect() }
        try await morning.expect(.disconnect())
        await leaving.value
        try await running.value
    }
}
