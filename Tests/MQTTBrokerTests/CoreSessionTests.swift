// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

@Suite struct CoreSessionTests {
    @Test(
        .serves(
            "5:MQTT-3.1.2-5",
            "5:MQTT-3.1.3-2",
            "5:MQTT-3.2.0-1",
            "5:MQTT-3.2.2-3",
            "3.1.1:MQTT-3.1.2-4",
            "3.1.1:MQTT-3.1.2-5",
            "3.1.1:MQTT-3.1.3-2",
            "3.1.1:MQTT-3.2.0-1",
            "3.1.1:MQTT-3.2.2-2",
            "3.1.1:MQTT-4.1.0-1"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `a session that is kept is resumed`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let first = broker.connectForGood("a", version)
        let other = broker.connectForGood("b", version)
        broker.subscribe(first, "t", qos: .atLeastOnce)
        broker.close(first)
        broker.publish(Publish("t", "while away", .atLeastOnce))
        let (second, connAck) = broker.connecting(Connect(clientID: "a", cleanStart: false), version)
        #expect(connAck?.sessionPresent == true)
        #expect(broker.payloads(second) == ["while away"])
        #expect(broker.received(other) == [])
        broker.publish(Publish("t", "now"))
        #expect(broker.payloads(second) == ["now"])
    }

    @Test(
        .serves(
            "5:MQTT-3.1.2-4",
            "5:MQTT-3.1.4-4",
            "5:MQTT-3.2.2-2",
            "3.1.1:MQTT-3.1.2-6",
            "3.1.1:MQTT-3.1.4-3",
            "3.1.1:MQTT-3.2.2-1"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `a clean start forgets the session`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let first = broker.connectForGood("a", version)
        broker.subscribe(first, "t")
        broker.close(first)
        let (second, connAck) = broker.connecting(Connect(clientID: "a", cleanStart: true), version)
        #expect(connAck?.sessionPresent == false)
        broker.publish(Publish("t"))
        #expect(broker.received(second) == [])
        #expect(broker.core.subscriptions.count == 0)
    }

    @Test(.serves("3.1.1:MQTT-3.1.2-6", "3.1.1:MQTT-3.2.2-3"))
    func `a clean session of 3_1_1 ends with its connection`() {
        var broker = CoreHarness()
        let first = broker.connect("a", .v311)
        broker.close(first)
        let connAck = broker.connecting(Connect(clientID: "a", cleanStart: false), .v311).connAck
        #expect(connAck?.sessionPresent == false)
    }

    @Test(
        .serves(
            "5:MQTT-3.1.2-23",
            "5:MQTT-3.1.2-6",
            "5:MQTT-3.2.2-3",
            "5:MQTT-4.1.0-1",
            "5:MQTT-4.1.0-2"
        ),
        arguments: [(59, true), (60, false)]
    )
    func `a session ends when its expiry has passed`(seconds: Int64, isPresent: Bool) {
        var broker = CoreHarness()
        let first = broker.connect("a", .v5, [.sessionExpiryInterval(60)])
        broker.advance(.seconds(1_000))
        broker.close(first)
        broker.advance(.seconds(seconds))
        #expect(broker.connecting(Connect(clientID: "a", cleanStart: false)).connAck?.sessionPresent == isPresent)
        #expect(broker.events.contains(.sessionEnded(clientID: "a")) == !isPresent)
    }

    @Test func `a session of 3_1_1 is kept no longer than the cap`() {
        var broker = CoreHarness { $0.sessionExpiryCap = 60 }
        let first = broker.connectForGood("a", .v311)
        broker.close(first)
        broker.advance(.seconds(60))
        #expect(broker.connecting(Connect(clientID: "a", cleanStart: false), .v311).connAck?.sessionPresent == false)
    }

    @Test func `a client that is back in time stops the expiry`() {
        var broker = CoreHarness()
        let first = broker.connect("a", .v5, [.sessionExpiryInterval(60)])
        broker.close(first)
        broker.advance(.seconds(30))
        let second = broker.connect("a", .v5, clean: false, [.sessionExpiryInterval(60)])
        broker.advance(.seconds(60))
        broker.subscribe(second, "t")
        broker.publish(Publish("t"))
        #expect(broker.payloads(second) == ["x"])
    }

    @Test(arguments: [(0, false), (50, true)])
    func `DISCONNECT changes the expiry`(expiry: UInt32, isPresent: Bool) {
        var broker = CoreHarness()
        let first = broker.connect("a", .v5, [.sessionExpiryInterval(10)])
        broker.send(.disconnect(Disconnect(properties: [.sessionExpiryInterval(expiry)])), from: first)
        broker.advance(.seconds(20))
        #expect(broker.connecting(Connect(clientID: "a", cleanStart: false)).connAck?.sessionPresent == isPresent)
    }

    @Test func `DISCONNECT cannot give a session an expiry that had none`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.send(.disconnect(Disconnect(properties: [.sessionExpiryInterval(10)])), from: id)
        #expect(broker.received(id).map(\.reason) == [.protocolError])
        #expect(broker.connecting(Connect(clientID: "a", cleanStart: false)).connAck?.sessionPresent == false)
    }

    @Test func `the program can end a connection`() {
        var broker = CoreHarness()
        let id = broker.connectForGood("a")
        #expect(broker.disconnect("b") == false)
        #expect(broker.disconnect("a") == true)
        #expect(broker.received(id).map(\.reason) == [.administrativeAction])
        #expect(broker.closed == [id])
        #expect(broker.disconnect("a") == false)
    }

    @Test func `sessions outlive a stop unless they are to be forgotten`() {
        for isForgotten in [false, true] {
            var broker = CoreHarness()
            _ = broker.connectForGood("a")
            broker.publish(Publish("r", retain: true))
            broker.stop(forgettingSessions: isForgotten)
            let (id, connAck) = broker.connecting(Connect(clientID: "a", cleanStart: false))
            #expect(connAck?.sessionPresent == !isForgotten)
            broker.subscribe(id, "r")
            #expect(broker.payloads(id) == (isForgotten ? [] : ["x"]))
        }
    }

    @Test(.serves("3.1.1:MQTT-3.1.2-7"))
    func `retained messages are no part of a session`() {
        var broker = CoreHarness()
        let first = broker.connect("a", .v311)
        broker.send(.message("r", retain: true), from: first)
        broker.close(first)
        let second = broker.connect("b", .v311)
        broker.subscribe(second, "r")
        #expect(broker.payloads(second) == ["x"])
    }
}

@Suite struct CoreWillTests {
    private let will = Will(topic: "w", payload: ByteBuffer(string: "gone"), qos: .atLeastOnce)

    private func watched(_ broker: inout CoreHarness) -> ConnectionID {
        let id = broker.connect("watch")
        broker.subscribe(id, "w")
        return id
    }

    private func delayed(_ seconds: UInt32) -> Will {
        var will = self.will
        will.properties = [
            .willDelayInterval(seconds), .userProperty(name: "b", value: "1"), .userProperty(name: "a", value: "2"),
            .userProperty(name: "b", value: "0"), .contentType("t"),
        ]
        return will
    }

    @Test(.serves("5:MQTT-3.1.2-7", "5:MQTT-3.1.2-8", "3.1.1:MQTT-3.1.2-8"), arguments: ProtocolVersion.allCases)
    func `a lost client's will is published`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        let id = broker.connect("a", version, will: self.will)
        broker.close(id)
        #expect(broker.payloads(watch) == ["gone"])
    }

    @Test(
        .serves(
            "5:MQTT-3.1.2-10",
            "5:MQTT-3.14.4-3",
            "3.1.1:MQTT-3.1.2-10",
            "3.1.1:MQTT-3.14.4-3"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `DISCONNECT takes the will back`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        let id = broker.connect("a", version, will: self.will)
        broker.send(.disconnect(Disconnect()), from: id)
        broker.close(id)
        #expect(broker.payloads(watch) == [])
        #expect(broker.closed.contains(id))
    }

    @Test func `DISCONNECT with will publishes it`() {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        let id = broker.connect("a", will: self.will)
        broker.send(.disconnect(Disconnect(reason: .disconnectWithWill)), from: id)
        #expect(broker.payloads(watch) == ["gone"])
    }

    @Test(.serves("5:MQTT-3.1.2-8"))
    func `a keep-alive that passes and a protocol error publish the will`() {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        _ = broker.connect("a", keepAlive: 10, will: self.will)
        broker.advance(.seconds(15))
        #expect(broker.payloads(watch) == ["gone"])
        let id = broker.connect("b", will: self.will)
        broker.sendFault(.malformedPacket, from: id)
        #expect(broker.received(id).map(\.reason) == [.malformedPacket])
        #expect(broker.payloads(watch) == ["gone"])
    }

    @Test(.serves("5:MQTT-3.1.2-8", "5:MQTT-3.1.3-10"))
    func `a will waits for its delay and keeps its properties`() {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        let id = broker.connect("a", will: self.delayed(20), [.sessionExpiryInterval(60)])
        broker.close(id)
        broker.advance(.milliseconds(19_999))
        #expect(broker.payloads(watch) == [])
        broker.advance(.milliseconds(1))
        let messages = broker.messages(watch)
        #expect(messages.map(\.text) == ["gone"])
        let properties: Properties = [
            .userProperty(name: "b", value: "1"), .userProperty(name: "a", value: "2"),
            .userProperty(name: "b", value: "0"), .contentType("t"),
        ]
        #expect(messages.first?.properties == properties)
    }

    @Test(.serves("5:MQTT-3.1.2-10", "5:MQTT-3.1.2-8"))
    func `a will waits no longer than the session`() {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        let id = broker.connect("a", will: self.delayed(60), [.sessionExpiryInterval(20)])
        broker.close(id)
        broker.advance(.seconds(20))
        #expect(broker.payloads(watch) == ["gone"])
        broker.advance(.seconds(60))
        #expect(broker.payloads(watch) == [])
    }

    @Test(.serves("5:MQTT-3.1.3-9"))
    func `a client that is back within the delay has no will published`() {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        let id = broker.connect("a", will: self.delayed(20), [.sessionExpiryInterval(60)])
        broker.close(id)
        broker.advance(.seconds(10))
        _ = broker.connect("a", clean: false, [.sessionExpiryInterval(60)])
        broker.advance(.seconds(60))
        #expect(broker.payloads(watch) == [])
        let third = broker.connect("a", clean: false, [.sessionExpiryInterval(60)])
        broker.close(third)
        broker.advance(.seconds(60))
        #expect(broker.payloads(watch) == [])
    }

    @Test func `a clean start within the delay ends the session and publishes its will`() {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        let id = broker.connect("a", will: self.delayed(20), [.sessionExpiryInterval(60)])
        broker.close(id)
        _ = broker.connect("a")
        #expect(broker.payloads(watch) == ["gone"])
    }

    @Test(
        .serves(
            "5:MQTT-3.1.2-14",
            "5:MQTT-3.1.2-15",
            "3.1.1:MQTT-3.1.2-16",
            "3.1.1:MQTT-3.1.2-17"
        ),
        arguments: [ProtocolVersion.v5, .v311],
        [false, true]
    )
    func `a will is retained when it says so`(version: ProtocolVersion, retain: Bool) {
        var broker = CoreHarness()
        var will = self.will
        will.retain = retain
        let id = broker.connect("a", version, will: will)
        broker.close(id)
        let late = broker.connect("late")
        broker.subscribe(late, "w")
        #expect(broker.messages(late).map(\.retain) == (retain ? [true] : []))
    }

    @Test func `a take-over publishes the will of the first`() {
        var broker = CoreHarness()
        let watch = self.watched(&broker)
        _ = broker.connect("a", will: self.will)
        _ = broker.connect("a")
        #expect(broker.payloads(watch) == ["gone"])
    }
}
