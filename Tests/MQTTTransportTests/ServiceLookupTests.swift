// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MosquittoFixture
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import MQTTTransport

/// Services found by the system's resolver, with a name server of the tests' own.
@Suite(.timeLimit(.minutes(10))) struct ServiceLookupTests {
    private static let name = "_mqtt._tcp.example.test"
    private static let record = DNSServer.Answer.services([.init(port: 7, target: "one.example.test.")])

    private static func lookup(_ dns: DNSServer, host: String = "127.0.0.1") -> ServiceLookup {
        var lookup = ServiceLookup(
            domain: "example.test",
            isSecure: false,
            nameServer: HostAndPort(host: host, port: dns.port)
        )
        lookup.attempts = 1
        lookup.patience = .seconds(4)
        return lookup
    }

    /// Blocks as the lookup of an attempt does; off the tests' own threads.
    private static func servers(_ lookup: ServiceLookup) async throws -> [HostAndPort] {
        try await HostLookup.threadPool.runIfActive { try lookup.servers() }
    }

    private static func failure(_ answer: DNSServer.Answer?) async throws -> TransportError? {
        try await DNSServer.with(answer.map { [self.name: $0] } ?? [:]) { dns in
            await #expect(throws: TransportError.self) { try await self.servers(self.lookup(dns)) }
        }
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func `a name server is asked once, by UDP`(host: String) async throws {
        try await DNSServer.with([Self.name: Self.record], host: host) { dns in
            let servers = try await Self.servers(Self.lookup(dns, host: host))
            #expect(servers == [HostAndPort(host: "one.example.test", port: 7)])
            #expect(dns.questions == [.init(Self.name)])
        }
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func `an answer too long for UDP comes by TCP`(host: String) async throws {
        // 300 records are some 9 KiB; only 64 are tried.
        let many = (1...300).map { DNSServer.Service(priority: $0, port: $0, target: "a\($0).example.test") }
        try await DNSServer.with([Self.name: .long(.services(many))], host: host) { dns in
            let servers = try await Self.servers(Self.lookup(dns, host: host))
            #expect(servers == (1...64).map { HostAndPort(host: "a\($0).example.test", port: $0) })
            #expect(dns.questions == [.init(Self.name), .init(Self.name, isByTCP: true)])
        }
    }

    @Test func `an alias of the service is followed`() async throws {
        let alias = DNSServer.Answer.alias("elsewhere.test", [.init(port: 9, target: "nine.test")])
        try await DNSServer.with([Self.name: alias]) { dns in
            let servers = try await Self.servers(Self.lookup(dns))
            #expect(servers == [HostAndPort(host: "nine.test", port: 9)])
        }
    }

    @Test(
        arguments: [
            ("no such name", nil, "there is no such name"),
            ("no records", .services([]), "no SRV record"),
            ("the root", .services([.init(port: 0, target: "")]), "no such service"),
            ("port 0", .services([.init(port: 0, target: "a")]), "no SRV record with a host and a port"),
            ("SERVFAIL", .code(2), "SERVFAIL"), ("REFUSED", .code(5), "REFUSED"), ("NOTIMP", .code(4), "NOTIMP"),
            ("a wrong name by TCP", .long(.misdirected(Self.record)), "another question"),
            ("cut off by TCP, too", .long(.long(.code(2))), "SERVFAIL"),
            ("a loop", .raw([0xC0, 41], records: 1), "points to itself"),
            ("a record that is cut off", .raw([0xC0, 12, 0, 33], records: 1), "ends too early"),
        ] as [(String, DNSServer.Answer?, String)]
    )
    func `what a name server says is in the error`(what: String, answer: DNSServer.Answer?, why: String) async throws {
        let time = try await ContinuousClock().measure {
            let error = try #require(try await Self.failure(answer))
            #expect(error.code == .nameResolutionFailed, "\(what)")
            #expect(error.message.contains(why), "\(what): \(error.message)")
            #expect(error.message.contains("\"\(Self.name)\""))
        }
        #expect(time < .seconds(60))
    }

    @Test(
        arguments: [
            ("silence", .silence), ("garbage", .garbage), ("another number", .misnumbered(Self.record)),
            ("another question", .misdirected(Self.record)), ("silence by TCP", .long(.silence)),
        ] as [(String, DNSServer.Answer)]
    )
    func `a name server that does not answer the question is not waited for long`(
        what: String,
        answer: DNSServer.Answer
    ) async throws {
        let time = try await ContinuousClock().measure {
            let error = try #require(try await Self.failure(answer))
            #expect(error.code == .nameResolutionTimedOut, "\(what): \(error)")
            #expect(error.message.contains("\"\(Self.name)\""))
        }
        #expect(time < .seconds(60), "\(what)")
    }

    @Test func `a name server that is not there is an error`() async throws {
        var lookup = try await DNSServer.with([:]) { Self.lookup($0) }
        let gone = await #expect(throws: TransportError.self) { try await Self.servers(lookup) }
        #expect(gone?.code == .nameResolutionFailed)
        #expect(gone?.message.contains("no name server could be asked") == true, "\(gone?.message ?? "")")
        for nameServer in [("localhost", 53), ("", 53), ("127.0.0.1", 0), ("127.0.0.1", 70_000), ("::1%lo", 1 << 40)] {
            lookup.nameServer = HostAndPort(host: nameServer.0, port: nameServer.1)
            let error = await #expect(throws: TransportError.self) { try await Self.servers(lookup) }
            #expect(error?.message.contains("is not an IP address and a port") == true, "\(error?.message ?? "")")
        }
    }

    @Test func `many lookups at once do not disturb one another`() async throws {
        let answers = (0..<40).map {
            ("_mqtt._tcp.d\($0).test", DNSServer.Service(port: UInt16($0 + 1), target: "t\($0)"))
        }
        try await DNSServer.with(Dictionary(uniqueKeysWithValues: answers.map { ($0.0, .services([$0.1])) })) { dns in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        var lookup = Self.lookup(dns)
                        lookup.domain = "d\(number).test"
                        // Two processors, forty questions: somebody may have to wait.
                        lookup.patience = .seconds(20)
                        let servers = try await Self.servers(lookup)
                        #expect(servers == [HostAndPort(host: "t\(number)", port: number + 1)])
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    // MARK: - Domains

    @Test(arguments: [
        "", ".", "..", "a..b", ".a", "a b", "a\u{0}b", "a\\.b", "a/b", "é.test", "a\n", "*.test",
        String(repeating: "a", count: 64), String(repeating: "a.", count: 121) + "ab",
    ])
    func `what is no domain is refused before anything is asked`(domain: String) async throws {
        let error = try #require(try await Dialed.failure(to: .srv(domain)))
        #expect(error.code == .invalidEndpoint)
        #expect(error.message.contains("domain"))
    }

    @Test func `the name depends on TLS, and a final dot is no part of it`() throws {
        #expect(try ServiceLookup(isSecure: false).name(in: "example.test.") == "_mqtt._tcp.example.test")
        #expect(try ServiceLookup(isSecure: true).name(in: "test") == "_secure-mqtt._tcp.test")
        let longest = String(repeating: "a.", count: 120) + "ab"
        #expect(try ServiceLookup(isSecure: false).name(in: longest).utf8.count == 253)
    }

    @Test(
        arguments: [
            ("box.example.test", nil, "example.test"), ("box", "box.example.test", "example.test"),
            ("box", "box.", nil), ("box", "box", nil), ("box", nil, nil), (nil, "box.example.test", nil),
            (".test", nil, nil), ("box.", "box.example.test", "example.test"),
        ] as [(String?, String?, String?)]
    )
    func `without a domain it is that of this host`(host: String?, canonical: String?, domain: String?) throws {
        let found = Result { try LocalDomain.find(hostName: { host }, canonicalName: { _ in canonical }) }
        if let domain {
            #expect(try found.get() == domain)
        } else {
            let error = #expect(throws: TransportError.self) { try found.get() }
            #expect(error?.code == .nameResolutionFailed)
            #expect(error?.message.contains("give the domain") == true)
        }
    }

    @Test func `the system is asked for the domain of this host`() {
        do throws(TransportError) {
            let domain = try LocalDomain.find()
            #expect(DNSName(domain.hasSuffix(".") ? String(domain.dropLast()) : domain) != nil)
        } catch {
            #expect(error.message.contains("has no domain"))
        }
    }

    // MARK: - Connecting

    @Test func `the servers are tried in order until one takes the connection`() async throws {
        try await TestServer.with { server in
            let closed = try await TestServer.with { $0.port }
            let services = [(0, closed), (1, closed), (2, server.port), (3, closed)].map { priority, port in
                DNSServer.Service(priority: UInt16(priority), port: UInt16(port), target: "localhost.")
            }
            try await DNSServer.with([Self.name: .services(services)]) { dns in
                let nameServer = HostAndPort(host: "127.0.0.1", port: dns.port)
                let dialed = try await Dialed.connect(to: .srv("example.test", nameServer: nameServer))
                try await dialed.send("found")
                #expect(try await dialed.receive(5) == "found")
                try await dialed.channel.close()
            }
        }
    }

    @Test func `a server that swallows everything leaves time for the one behind it`() async throws {
        try await FullBacklog.with(host: "127.0.0.1") { silent in
            try await TestServer.with { server in
                let services = [(0, silent), (1, server.port)].map { priority, port in
                    DNSServer.Service(priority: UInt16(priority), port: UInt16(port), target: "localhost.")
                }
                try await DNSServer.with([Self.name: .services(services)]) { dns in
                    let nameServer = HostAndPort(host: "127.0.0.1", port: dns.port)
                    let endpoint = Endpoint.srv("example.test", nameServer: nameServer)
                    try await Dialed.connect(to: endpoint, timeout: .seconds(4)).channel.close()
                }
            }
        }
    }

    @Test func `when no server takes the connection the last one's words are the error`() async throws {
        let closed = try await TestServer.with { $0.port }
        let services = [DNSServer.Service(port: UInt16(closed), target: "localhost")]
        try await DNSServer.with([Self.name: .services(services)]) { dns in
            let nameServer = HostAndPort(host: "127.0.0.1", port: dns.port)
            let error = try #require(try await Dialed.failure(to: .srv("example.test", nameServer: nameServer)))
            #expect(error.code == .connectionRefused)
            #expect(error.stage == .connecting)
            #expect(error.message.contains("localhost:\(closed)"))
        }
    }

    @Test func `the certificate has to be for the server that was found, or for the name that is pinned`() async throws
    {
        let certificates = try TestCertificates.shared.get()
        for (certificate, serverName, isGood) in [
            ("server", nil, true), ("other", nil, false), ("other", "other.example", true),
            ("other", "example.test", false),
        ] {
            try await TestServer.with(tls: try TestServer.tls(certificate)) { server in
                let service = DNSServer.Service(port: UInt16(server.port), target: "localhost")
                try await DNSServer.with(["_secure-mqtt._tcp.example.test": .services([service])]) { dns in
                    let tls = TLSSettings(trust: .file(certificates.path("ca.pem")), serverName: serverName)
                    let nameServer = HostAndPort(host: "127.0.0.1", port: dns.port)
                    let error = try await Dialed.failure(to: .srv("example.test", tls: tls, nameServer: nameServer))
                    #expect(error?.code == (isGood ? nil : .certificateRejected), "\(certificate)")
                }
            }
        }
    }

    @Test func `a name server that hangs ends the attempt at its timeout, at the name lookup`() async throws {
        try await DNSServer.with([Self.name: .silence]) { dns in
            let nameServer = HostAndPort(host: "127.0.0.1", port: dns.port)
            let time = try await ContinuousClock().measure {
                let endpoint = Endpoint.srv("example.test", nameServer: nameServer)
                let error = try #require(try await Dialed.failure(to: endpoint, timeout: .milliseconds(200)))
                #expect(error.code == .nameResolutionTimedOut)
                #expect(error.stage == .nameLookup)
                #expect(error.message.contains("mqtt service of example.test"))
                #expect(error.message.contains("200 ms"))
            }
            #expect(time >= .milliseconds(200))
            #expect(time < .seconds(60))
        }
    }

    @Test func `a lookup that fails is the error of the attempt, and the next attempt asks anew`() async throws {
        try await TestServer.with { server in
            try await DNSServer.with([:]) { dns in
                let endpoint = Endpoint.srv("example.test", nameServer: HostAndPort(host: "127.0.0.1", port: dns.port))
                let error = try #require(try await Dialed.failure(to: endpoint))
                #expect(error.code == .nameResolutionFailed)
                #expect(error.stage == .nameLookup)
                dns.set(Self.name, to: .services([.init(port: UInt16(server.port), target: "localhost")]))
                let dialed = try await Dialed.connect(to: endpoint)
                try await dialed.channel.close()
                #expect(dns.questions.count == 2)
            }
        }
    }
}
