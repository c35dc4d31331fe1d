// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTBroker

/// Shows a broker, connections that end, and messages that do not get lost.
struct Demo {
    private let transcript = Transcript()
    /// Messages of each QoS in each of the two hard parts.
    private let count = 2_000

    func run() async throws {
        try await MQTTBroker.withBroker { broker in
            self.transcript.line("broker", "the one in the box, at \(broker.endpoint)")
            try await self.roundTrips(broker)
            try await self.restarts(broker)
            try await self.cuts(broker)
        }
        self.transcript.line("done", "every message arrived; the broker has been stopped")
    }

    // MARK: - Publish and receive

    private func roundTrips(_ broker: Broker) async throws {
        try await MQTT5Client.withClient(to: broker.endpoint) { client in
            guard case .connected(let info) = client.state else { throw DemoFailure("not connected") }
            self.transcript.line("connected", "MQTT 5.0, client id \(info.clientID)")
            try await client.subscribe(to: "demo/#", qos: .exactlyOnce) { messages in
                for qos in QoS.allCases {
                    let began = ContinuousClock.now
                    try await client.publish("22.5", to: "demo/temperature", qos: qos)
                    guard let message = try await messages.next(), message.text == "22.5", message.qos == qos else {
                        throw DemoFailure("the message at QoS \(qos.rawValue) did not come back")
                    }
                    self.transcript.line(
                        "QoS \(qos.rawValue)",
                        "published and received \"22.5\" on \(message.topic) in \(Transcript.text(.now - began))"
                    )
                }
            }
            let roundTrip = try await client.ping()
            self.transcript.line("ping", "answered in \(Transcript.text(roundTrip))")
        }
    }

    // MARK: - The broker restarts, the subscriber is away

    private func restarts(_ broker: Broker) async throws {
        try await self.leaveSubscription("restart/#", clientID: "subscriber", broker)
        self.transcript.line("subscriber", "subscribed to restart/# at QoS 2 and went away; the session stays")

        let publisher = self.client("publisher", broker)
        try await publisher.connect()
        let began = ContinuousClock.now
        var receipts: [PublishReceipt] = []
        for part in 0..<3 {
            for number in self.count * part / 3..<self.count * (part + 1) / 3 {
                receipts.append(try publisher.enqueue(number, to: "restart/least", qos: .atLeastOnce))
                receipts.append(try publisher.enqueue(number, to: "restart/once", qos: .exactlyOnce))
            }
            guard part < 2 else { break }
            let waiting = receipts.count { !$0.isComplete }
            try await broker.restart(keepingSessions: true)
            self.transcript.line("restart", "the broker restarted with \(waiting) messages on their way")
        }
        for receipt in receipts { try await receipt.outcome() }
        let amount = "\(self.count) at QoS 1 and \(self.count) at QoS 2"
        self.transcript.line("published", "\(amount), all acknowledged in \(Transcript.text(.now - began))")
        try await publisher.publish("end", to: "restart/end", qos: .exactlyOnce)
        await publisher.disconnect()

        let subscriber = self.client("subscriber", broker)
        let messages = try subscriber.declareSubscription(to: "restart/#", qos: .exactlyOnce)
        let info = try await subscriber.connect()
        self.transcript.line("subscriber", "is back; session present: \(info.sessionPresent ? "yes" : "no")")
        var tally = Tally()
        while let message = try await messages.next(), message.topic != "restart/end" { tally.note(message) }
        await subscriber.disconnect()
        try self.report(tally, least: "restart/least", once: "restart/once")
    }

    /// Subscribes in a session that outlives its connection, and leaves.
    private func leaveSubscription(_ filter: String, clientID: String, _ broker: Broker) async throws {
        let client = self.client(clientID, broker)
        try await client.connect()
        let messages = try await client.subscribe(to: filter, qos: .exactlyOnce)
        await client.disconnect()
        // Held until here: a subscription that nobody holds is given up.
        guard try await messages.next() == nil else { throw DemoFailure("a message before any was published") }
    }

    // MARK: - Connections are cut, the broker goes on

    private func cuts(_ broker: Broker) async throws {
        let (publisher, subscriber) = (self.client("near", broker), self.client("far", broker))
        let (near, far) = (Cuts(of: publisher), Cuts(of: subscriber))
        try await subscriber.connect()
        let messages = try await subscriber.subscribe(to: "cut/#", qos: .exactlyOnce)
        try await publisher.connect()
        self.transcript.line("faults", "each connection is cut once in a hundred messages, at other packets")
        let began = ContinuousClock.now
        var tally = Tally()
        for part in stride(from: 0, to: self.count, by: 100) {
            broker.faults = Self.script(part / 100)
            for number in part..<part + 100 {
                try publisher.enqueue(number, to: "cut/least", qos: .atLeastOnce)
                try publisher.enqueue(number, to: "cut/once", qos: .exactlyOnce)
            }
            while tally.received("cut/least") < part + 100 || tally.received("cut/once") < part + 100 {
                guard let message = try await messages.next() else { throw DemoFailure("the messages ended") }
                tally.note(message)
            }
        }
        broker.faults = .none
        try await publisher.publish("end", to: "cut/end", qos: .exactlyOnce)
        while let message = try await messages.next(), message.topic != "cut/end" { tally.note(message) }
        let took = Transcript.text(.now - began)
        await publisher.disconnect()
        await subscriber.disconnect()
        let counts = (await near.count(), await far.count())
        guard counts.0 > 0, counts.1 > 0 else { throw DemoFailure("no connection was cut") }
        self.transcript.line("cut", "publisher \(counts.0) times, subscriber \(counts.1) times, in \(took)")
        try self.report(tally, least: "cut/least", once: "cut/once")
    }

    /// Cuts the publisher's connection at one kind of packet and the subscriber's at another, before or behind it.
    private static func script(_ part: Int) -> FaultScript {
        let published: [(FaultRule.PacketKind, FaultRule.Direction)] = [
            (.publish, .toBroker), (.pubAck, .toClient), (.pubRec, .toClient),
            (.pubRel, .toBroker), (.pubComp, .toClient),
        ]
        let received: [(FaultRule.PacketKind, FaultRule.Direction)] = [
            (.publish, .toClient), (.pubAck, .toBroker), (.pubRec, .toBroker),
            (.pubRel, .toClient), (.pubComp, .toBroker),
        ]
        let action: FaultAction = part.isMultiple(of: 2) ? .cutBefore : .cutAfter
        let (there, back) = (published[part % 5], received[(part + 2) % 5])
        let (first, second) = (1 + part * 7 % 60, 1 + part * 11 % 60)
        return [
            FaultRule(action, on: there.0, going: there.1, clientID: "near", occurrences: first...first),
            FaultRule(action, on: back.0, going: back.1, clientID: "far", occurrences: second...second),
        ]
    }

    // MARK: - What both parts need

    /// A client whose session outlives its connections and that comes back at once.
    private func client(_ clientID: String, _ broker: Broker) -> MQTT5Client {
        var configuration = MQTT5Client.Configuration()
        configuration.cleanStart = .never
        // The subscriber that comes back is another client: it takes over what the server kept.
        configuration.unexpectedSession = .adopt
        configuration.sessionExpiry = .seconds(3_600)
        configuration.reconnect = ReconnectPolicy(initialDelay: .milliseconds(10), maximumDelay: .milliseconds(50))
        configuration.switchLoggingOff()
        return MQTT5Client(to: broker.endpoint, clientID: clientID, configuration: configuration)
    }

    private func report(_ tally: Tally, least: String, once: String) throws {
        for (name, topic) in [("QoS 1", least), ("QoS 2", once)] {
            let result = tally.result(topic, published: self.count)
            // At least once means just that: what was not acknowledged when the connection ended comes again.
            self.transcript.line(name, result.text + (topic == least && result.duplicated > 0 ? " (QoS 1 may)" : ""))
            guard result.lost == 0 else { throw DemoFailure("\(result.lost) messages were lost at \(name)") }
            guard result.isInOrder else { throw DemoFailure("messages came out of order at \(name)") }
            if topic == once, result.duplicated > 0 {
                throw DemoFailure("\(result.duplicated) messages came twice at QoS 2")
            }
        }
    }
}

/// Something did not go as it has to.
struct DemoFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
