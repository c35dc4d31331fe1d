// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MQTTTransport

/// Host names: who is asked, how often, and what is made of the answers.
@Suite(.timeLimit(.minutes(10))) struct HostLookupTests {
    private static func address(_ text: String, _ port: Int = 1) throws -> SocketAddress {
        try SocketAddress(ipAddress: text, port: port)
    }

    /// Dials with answers of the test's own.
    private static func dial(
        _ endpoint: Endpoint,
        timeout: TimeAmount = .seconds(30),
        ask: @escaping HostLookup.Ask
    ) async throws -> any Channel {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        return try await Dialer(ask: ask).dial(endpoint, on: eventLoop, timeout: timeout) { _, _ in }.get()
    }

    @Test(
        arguments: [
            (.both, ["::1", "::2"], ["127.0.0.1", "127.0.0.2"]),
            (.preferIPv4, ["127.0.0.1", "127.0.0.2"], ["::1", "::2"]),
            (.onlyIPv4, [], ["127.0.0.1", "127.0.0.2"]), (.onlyIPv6, ["::1", "::2"], []),
        ] as [(SocketOptions.AddressFamily, [String], [String])]
    )
    func `the family decides which addresses are tried first, and the system is asked once`(
        family: SocketOptions.AddressFamily,
        first: [String],
        second: [String]
    ) async throws {
        let asked = Mutex<[String]>([])
        let found = Mutex(0)
        let addresses = try ["127.0.0.1", "::1", "::2", "127.0.0.2"].map { try Self.address($0) }
        let lookup = HostLookup(family, on: MultiThreadedEventLoopGroup.singleton.next()) { host, port in
            asked.withLock { $0.append("\(host):\(port)") }
            return addresses
        } found: {
            found.withLock { $0 += 1 }
        }
        let (preferred, other) = (
            lookup.initiateAAAAQuery(host: "h", port: 7), lookup.initiateAQuery(host: "h", port: 7)
        )
        #expect(try await preferred.get().map(\.ipAddress) == first)
        #expect(try await other.get().map(\.ipAddress) == second)
        #expect(asked.withLock { $0 } == ["h:7"])
        #expect(found.withLock { $0 } == 1)
    }

    @Test func `the first address is that of the other family when the first has none`() async throws {
        let addresses = [try Self.address("127.0.0.1")]
        for (family, expected) in [
            (SocketOptions.AddressFamily.both, "127.0.0.1"), (.preferIPv4, "127.0.0.1"), (.onlyIPv6, nil),
        ] {
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let lookup = HostLookup(family, on: eventLoop, ask: { _, _ in addresses }, found: {})
            #expect(try await lookup.firstAddress(of: "h", port: 1).get()?.ipAddress == expected)
        }
    }

    @Test func `the system knows this host, and says what is wrong with others`() throws {
        let addresses = try HostLookup.askSystem(host: "localhost", port: 1883)
        #expect(!addresses.isEmpty)
        #expect(addresses.allSatisfy { $0.port == 1883 })
        #expect(addresses.contains { ["127.0.0.1", "::1"].contains($0.ipAddress) })
        let error = #expect(throws: HostLookup.Failure.self) {
            try HostLookup.askSystem(host: "name.invalid", port: 1)
        }
        #expect(error?.description.isEmpty == false)
    }

    @Test func `a host without an address of the family wanted is a failed name lookup`() async throws {
        let addresses = [try Self.address("127.0.0.1")]
        var endpoint = Endpoint.tcp("broker.test")
        endpoint.socketOptions.addressFamily = .onlyIPv6
        let error = await #expect(throws: TransportError.self) {
            try await Self.dial(endpoint) { _, _ in addresses }
        }
        #expect(error?.code == .nameResolutionFailed)
        #expect(error?.stage == .nameLookup)
        #expect(error?.message.contains("\"broker.test\"") == true)
        #expect(error?.message.contains("it has no address") == true)
    }

    @Test(arguments: [["fe80::1", "127.0.0.1"], ["255.255.255.255", "127.0.0.1"], ["127.0.0.1", "255.255.255.255"]])
    func `of several addresses the one that came furthest is in the error`(hosts: [String]) async throws {
        let closed = try await TestServer.with { $0.port }
        let addresses = try hosts.map { try Self.address($0, closed) }
        let error = await #expect(throws: TransportError.self) {
            try await Self.dial(.tcp("broker.test", port: closed)) { _, _ in addresses }
        }
        #expect(error?.code == .connectionRefused)
        #expect(error?.message.contains("(127.0.0.1)") == true, "\(String(describing: error))")
    }

    @Test func `fault 33: a lookup that fails says why, and each attempt asks anew and goes where the name leads then`()
        async throws
    {
        try await TestServer.with { first in
            try await TestServer.with { second in
                let answers = Mutex<[Result<[SocketAddress], HostLookup.Failure>]>([
                    .failure(HostLookup.Failure(description: "Temporary failure in name resolution")),
                    .success([try Self.address("127.0.0.1", first.port)]),
                    .success([try Self.address("127.0.0.1", second.port)]),
                ])
                let ask: HostLookup.Ask = { _, _ in try answers.withLock { try $0.removeFirst().get() } }
                let endpoint = Endpoint.tcp("broker.test")
                let error = await #expect(throws: TransportError.self) { try await Self.dial(endpoint, ask: ask) }
                #expect(error?.code == .nameResolutionFailed)
                #expect(error?.stage == .nameLookup)
                #expect(error?.message.contains("Temporary failure in name resolution") == true)
                for server in [first, second] {
                    let channel = try await Self.dial(endpoint, ask: ask)
                    #expect(channel.remoteAddress?.port == server.port)
                    try await channel.close()
                }
                #expect(answers.withLock { $0.isEmpty })
            }
        }
    }

    @Test func `fault 33: a lookup that hangs ends the attempt at its timeout`() async throws {
        // Answers when the test is over.
        let gate = ConditionGate()
        defer { gate.open() }
        let time = await ContinuousClock().measure {
            let error = await #expect(throws: TransportError.self) {
                try await Self.dial(.tcp("broker.test"), timeout: .milliseconds(300)) { _, _ in
                    gate.wait()
                    return []
                }
            }
            #expect(error?.code == .nameResolutionTimedOut)
            #expect(error?.stage == .nameLookup)
            #expect(error?.message.contains("broker.test") == true)
            #expect(error?.message.contains("300 ms") == true)
        }
        #expect(time >= .milliseconds(300))
        #expect(time < .seconds(60))
    }

    @Test(arguments: [("::1", "127.0.0.1", SocketOptions.AddressFamily.both), ("127.0.0.1", "::1", .preferIPv4)])
    func `fault 34: an address that swallows everything costs the quarter of a second of RFC 8305`(
        silent: String,
        answering: String,
        family: SocketOptions.AddressFamily
    ) async throws {
        try await FullBacklog.with(host: silent) { port in
            try await TestServer.with(host: answering) { server in
                let addresses = [try Self.address(silent, port), try Self.address(answering, server.port)]
                var endpoint = Endpoint.tcp("broker.test")
                endpoint.socketOptions.addressFamily = family
                let preferred = endpoint
                let time = try await ContinuousClock().measure {
                    let channel = try await Self.dial(preferred) { _, _ in addresses }
                    #expect(channel.remoteAddress?.ipAddress == answering)
                    try await channel.close()
                }
                #expect(time >= .milliseconds(240), "it was not tried first")
                // Much less than the second after which a SYN is sent again, plus what a busy machine takes.
                #expect(time < .seconds(60))
                // Alone it is an attempt that times out.
                let error = await #expect(throws: TransportError.self) {
                    try await Self.dial(preferred, timeout: .seconds(5)) { _, _ in [addresses[0]] }
                }
                #expect(error?.code == .connectTimedOut)
                #expect(error?.stage == .connecting)
            }
        }
    }
}
