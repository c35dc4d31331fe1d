// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT
import NIOCore
import Testing

@testable import mqttctl

@Suite struct OptionTests {
    private static func publish(_ arguments: String...) throws -> PublishCommand {
        try PublishCommand.parse(arguments)
    }

    /// What is said about arguments that cannot be used; empty when they can.
    private static func refusal(of arguments: [String]) -> String {
        do {
            _ = try Mqttctl.parseAsRoot(arguments)
            return ""
        } catch {
            guard Mqttctl.exitCode(for: error).rawValue == ExitClass.usage.rawValue else { return "no usage error" }
            return Mqttctl.message(for: error)
        }
    }

    @Test func `without options it is MQTT 5 on port 1883 of this machine`() throws {
        let command = try Self.publish("-t", "a", "-m", "x")
        #expect(command.connection.version == .v5)
        #expect(command.connection.endpoint == .tcp("localhost", port: 1883))
        #expect(command.qos == .atMostOnce)
        #expect(!command.retain)
    }

    @Test func `a message may look like an option`() throws {
        let command = try Self.publish("-t", "-a", "-m", "-5", "-i", "-id", "-u", "-u", "-P", "-p", "-q", "2", "-r")
        #expect(command.message == "-5")
        #expect(command.topic == "-a")
        #expect(command.connection.session.clientID == "-id")
        #expect(command.connection.credentials.username == "-u")
        #expect(command.connection.credentials.password == "-p")
        #expect(command.qos == .exactlyOnce)
        #expect(command.retain)
    }

    @Test(
        arguments: [
            ("5", .v5), ("mqttv5", .v5), ("5.0", .v5), ("311", .v311), ("mqttv311", .v311), ("3.1.1", .v311),
            ("4", .v311),
            ("31", .v31), ("mqttv31", .v31), ("3.1", .v31), ("MQTTv311", .v311),
        ] as [(String, ProtocolChoice)]
    )
    func `everybody's spelling of a version is known`(spelling: String, version: ProtocolChoice) throws {
        #expect(try Self.publish("-t", "a", "-n", "-V", spelling).connection.version == version)
    }

    @Test(arguments: [
        ["-p", "8883"], ["-L", "mqtts://localhost"], ["--cafile", "ca"], ["--tls-use-os-certs"],
        ["--tls-version", "tlsv1.3"], ["--insecure"], ["-L", "mqtt://localhost", "--cafile", "ca"],
        ["--server-name", "x"], ["--tls-alpn", "mqtt"],
    ])
    func `TLS is used where an option says so, on port 8883`(arguments: [String]) throws {
        let command = try PublishCommand.parse(["-t", "a", "-n"] + arguments)
        #expect(command.connection.endpoint.tls != nil)
        let isURL = arguments.contains("mqtt://localhost")
        #expect(command.connection.endpoint.port == (isURL ? 1883 : 8883))
    }

    @Test func `port 8883 is plain where --no-tls says so`() throws {
        #expect(try Self.publish("-t", "a", "-n", "-p", "8883", "--no-tls").connection.endpoint.tls == nil)
    }

    @Test func `--insecure checks the authority where one is named, and else nothing`() throws {
        let named = try Self.publish("-t", "a", "-n", "--insecure", "--cafile", "ca")
        #expect(named.connection.tls.settings().verification == .insecureWithoutHostName)
        let bare = try Self.publish("-t", "a", "-n", "--insecure")
        #expect(bare.connection.tls.settings().verification == .insecureNone)
        #expect(try Self.publish("-t", "a", "-n").connection.tls.settings().verification == .full)
    }

    @Test func `a URL holds host, port, user and topic`() async throws {
        let command = try SubscribeCommand.parse(["-L", "mqtt://us%40er:pass@broker.example.com:1884/a/+/#"])
        #expect(command.connection.endpoint == .tcp("broker.example.com", port: 1884))
        #expect(command.connection.server.url?.topic == "a/+/#")
        let user = command.connection.server.url?.endpoint.userInfo?.value
        #expect(user?.user == "us@er")
        #expect(user?.password == "pass")
        #expect(try SubscribeCommand.parse(["-t", "x", "-L", "mqtt://h/"]).connection.server.url?.topic == nil)
    }

    @Test func `-c keeps the session for ever, -x for a while`() throws {
        var configuration = MQTT5Client.Configuration()
        try Self.publish("-t", "a", "-n", "-c", "-i", "x").connection.session.apply(to: &configuration)
        #expect(configuration.cleanStart == .never)
        #expect(configuration.sessionExpiry == nil)
        try Self.publish("-t", "a", "-n", "-c", "-i", "x", "-x", "60").connection.session.apply(to: &configuration)
        #expect(configuration.sessionExpiry == .seconds(60))
        try Self.publish("-t", "a", "-n").connection.session.apply(to: &configuration)
        #expect(configuration.cleanStart == .firstOnly)
        #expect(configuration.sessionExpiry == .zero)
        var older = MQTT311Client.Configuration()
        try Self.publish("-t", "a", "-n", "-c", "-i", "x").connection.session.apply(to: &older)
        #expect(!older.cleanSession)
    }

    @Test func `-I is the beginning of an identifier`() throws {
        let identifier = try Self.publish("-t", "a", "-n", "-I", "meter-").connection.session.clientID
        #expect(identifier.hasPrefix("meter-"))
        #expect(identifier.count > 6)
    }

    @Test func `a will is made of its options`() throws {
        let will = try Self.publish(
            "-t",
            "a",
            "-n",
            "--will-topic",
            "w",
            "--will-payload",
            "-gone",
            "--will-qos",
            "1",
            "--will-retain"
        ).connection.will.will
        #expect(will == Will(topic: "w", payload: ByteBuffer(string: "-gone"), qos: .atLeastOnce, retain: true))
    }

    @Test func `filters and exclusions may be repeated`() throws {
        let command = try SubscribeCommand.parse(["-t", "a", "-t", "b/#", "-T", "b/c", "-T", "-d", "-vR", "-C", "3"])
        #expect(command.topic == ["a", "b/#"])
        #expect(command.filterOut == ["b/c", "-d"])
        #expect(command.verbose)
        #expect(command.noRetained)
        #expect(command.count == 3)
    }

    @Test(
        arguments: [
            (["pub", "-t", "a", "-m", "x", "-p", "secret"], "-P, the password"),
            (["sub", "-t", "a", "-V", "3"], "write 31 or 311"),
            (["sub", "-t", "a", "-V", "6"], "Write 5, 311"),
            (["pub", "-t", "a/#", "-m", "x"], "wildcard"),
            (["sub", "-t", "a/#/b"], "'#'"),
            (["sub", "-t", "a", "-T", "b#"], "'#'"),
            (["pub", "-m", "x"], "no topic"),
            (["sub"], "no topic"),
            (["pub", "-t", "a"], "-m, -f, -l, -s or -n"),
            (["pub", "-t", "a", "-m", "x", "-n"], "in one way"),
            (["pub", "-t", "a", "-m", "x", "-q", "3"], "0, 1 or 2"),
            (["sub", "-t", "a", "-C", "0"], "at least 1"),
            (["sub", "-t", "a", "-c"], "needs a client identifier"),
            (["sub", "-t", "a", "-i", "x", "-I", "y"], "not both"),
            (["sub", "-t", "a", "-W", "0"], "positive"),
            (["sub", "-t", "a", "--cert", "x"], "--key"),
            (["sub", "-t", "a", "--no-tls", "--cafile", "x"], "exclude"),
            (["sub", "-t", "a", "-P", "x", "--password-env", "y"], "one password"),
            (["sub", "-t", "a", "-V", "311", "-P", "x"], "user name"),
            (["sub", "-t", "a", "-V", "311", "-x", "5"], "MQTT 5"),
            (["sub", "-t", "a", "-L", "mqtt://h", "-h", "h"], "not both"),
            (["sub", "-t", "a", "-L", "http://h"], "mqtts"),
            (["sub", "-t", "a", "--will-payload", "x"], "--will-topic"),
            (["sub", "-t", "a", "--will-topic", "w/#"], "wildcard"),
            (["sub", "-t", "a", "--format", "xml"], "jsonl"),
            (["pub", "-t", "a", "-l", "--repeat", "2"], "exclude"),
            (["pub", "-t", "a", "-m", "x", "--repeat", "0"], "at least 1"),
            (["pub", "-t", "a", "-m", "x", "-p", "0"], "1 and 65535"),
            (["sub", "-t", "a", "--tls-version", "9"], "tlsv1.3"),
        ] as [([String], String)]
    )
    func `a usage error says what to do`(arguments: [String], words: String) {
        #expect(Self.refusal(of: arguments).contains(words))
    }
}
