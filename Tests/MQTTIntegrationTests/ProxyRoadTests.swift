// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Testing

/// A real broker behind real proxies.
@Suite(.timeLimit(.minutes(10))) struct ProxyRoadTests {
    private func endpoint(_ broker: MosquittoServer, tls: Bool, host: String = "localhost") -> Endpoint {
        var endpoint: Endpoint =
            tls
            ? .tls(host, port: broker.tlsPort, TLSSettings(trust: .file(broker.caFile)))
            : .tcp(host, port: broker.port)
        // The broker listens on 127.0.0.1 only.
        endpoint.socketOptions.addressFamily = .onlyIPv4
        return endpoint
    }

    private func client(
        _ endpoint: Endpoint,
        through proxy: ProxySettings,
        keepsSession: Bool = false
    ) -> MQTT5Client {
        var endpoint = endpoint
        endpoint.proxy = .through(proxy)
        var configuration = MQTT5Client.Configuration()
        configuration.reconnect = .fast
        configuration.handshakeTimeout = .seconds(100)
        configuration.pingTimeout = .seconds(100)
        if keepsSession { V5.keepSession(&configuration) }
        return MQTT5Client(to: endpoint, clientID: unique("p"), configuration: configuration)
    }

    /// Subscribes, publishes at QoS 1 and gets it back.
    private func roundTrip(_ endpoint: Endpoint, through proxy: ProxySettings) async throws {
        let client = self.client(endpoint, through: proxy)
        try await client.connect()
        let topic = unique("proxy")
        let messages = try await client.subscribe(to: topic, qos: .atLeastOnce)
        try await client.publish("through \(proxy)", to: topic, qos: .atLeastOnce)
        #expect(try await messages.take(1).first?.text == "through \(proxy)")
        await client.disconnect()
    }

    @Test(arguments: [false, true])
    func `a broker is reached through an HTTP proxy, which looks its name up or gets an address`(
        tls: Bool
    ) async throws {
        let broker = try await SharedBroker.server
        try await TinyProxy.withProxy { proxy in
            var settings = ProxySettings.http("127.0.0.1", port: proxy.port)
            let endpoint = self.endpoint(broker, tls: tls)
            try await self.roundTrip(endpoint, through: settings)
            #expect(proxy.log.contains("CONNECT localhost:\(endpoint.port)"))
            settings.resolvesNames = false
            try await self.roundTrip(endpoint, through: settings)
            #expect(proxy.log.contains("CONNECT 127.0.0.1:\(endpoint.port)"))
        }
    }

    @Test(arguments: [false, true])
    func `an HTTP proxy that wants a password gets the right one, and a wrong one is an error`(tls: Bool) async throws {
        let broker = try await SharedBroker.server
        try await TinyProxy.withProxy(user: "someone", password: "sesame") { proxy in
            let endpoint = self.endpoint(broker, tls: tls)
            let (user, right) = ("someone", "sesame")
            try await self.roundTrip(
                endpoint,
                through: .http("127.0.0.1", port: proxy.port, username: user, password: right)
            )
            for settings in [
                ProxySettings.http("127.0.0.1", port: proxy.port),
                .http("127.0.0.1", port: proxy.port, username: user, password: "open"),
            ] {
                let error = try #require(try await self.refusal(endpoint, through: settings))
                #expect(error.code == .proxyAuthenticationFailed)
                // Tinyproxy answers 407 to none and 401 or 407 to a wrong one.
                #expect(error.message.contains("it answered 40"), "\(error)")
            }
        }
    }

    @Test func `an HTTP proxy that does not connect to that port says so in the error`() async throws {
        let broker = try await SharedBroker.server
        try await TinyProxy.withProxy(connectPorts: [1]) { proxy in
            let settings = ProxySettings.http("127.0.0.1", port: proxy.port)
            let error = try #require(try await self.refusal(self.endpoint(broker, tls: false), through: settings))
            #expect(error.code == .proxyRefused)
            #expect(error.message.contains("403 Access violation"), "\(error)")
            #expect(error.message.contains("CONNECT method not allowed with the port you tried to use"), "\(error)")
        }
    }

    @Test func `an HTTP proxy that does not reach the broker says so in the error`() async throws {
        try await TinyProxy.withProxy { proxy in
            let settings = ProxySettings.http("127.0.0.1", port: proxy.port)
            let error = try #require(try await self.refusal(.tcp("127.0.0.1", port: 1), through: settings))
            #expect(error.code == .proxyRefused)
            #expect(error.message.contains("500 Unable to connect"), "\(error)")
        }
    }

    @Test(arguments: [false, true])
    func `a broker is reached through SOCKS5 and SOCKS4, with names looked up there and here`(
        tls: Bool
    ) async throws {
        let broker = try await SharedBroker.server
        try await Dante.withServer { dante in
            var here = ProxySettings.socks5("127.0.0.1", port: dante.port)
            here.resolvesNames = false
            // Dante 1.4 takes SOCKS4 with an address only, so that the names of 4a are for the scripted servers.
            var four = ProxySettings.socks4a("127.0.0.1", port: dante.port)
            four.resolvesNames = false
            for settings in [
                .socks5("127.0.0.1", port: dante.port), here, .socks4("127.0.0.1", port: dante.port, userID: "ann"),
                four,
            ] {
                try await self.roundTrip(self.endpoint(broker, tls: tls), through: settings)
                try await self.roundTrip(self.endpoint(broker, tls: tls, host: "127.0.0.1"), through: settings)
            }
        }
    }

    @Test func `a SOCKS server that does not connect to that port, or not to anybody there, says so`() async throws {
        let broker = try await SharedBroker.server
        try await Dante.withServer(blockedPorts: [broker.port]) { dante in
            let five = ProxySettings.socks5("127.0.0.1", port: dante.port)
            let blocked = try #require(try await self.refusal(self.endpoint(broker, tls: false), through: five))
            #expect(blocked.code == .proxyRefused)
            #expect(blocked.message.contains("not allowed by the ruleset"), "\(blocked)")
            let refused = try #require(try await self.refusal(.tcp("127.0.0.1", port: 1), through: five))
            #expect(refused.code == .proxyRefused)
            #expect(refused.message.contains("connection refused by the broker"), "\(refused)")
            let four = ProxySettings.socks4("127.0.0.1", port: dante.port)
            let rejected = try #require(try await self.refusal(.tcp("127.0.0.1", port: 1), through: four))
            #expect(rejected.message.contains("rejected or failed"), "\(rejected)")
            // It takes neither HTTP nor anybody with a password.
            let http = ProxySettings.http("127.0.0.1", port: dante.port)
            #expect(try await self.refusal(self.endpoint(broker, tls: false), through: http)?.code == .proxyRefused)
        }
    }

    @Test(arguments: [false, true])
    func `a client comes back through its proxy after that was away`(isSOCKS: Bool) async throws {
        let broker = try await SharedBroker.server
        if isSOCKS {
            try await Dante.withServer { dante in
                let settings = ProxySettings.socks5("127.0.0.1", port: dante.port)
                try await self.comeBack(broker, settings, stop: dante.stop, start: dante.start)
            }
        } else {
            try await TinyProxy.withProxy { proxy in
                let settings = ProxySettings.http("127.0.0.1", port: proxy.port)
                try await self.comeBack(broker, settings, stop: proxy.stop, start: proxy.start)
            }
        }
    }

    private func comeBack(
        _ broker: MosquittoServer,
        _ proxy: ProxySettings,
        stop: () async throws -> Void,
        start: () async throws -> Void
    ) async throws {
        let client = self.client(self.endpoint(broker, tls: false), through: proxy, keepsSession: true)
        var events = client.events.makeAsyncIterator()
        try await client.connect()
        let topic = unique("proxy")
        let messages = try await client.subscribe(to: topic, qos: .atLeastOnce)
        try await client.publish("before", to: topic, qos: .atLeastOnce)
        #expect(try await messages.take(1).map(\.text) == ["before"])
        try await stop()
        try await wait(for: "the end of the connection", in: &events, where: \.isDisconnected)
        async let published = client.publish("after", to: topic, qos: .atLeastOnce)
        try await start()
        _ = try await published
        #expect(try await messages.take(until: "after").allSatisfy { $0.text == "before" })
        await client.disconnect()
    }

    /// The transport's error of a connection that must fail.
    private func refusal(_ endpoint: Endpoint, through proxy: ProxySettings) async throws -> TransportError? {
        let client = self.client(endpoint, through: proxy)
        do {
            try await client.connect()
            await client.disconnect()
            return nil
        } catch {
            #expect(!"\(error)".contains("sesame"))
            return error.cause as? TransportError
        }
    }
}
