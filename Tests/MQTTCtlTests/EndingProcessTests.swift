// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MosquittoFixture
import Testing

/// How the program ends: the exit statuses, and what it says.
@Suite(.timeLimit(.minutes(10))) struct EndingProcessTests {
    @Test(arguments: [["--help"], ["--version"], ["pub", "--help"], ["help", "sub"]])
    func `help is no error`(arguments: [String]) async throws {
        let end = try await ControlProcess.run(arguments)
        #expect(end.status == 0)
        #expect(!end.text.isEmpty)
        #expect(end.errors == "")
    }

    @Test(
        arguments: [
            (["pub", "-t", "a/#", "-m", "x"], 64, "wildcard"),
            (["sub", "-t", "a", "--nonsense"], 64, "nonsense"),
            (["pub", "-t", "a", "-f", "/no/such/file"], 66, "/no/such/file"),
            (["pub", "-t", "a", "-f", "/"], 66, "directory"),
            (["sub", "-t", "a", "-h", "no-such-host.invalid", "--no-reconnect"], 68, "no-such-host.invalid"),
            (["sub", "-t", "a", "-p", "9", "--no-reconnect"], 69, "refused"),
            (["pub", "-t", "a", "-m", "x", "-p", "9", "--no-reconnect"], 69, "-p"),
            (["sub", "-t", "a", "-p", "9", "-W", "0.5"], 69, "Trying again until it works"),
            (["sub", "-t", "a", "--cafile", "/no/such/ca"], 78, "/no/such/ca"),
            (["sub", "-t", "a", "--cert", "/no/such/cert", "--key", "/no/such/key"], 78, "/no/such"),
            (["sub", "-t", "a", "-u", "u", "--password-file", "/no/such/secret"], 78, "/no/such/secret"),
            (["sub", "-t", "a", "-u", "u", "--password-env", "NO_SUCH_VARIABLE"], 78, "NO_SUCH_VARIABLE"),
            (["sub", "-t", "a", "-V", "31", "-i", "longer-than-23-characters"], 64, "23"),
        ] as [([String], Int32, String)]
    )
    func `what cannot work ends with its status`(arguments: [String], status: Int32, words: String) async throws {
        let end = try await ControlProcess.run(arguments)
        #expect(end.status == status)
        #expect(end.errors.contains(words), "\(end.errors)")
        #expect(end.text == "")
    }

    @Test func `time running out is 27`() async throws {
        try await MosquittoServer.withServer { server in
            let end = try await ControlProcess.run(["sub", "-t", "a", "-C", "1", "-W", "0.5", "-p", "\(server.port)"])
            #expect(end.status == 27)
            #expect(end.errors == "mqttctl: Timed out.\n")
        }
    }

    #if os(Linux)
    @Test func `output that cannot be written is 73`() async throws {
        try await MosquittoServer.withServer { server in
            let port = ["-p", "\(server.port)"]
            _ = try await ControlProcess.run(["pub", "-t", "a", "-m", "x", "-r"] + port)
            let subscriber = try ControlProcess(["sub", "-t", "a", "-C", "1", "-W", "30"] + port, output: "/dev/full")
            #expect(try await subscriber.status() == 73)
            #expect(subscriber.errors.contains("No space"))
        }
    }
    #endif

    @Test(
        arguments: [
            ("5", [0x20, 0x03, 0x00, 0x89, 0x00], 75, "Server busy (0x89)", 137),
            ("5", [0x20, 0x03, 0x00, 0x84, 0x00], 76, "-V 311", 132),
            // MQTT 3.1.1, 3.2.2.3: a server of before 5.0 knows no other answer.
            ("5", [0x20, 0x02, 0x00, 0x01], 76, "-V 311", 132),
            ("311", [0x20, 0x02, 0x00, 0x03], 75, "Server unavailable", 136),
            ("5", [0x20, 0x03, 0x00, 0x87, 0x00], 77, "--password-file", 135),
            ("5", Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), 76, "MQTT broker?", nil),
            ("5", [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28], 76, "TLS", nil),
        ] as [(String, [UInt8], Int32, String, Int?)]
    )
    func `a broker's refusal ends with the status of its reason`(
        version: String,
        answer: [UInt8],
        status: Int32,
        words: String,
        reason: Int?
    ) async throws {
        try await AnsweringServer.withServer(answering: [answer]) { port in
            let end = try await ControlProcess.run([
                "pub", "-h", "127.0.0.1", "-p", "\(port)", "-t", "a", "-m", "x", "-V", version, "--no-reconnect",
                "--format", "jsonl",
            ])
            #expect(end.status == status)
            #expect(end.errors.contains(words), "\(end.errors)")
            let last = try #require(end.errors.split(separator: "\n").last)
            let object = try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any]
            #expect(object?["reason"] as? Int == reason)
            #expect(object?["stage"] as? String == (reason == nil ? "session" : "connack"))
            #expect(object?["exit"] as? Int == Int(status))
        }
    }

    @Test(arguments: [[], ["-E"], ["-c", "-i", "x"], ["-c", "-i", "x", "-E"]])
    func `a refused subscription is 77`(options: [String]) async throws {
        let pong: [UInt8] = [0xD0, 0x00]
        let answers: [[UInt8]] = [[0x20, 0x03, 0, 0, 0], [0x90, 0x04, 0, 1, 0, 0x87] + pong, pong]
        try await AnsweringServer.withServer(answering: answers) { port in
            let end = try await ControlProcess.run(
                ["sub", "-h", "127.0.0.1", "-p", "\(port)", "-t", "a", "-W", "30"] + options
            )
            #expect(end.status == 77)
            #expect(end.errors.contains("Not authorized (0x87)"), "\(end.errors)")
        }
    }

    @Test(arguments: ["5", "311"])
    func `wrong credentials are 77, right ones from a file are let in`(version: String) async throws {
        try await MosquittoServer.withServer(.init(users: ["joe": "secret"])) { server in
            let common = ["pub", "-t", "a", "-m", "x", "-q", "1", "-V", version, "-p", "\(server.port)", "-u", "joe"]
            let wrong = try await ControlProcess.run(common + ["-P", "wrong"])
            #expect(wrong.status == 77)
            #expect(wrong.errors.contains("others on this machine can see"))
            #expect(wrong.errors.contains("-u"))
            let folder = try TemporaryFolder()
            defer { folder.remove() }
            try folder.write("secret\n", to: "password")
            let right = try await ControlProcess.run(common + ["--password-file", folder.file("password")])
            #expect(right.status == 0)
            #expect(right.errors == "")
        }
    }

    @Test func `an answer of "not authorised" to a message is 77`() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try folder.write("topic read #\n", to: "acl")
        try await MosquittoServer.withServer(.init(extraLines: ["acl_file \(folder.file("acl"))"])) { server in
            let end = try await ControlProcess.run(["pub", "-t", "a", "-m", "x", "-q", "1", "-p", "\(server.port)"])
            #expect(end.status == 77)
            #expect(end.errors.contains("Not authorized (0x87)"))
        }
    }

    @Test func `TLS works with the broker's authority and not without`() async throws {
        // Not for the address too: then it would be accepted under any name.
        try await MosquittoServer.withServer(.init(tls: .init(serverNames: ["DNS:localhost"]))) { server in
            let common = ["pub", "-t", "a", "-m", "x", "-q", "1"]
            let secure = ["-p", "\(server.tlsPort)"]
            let good = try await ControlProcess.run(common + secure + ["--cafile", server.caFile])
            #expect(good.status == 0)
            #expect(good.errors == "")
            let end1 = try await ControlProcess.run(common + secure + ["--insecure"])
            #expect(end1.status == 0)
            let unknown = try await ControlProcess.run(common + secure + ["--tls-use-os-certs"])
            #expect(unknown.status == 76)
            #expect(unknown.errors.contains("--cafile"))
            let other = try await ControlProcess.run(
                common + secure + ["--cafile", server.caFile, "--server-name", "elsewhere.example.com"]
            )
            #expect(other.status == 76)
            #expect(other.errors.contains("elsewhere.example.com"))
            let plain = try await ControlProcess.run(common + ["-p", "\(server.port)", "--cafile", server.caFile])
            #expect(plain.status == 76)
            #expect(plain.errors.contains("TLS"))
        }
    }

    @Test func `a client certificate can be shown`() async throws {
        try await MosquittoServer.withServer(.init(tls: .init(requireCertificate: true))) { server in
            let common = ["pub", "-t", "a", "-m", "x", "-q", "1", "-p", "\(server.tlsPort)", "--cafile", server.caFile]
            let identity = ["--cert", server.clientCertificateFile, "--key", server.clientKeyFile]
            let end2 = try await ControlProcess.run(common + identity)
            #expect(end2.status == 0)
            let end3 = try await ControlProcess.run(common + ["--no-reconnect"])
            #expect(end3.status != 0)
        }
    }

    @Test(
        arguments: [
            (SIGINT, [], 0), (SIGTERM, [], 0), (SIGINT, ["-C", "5"], 130), (SIGTERM, ["-C", "5"], 143),
        ] as [(Int32, [String], Int32)]
    )
    func `a signal ends sub with a good-bye`(signal: Int32, options: [String], status: Int32) async throws {
        try await MosquittoServer.withServer { server in
            let port = ["-p", "\(server.port)"]
            _ = try await ControlProcess.run(["pub", "-t", "a", "-m", "x", "-r"] + port)
            let subscriber = try ControlProcess(["sub", "-t", "a", "-i", "leaver"] + options + port)
            try await subscriber.prints("x")
            subscriber.send(signal)
            #expect(try await subscriber.status() == status)
            #expect(subscriber.errors == "")
            #expect(server.log.contains("Client leaver disconnected"))
        }
    }

    @Test func `a signal ends pub while it waits for input`() async throws {
        try await MosquittoServer.withServer { server in
            var ends: [Int32] = [-1, -1]
            try #require(Foundation.pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            defer { for end in ends { close(end) } }
            let arguments = ["pub", "-l", "-t", "a", "-i", "writer", "-d", "-p", "\(server.port)"]
            let publisher = try ControlProcess(arguments, descriptor: ends[0])
            try await publisher.says("connected")
            publisher.send(SIGINT)
            #expect(try await publisher.status() == 130)
            #expect(server.log.contains("Client writer disconnected"))
        }
    }

    @Test func `a broker that comes back is told of twice`() async throws {
        try await MosquittoServer.withServer { server in
            let port = ["-p", "\(server.port)"]
            let subscriber = try ControlProcess(["sub", "-t", "a", "-C", "1", "-W", "60"] + port)
            try await self.untilSubscribed(server)
            try await server.restart()
            try await subscriber.says("connected again")
            let publisher = ["pub", "-t", "a", "-m", "back", "-r"] + port
            let end4 = try await ControlProcess.run(publisher)
            #expect(end4.status == 0)
            #expect(try await subscriber.status() == 0)
            #expect(subscriber.text == "back\n")
            let lines = subscriber.errors.split(separator: "\n")
            #expect(lines.count == 2, "\(lines)")
            #expect(lines.first?.contains("Trying again until it works") == true)
        }
    }

    @Test func `--no-reconnect ends with the connection`() async throws {
        try await MosquittoServer.withServer { server in
            let arguments = ["sub", "-t", "a", "-d", "--no-reconnect", "-p", "\(server.port)"]
            let subscriber = try ControlProcess(arguments)
            try await subscriber.says("subscribed")
            try await server.stop()
            let status = try await subscriber.status()
            // Mosquitto says that it shuts down, which is a reason to try later, or just closes.
            #expect(status == 75 || status == 69)
        }
    }

    #if os(Linux)
    @Test func `a reader that has enough ends sub quietly`() async throws {
        try await MosquittoServer.withServer { server in
            var ends: [Int32] = [-1, -1]
            try #require(Foundation.pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            // Through its name in the file system, as ChildProcess opens its output.
            let output = "/proc/\(getpid())/fd/\(ends[1])"
            let port = ["-p", "\(server.port)"]
            let subscriber = try ControlProcess(
                ["sub", "-t", "a", "-d"] + port,
                output: output
            )
            try await subscriber.says("subscribed")
            for end in ends { close(end) }
            let publisher = ["pub", "-t", "a", "-m", "x", "-q", "1"] + port
            let end5 = try await ControlProcess.run(publisher)
            #expect(end5.status == 0)
            #expect(try await subscriber.status() == 0)
            #expect(!subscriber.errors.contains("failed"))
        }
    }
    #endif

    private func untilSubscribed(_ server: MosquittoServer) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while !server.log.contains("New client connected") {
            if ContinuousClock.now > deadline { throw FixtureError("nobody connects") }
            try await ChildProcess.tick()
        }
    }
}
