// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MosquittoFixture
import Testing

/// The program on every road to a real broker.
@Suite(.timeLimit(.minutes(10))) struct RouteProcessTests {
    private static let password = "sesame"

    /// A message goes to the broker by the way that the options say, and comes back.
    private static func roundTrip(_ options: [String], environment: [String]? = nil) async throws {
        let publisher = try Self.start(["pub", "-t", "a/b", "-m", "over it", "-q", "1", "-r"] + options, environment)
        #expect(try await publisher.status() == 0)
        #expect(publisher.errors == "")
        let subscriber = try Self.start(["sub", "-t", "a/b", "-C", "1", "-W", "30"] + options, environment)
        #expect(try await subscriber.status() == 0)
        #expect(subscriber.errors == "")
        #expect(subscriber.text == "over it\n")
    }

    /// With variables, in nothing but those.
    private static func start(_ arguments: [String], _ environment: [String]?) throws -> ControlProcess {
        guard let environment else { return try ControlProcess(arguments) }
        return try ControlProcess(
            ["-i"] + environment + [ControlProcess.program] + arguments,
            program: "/usr/bin/env"
        )
    }

    @Test func `WebSocket and Unix sockets, by options and by URL`() async throws {
        let options = MosquittoServer.Options(tls: .init(), webSocket: true, unixSocket: true)
        try await MosquittoServer.withServer(options) { server in
            let (port, securePort, path) = (server.webSocketPort, server.secureWebSocketPort, server.unixSocketPath)
            try await Self.roundTrip(["--ws", "-p", "\(port)", "-H", "X-Test: 1"])
            try await Self.roundTrip(["-L", "ws://127.0.0.1:\(port)/mqtt?x=1"])
            try await Self.roundTrip(["--ws", "-p", "\(securePort)", "--cafile", server.caFile])
            try await Self.roundTrip(["-L", "wss://localhost:\(securePort)/mqtt", "--cafile", server.caFile])
            try await Self.roundTrip(["--unix", path])
            try await Self.roundTrip(["-L", "unix://\(path)"])
        }
    }

    @Test func `an HTTP proxy with a user, from the command line and from the environment`() async throws {
        try await MosquittoServer.withServer(.init(tls: .init())) { server in
            try await TinyProxy.withProxy(user: "ann", password: Self.password) { proxy in
                let url = "http://ann:\(Self.password)@127.0.0.1:\(proxy.port)"
                let secure = ["-p", "\(server.tlsPort)", "--cafile", server.caFile]
                try await Self.roundTrip(["--quiet", "--proxy", url] + secure)
                try await Self.roundTrip(["--proxy", "env"] + secure, environment: ["mqtt_proxy=\(url)"])
                let warned = try await ControlProcess.run(["sub", "-t", "a", "-E", "--proxy", url] + secure)
                #expect(warned.status == 0)
                #expect(warned.errors.contains("others on this machine can see"))
                #expect(proxy.log.contains("CONNECT"))
                let refused = try await ControlProcess.run(
                    ["sub", "-t", "a", "--format", "jsonl", "--proxy", "http://127.0.0.1:\(proxy.port)"] + secure
                )
                #expect(refused.status == 77)
                #expect(refused.errors.contains("mqtt_proxy"))
                #expect(refused.errors.contains(#""stage":"proxy","exit":77"#), "\(refused.errors)")
            }
        }
    }

    @Test(arguments: ["socks5h", "socks5", "socks4"])
    func `a SOCKS proxy`(scheme: String) async throws {
        try await MosquittoServer.withServer { server in
            try await Dante.withServer { proxy in
                let options = ["--proxy", "\(scheme)://127.0.0.1:\(proxy.port)", "-h", "127.0.0.1"]
                try await Self.roundTrip(options + ["-p", "\(server.port)", "-A", "127.0.0.1"])
                #expect(proxy.log.contains("\(server.port)"))
                let end = try await ControlProcess.run(["sub", "-t", "a", "--no-reconnect", "-p", "9"] + options)
                #expect(end.status == 69)
                #expect(end.errors.contains("--proxy"), "\(end.errors)")
            }
        }
    }

    @Test func `a further broker takes over where the first cannot be had`() async throws {
        try await MosquittoServer.withServer { server in
            try await Self.roundTrip(["-p", "9", "--failover", "mqtt://127.0.0.1:\(server.port)"])
            let told = try await ControlProcess.run(
                ["sub", "-t", "a", "-E", "-d", "-p", "9", "--failover", "mqtt://127.0.0.1:\(server.port)"]
            )
            #expect(told.status == 0)
            #expect(told.errors.contains("Trying mqtt://127.0.0.1:\(server.port)."), "\(told.errors)")
            #expect(told.errors.contains("connected to mqtt://127.0.0.1:\(server.port) as"), "\(told.errors)")
        }
    }

    @Test func `the broker that refused last is the one that is named`() async throws {
        let refusal: [UInt8] = [0x20, 0x03, 0x00, 0x87, 0x00]
        try await AnsweringServer.withServer(answering: [refusal]) { first in
            try await AnsweringServer.withServer(answering: [refusal]) { second in
                for options in [[], ["--no-reconnect"]] {
                    let end = try await ControlProcess.run(
                        [
                            "pub", "-t", "a", "-n", "-h", "127.0.0.1", "-p", "\(first)", "--failover",
                            "mqtt://127.0.0.1:\(second)",
                        ] + options
                    )
                    #expect(end.status == 77)
                    #expect(end.errors.hasPrefix("mqttctl: mqtt://127.0.0.1:\(second): "), "\(end.errors)")
                }
            }
        }
    }

    @Test func `encrypted keys and PKCS#12 are opened with their password, and the keys of a connection logged`()
        async throws
    {
        try await MosquittoServer.withServer(.init(tls: .init(requireCertificate: true))) { server in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            try folder.write("\(Self.password)\n", to: "password")
            let (key, pkcs12) = (folder.file("encrypted.key"), folder.file("client.P12"))
            let (certificate, plainKey) = (server.clientCertificateFile, server.clientKeyFile)
            let secret = ["-passout", "pass:\(Self.password)"]
            try await Self.openssl(["ec", "-in", plainKey, "-aes256", "-out", key] + secret, folder)
            try await Self.openssl(
                ["pkcs12", "-export", "-in", certificate, "-inkey", plainKey, "-out", pkcs12] + secret,
                folder
            )
            let common = ["-p", "\(server.tlsPort)", "--cafile", server.caFile]
            let encrypted = common + ["--cert", certificate, "--key", key]
            let file = ["--key-password-file", folder.file("password")]
            try await Self.roundTrip(encrypted + file + ["--tls-keylog", folder.file("keys")])
            #expect(folder.read("keys").contains("TRAFFIC_SECRET"))
            try await Self.roundTrip(
                common + ["--cert", pkcs12, "--key-password-env", "KEY_PASSWORD"],
                environment: ["KEY_PASSWORD=\(Self.password)"]
            )
            for options in [[], ["--key-password-env", "NO_SUCH_VARIABLE"]] {
                let end = try await ControlProcess.run(["sub", "-t", "a"] + encrypted + options)
                #expect(end.status == 78, "\(end.errors)")
            }
        }
    }

    @Test func `a folder of authorities is trusted, and a name of no cipher suite is 78`() async throws {
        try await MosquittoServer.withServer(.init(tls: .init())) { server in
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            try FileManager.default.copyItem(atPath: server.caFile, toPath: folder.file("ca.crt"))
            let options = ["-p", "\(server.tlsPort)", "--capath", folder.path]
            try await Self.roundTrip(options + ["--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256", "--tls-alpn", "mqtt"])
            let end = try await ControlProcess.run(["sub", "-t", "a", "--ciphers", "NONE"] + options)
            #expect(end.status == 78)
            #expect(end.errors.contains("ECDHE-ECDSA-AES128-GCM-SHA256"))
        }
    }

    private static func openssl(_ arguments: [String], _ folder: TemporaryFolder) async throws {
        let log = folder.file("log")
        let process = try ChildProcess("/usr/bin/env", ["openssl"] + arguments, output: log)
        let status = try await process.end(within: .seconds(60))
        guard status == 0 else { throw FixtureError("openssl failed: \(folder.read("log"))") }
    }

    @Test(
        arguments: [
            (["--unix", "/no/such/socket"], 69, "connect", "/no/such/socket"),
            (["-h", "127.0.0.1", "-p", "9", "-A", "127.0.0.1"], 69, "connect", "-A"),
            (["--proxy", "http://127.0.0.1:9"], 69, "connect", "--proxy"),
            (["--proxy", "http://no-such-host.invalid"], 68, "resolve", "--proxy"),
        ] as [([String], Int32, String, String)]
    )
    func `a way that leads nowhere ends with its status`(
        options: [String],
        status: Int32,
        stage: String,
        words: String
    ) async throws {
        let end = try await ControlProcess.run(["sub", "-t", "a", "--no-reconnect", "--format", "jsonl"] + options)
        #expect(end.status == status)
        #expect(end.errors.contains(words), "\(end.errors)")
        #expect(end.errors.contains(#""stage":"\#(stage)","exit":\#(status)"#), "\(end.errors)")
    }

    @Test(
        arguments: [
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", ["--ws"], 76, "websocket", "-H"),
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", [], 76, "session", "MQTT broker?"),
            ("\u{15}\u{3}\u{3}", [], 76, "session", "--tls-use-os-certs"),
            ("hello", ["--insecure"], 76, "tls", "--no-tls"),
        ] as [(String, [String], Int32, String, String)]
    )
    func `a server of another kind is 76`(
        answer: String,
        options: [String],
        status: Int32,
        stage: String,
        words: String
    ) async throws {
        try await AnsweringServer.withServer(answering: [Array(answer.utf8)]) { port in
            let end = try await ControlProcess.run(
                ["sub", "-t", "a", "-h", "127.0.0.1", "-p", "\(port)", "--format", "jsonl"] + options
            )
            #expect(end.status == status)
            #expect(end.errors.contains(words), "\(end.errors)")
            #expect(end.errors.contains(#""stage":"\#(stage)","exit":\#(status)"#), "\(end.errors)")
        }
    }
}
