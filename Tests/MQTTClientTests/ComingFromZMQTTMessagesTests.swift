// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import NIOCore
import Testing

/// docs/ZMQTT.md: publishing, subscribing, messages and their properties.
@Suite(.timeLimit(.minutes(5))) struct ComingFromZMQTTMessagesTests {
    @Test func `publishing text and bytes, at every QoS, retained`() async throws {
        try await EchoServer<V311>.with { client, server in
            try await client.publish("22.5", to: "sensors/temp", qos: .atLeastOnce, retain: true)
            try await client.publish([0x32, 0x32], to: "sensors/temp", qos: .exactlyOnce)
            try await client.publish(ByteBuffer(bytes: [0xFF]), to: "sensors/temp")
            // The answer comes behind everything that was sent.
            try await client.ping()
            let sent = server.publishes
            #expect(sent.map { Array($0.payload.readableBytesView) } == [Array("22.5".utf8), [0x32, 0x32], [0xFF]])
            #expect(sent.map(\.qos) == [.atLeastOnce, .exactlyOnce, .atMostOnce])
            #expect(sent.map(\.retain) == [true, false, false])
            #expect(sent.allSatisfy { $0.topic == "sensors/temp" })
        }
    }

    @Test func `the levels of QoS have the numbers of the standard`() {
        #expect(QoS.atMostOnce.rawValue == 0)
        #expect(QoS.atLeastOnce.rawValue == 1)
        #expect(QoS.exactlyOnce.rawValue == 2)
        #expect(QoS(rawValue: 1) == .atLeastOnce)
    }

    @Test func `a topic or filter that breaks a rule is refused before anything is sent`() async throws {
        try await EchoServer<V5>.with { client, server in
            for topic in ["", "sensors/#", "sensors/+/temp"] {
                #expect(await codeOfError { try await client.publish("22.5", to: topic) } == .invalidTopic)
            }
            for filter in ["", "sensors/#/temp", "sensors#", "a+"] {
                #expect(await codeOfError { _ = try await client.subscribe(to: filter) } == .invalidFilter)
            }
            let properties: Properties = [.responseTopic("replies/+")]
            let code = await codeOfError { _ = try await client.request("", to: "a", properties: properties) }
            #expect(code == .invalidTopic)
            // MQTT gives `$` a meaning at the beginning of a topic only.
            try await client.publish("22.5", to: "sensors/$temp")
            try await client.ping()
            #expect(server.publishes.map(\.topic) == ["sensors/$temp"])
            #expect(server.subscribes.isEmpty)
        }
    }

    @Test func `every property of a message goes out and comes in`() async throws {
        var properties = Properties()
        properties.payloadFormatIndicator = .utf8
        properties.messageExpiryInterval = 300
        properties.contentType = "application/json"
        properties.responseTopic = "replies/my-app"
        properties.correlationData = ByteBuffer(string: "request-id-42")
        properties.appendUserProperty("x-source", "sensor-01")
        properties.appendUserProperty("x-region", "eu-west")
        properties.appendUserProperty("x-source", "sensor-02")
        try await EchoServer<V5>.with { client, server in
            let messages = try await client.subscribe(to: "data/readings")
            try await client.publish("{}", to: "data/readings", properties: properties)
            let message = try #require(await messages.next())
            #expect(server.publishes.map(\.properties) == [properties])
            #expect(message.properties.payloadFormatIndicator == .utf8)
            #expect(message.properties.messageExpiryInterval == 300)
            #expect(message.properties.contentType == "application/json")
            #expect(message.properties.responseTopic == "replies/my-app")
            #expect(message.properties.correlationData == ByteBuffer(string: "request-id-42"))
            #expect(message.properties.userProperties.map(\.name) == ["x-source", "x-region", "x-source"])
        }
    }

    @Test func `properties may be written as a list`() {
        let properties: Properties = [.messageExpiryInterval(60), .contentType("text/plain")]
        #expect(properties.messageExpiryInterval == 60)
        #expect(properties.contentType == "text/plain")
        #expect(Properties().isEmpty)
    }

    @Test func `an alias that a message asks for replaces its topic from the second time on`() async throws {
        let answer = ConnAck(properties: [.topicAliasMaximum(5)])
        try await EchoServer<V5>.with(MQTT5Client.Configuration(), answer) { client, server in
            var properties = Properties()
            properties.topicAlias = 1
            try await client.publish("1", to: "sensors/temp", properties: properties)
            try await client.publish("2", to: "sensors/temp", properties: properties)
            try await client.ping()
            #expect(server.publishes.map(\.topic) == ["sensors/temp", ""])
            #expect(server.publishes.map(\.properties.topicAlias) == [1, 1])
        }
    }

    @Test func `the identifier of a subscription comes with its messages`() async throws {
        try await EchoServer<V5>.with { client, _ in
            let options = SubscribeOptions(subscriptionIdentifier: 7)
            let messages = try await client.subscribe(to: "data/#", options: options)
            try await client.publish("1", to: "data/readings")
            let message = try #require(await messages.next())
            #expect(message.properties.subscriptionIdentifiers == [7])
            #expect(message.properties.subscriptionIdentifier == 7)
        }
    }

    @Test func `no local and retain as published go out with SUBSCRIBE, and are obeyed`() async throws {
        try await EchoServer<V5>.with { client, server in
            let options = SubscribeOptions(noLocal: true, retainAsPublished: true)
            let others = try await client.subscribe(to: "local/events", options: options)
            let kept = try await client.subscribe(to: "kept", options: SubscribeOptions(retainAsPublished: true))
            try await client.publish("own", to: "local/events")
            try await client.publish("1", to: "kept", retain: true)
            #expect(try await kept.next()?.retain == true)
            #expect(server.subscribes[0].entries[0].options.noLocal)
            #expect(server.subscribes[0].entries[0].options.retainAsPublished)
            // Its own message would have come before the other one.
            await others.unsubscribe()
            #expect(try await others.next() == nil)
        }
    }

    @Test func `a scope subscribes on the way in and unsubscribes on the way out`() async throws {
        try await EchoServer<V5>.with { client, server in
            try await client.subscribe(to: "sensors/#", "alarms", qos: .atLeastOnce) { messages in
                try await client.publish("22.5", to: "sensors/temp", qos: .atLeastOnce)
                for try await message in messages {
                    #expect(message.topic == "sensors/temp")
                    #expect(message.payload == ByteBuffer(string: "22.5"))
                    #expect(message.text == "22.5")
                    #expect(message.qos == .atLeastOnce)
                    #expect(!message.retain)
                    #expect(message.properties.isEmpty)
                    break
                }
            }
            #expect(server.subscribes.map { $0.entries.map(\.filter) } == [["sensors/#", "alarms"]])
            #expect(server.subscribes.flatMap(\.entries).allSatisfy { $0.options.qos == .atLeastOnce })
            #expect(server.unsubscribed == ["sensors/#", "alarms"])
        }
    }

    @Test func `a subscription may also be begun and ended by hand`() async throws {
        try await EchoServer<V5>.with { client, server in
            let messages = try await client.subscribe(to: "sensors/#", qos: .atLeastOnce)
            try await client.publish("1", to: "sensors/temp", qos: .atLeastOnce)
            try await client.publish("2", to: "sensors/temp", qos: .atLeastOnce)
            let message = try await messages.next()
            #expect(message?.text == "1")
            var iterator = messages.makeAsyncIterator()
            #expect(try await iterator.next()?.text == "2")
            await messages.unsubscribe()
            #expect(try await messages.next() == nil)
            #expect(server.unsubscribed == ["sensors/#"])
        }
    }

    @Test func `ending a subscription after the connection was lost sends nothing and is safe`() async throws {
        try await EchoServer<V5>.with { client, server in
            let messages = try await client.subscribe(to: "sensors/#")
            var events = client.events.makeAsyncIterator()
            try await server.cut()
            while let event = await events.next() {
                if case .disconnected = event { break }
            }
            await messages.unsubscribe()
            #expect(try await messages.next() == nil)
            #expect(server.unsubscribed.isEmpty)
        }
    }

    @Test func `a subscription goes on across a reconnect`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.reconnect = ReconnectPolicy(initialDelay: .zero)
        try await EchoServer<V5>.with(configuration) { client, server in
            let messages = try await client.subscribe(to: "sensors/#", qos: .atLeastOnce)
            var events = client.events.makeAsyncIterator()
            server.accept()
            try await server.cut()
            while let event = await events.next() {
                if case .reconnecting = event { try await server.world.advance(by: .seconds(1)) }
                if case .connected = event { break }
            }
            // Behind the SUBSCRIBE of the new connection.
            try await client.ping()
            try await client.publish("after", to: "sensors/temp", qos: .atLeastOnce)
            #expect(try await messages.next()?.text == "after")
            #expect(server.subscribes.count == 2)
        }
    }

    @Test func `a message is acknowledged when it was taken, or when it came, or by hand`() async throws {
        try await EchoServer<V5>.with { client, server in
            func acknowledged() async throws -> Int {
                try await client.ping()
                return server.packets.count { if case .pubAck = $0 { true } else { false } }
            }
            let taken = try await client.subscribe(to: "taken", qos: .atLeastOnce)
            try await client.publish("1", to: "taken", qos: .atLeastOnce)
            #expect(try await acknowledged() == 0)
            _ = try await taken.next()
            // The client tells the server when it next has something to say or nothing else to do.
            while try await acknowledged() < 1 { await Task.yield() }

            let arrived = SubscriptionSettings(acknowledgement: .onArrival)
            let second = try await client.subscribe(to: "arrived", qos: .atLeastOnce, settings: arrived)
            try await client.publish("2", to: "arrived", qos: .atLeastOnce)
            while try await acknowledged() < 2 { await Task.yield() }
            #expect(try await second.next()?.text == "2")

            let settings = SubscriptionSettings(acknowledgement: .manual)
            let manual = try await client.subscribe(to: "manual", qos: .atLeastOnce, settings: settings)
            try await client.publish("3", to: "manual", qos: .atLeastOnce)
            let message = try #require(await manual.next())
            #expect(try await acknowledged() == 2)
            message.acknowledge()
            message.acknowledge()
            while try await acknowledged() < 3 { await Task.yield() }
            #expect(try await acknowledged() == 3)
        }
    }

    @Test func `a full buffer keeps everything, or drops the oldest when told to`() async throws {
        try await EchoServer<V5>.with { client, _ in
            let settings = SubscriptionSettings(bufferSize: 2, bufferPolicy: .dropOldest)
            let newest = try await client.subscribe(to: "flood", qos: .atLeastOnce, settings: settings)
            let small = SubscriptionSettings(bufferSize: 2)
            let all = try await client.subscribe(to: "flood", qos: .atLeastOnce, settings: small)
            for number in 0..<5 { try await client.publish(number, to: "flood", qos: .atLeastOnce) }
            try await client.ping()
            var kept: [String?] = []
            for _ in 0..<2 { kept.append(try await newest.next()?.text) }
            #expect(kept == ["3", "4"])
            var every: [String?] = []
            for _ in 0..<5 { every.append(try await all.next()?.text) }
            #expect(every == ["0", "1", "2", "3", "4"])
            #expect(SubscriptionSettings().bufferSize == 1_000)
            #expect(SubscriptionSettings().bufferPolicy == .suspend)
        }
    }

    @Test func `prefixes that servers take for instructions are no part of the topics that come`() async throws {
        try await EchoServer<V5>.with { client, _ in
            for filter in ["$share/workers/jobs/+", "$queue/jobs/+", "$exclusive/jobs/+", "$share/w/$SYS/#"] {
                let messages = try await client.subscribe(to: filter)
                let topic = filter.hasSuffix("#") ? "$SYS/uptime" : "jobs/1"
                try await client.publish("1", to: topic)
                let message = try #require(await messages.next())
                #expect(message.topic == topic)
                #expect(message.filter.string == filter)
                await messages.unsubscribe()
            }
        }
    }
}
