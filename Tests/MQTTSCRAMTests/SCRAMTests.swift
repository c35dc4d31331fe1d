// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTSCRAM
import NIOCore
import Testing

@Suite struct SCRAMTests {
    /// A whole exchange with what the server says and what the client has to say.
    private struct Vector: Sendable {
        var mechanism: SCRAMMechanism
        var serverFirst: String
        var clientFinal: String
        var serverFinal: String
    }

    private static let nonce = "rOprNGfwEbeRWgbNEkqO"

    private static let vectors = [
        // RFC 7677, 3.
        Vector(
            mechanism: .sha256,
            serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            clientFinal: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        ),
        // No RFC has one for SHA-512: the vector that the tests of several other implementations share.
        Vector(
            mechanism: .sha512,
            serverFirst: "r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,"
                + "s=Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=,i=4096",
            clientFinal: "c=biws,r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,"
                + "p=Hc5yec3NmCD7t+kFRw4/3yD6/F3SQHc7AVYschRja+Bc3sbdjlA0eH1OjJc0DD4ghn1tnXN5/Wr6qm9xmaHt4A==",
            serverFinal: "v=BQuhnKHqYDwQWS5jAw4sZed+C9KFUALsbrq81bB0mh+bcUUbbMPNNmBIupnS2AmyyDnG5CTBQtkjJ9kyY4kzmw=="
        ),
    ]

    private static func exchange(
        _ mechanism: SCRAMMechanism = .sha256,
        username: String = "user",
        password: String = "pencil"
    ) throws -> SCRAMExchange {
        try SCRAMExchange(mechanism, SCRAMCredentials(username: username, password: password), nonce: Self.nonce)
    }

    /// An exchange of the RFC's vector whose proof is out.
    private static func proven() async throws -> SCRAMExchange {
        var exchange = try Self.exchange()
        _ = try await exchange.begin()
        _ = try await exchange.answer(message(Self.vectors[0].serverFirst))
        return exchange
    }

    @Test(arguments: vectors.indices)
    func `the published exchanges come out as published`(index: Int) async throws {
        let vector = Self.vectors[index]
        var exchange = try Self.exchange(vector.mechanism)
        #expect(try await exchange.begin().text == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
        #expect(try await exchange.answer(message(vector.serverFirst)).text == vector.clientFinal)
        try await exchange.finish(message(vector.serverFinal))
    }

    @Test func `the server's proof may also come in an AUTH of its own, before success`() async throws {
        var exchange = try await Self.proven()
        #expect(try await exchange.answer(message(Self.vectors[0].serverFinal)).data == nil)
        try await exchange.finish(AuthenticationMessage())
    }

    @Test func `user names are escaped, and text is prepared`() async throws {
        var exchange = try Self.exchange(username: "a=b,c\u{AD}\u{A0}d")
        #expect(try await exchange.begin().text == "n,,n=a=3Db=2Cc d,r=rOprNGfwEbeRWgbNEkqO")
        var prepared = try Self.exchange(password: "pen\u{AD}cil")
        _ = try await prepared.begin()
        let vector = Self.vectors[0]
        #expect(try await prepared.answer(message(vector.serverFirst)).text == vector.clientFinal)
    }

    @Test(arguments: [
        "\u{0}", "\u{7}", "\u{7F}", "\u{85}", "\u{E000}", "\u{FFFE}", "\u{202E}", "\u{E0020}", "\u{FFFD}",
    ])
    func `characters that SASLprep prohibits are refused, and not told`(character: String) {
        for (name, password) in [("u\(character)", "p"), ("u", "p\(character)")] {
            let error = #expect(throws: SCRAMError.self) { try Self.exchange(username: name, password: password) }
            #expect(error?.code == .invalidCredentials)
            #expect(error?.message.contains(character) == false)
        }
    }

    @Test(arguments: ["", "\u{AD}"]) func `an empty user name is refused`(name: String) {
        #expect(throws: SCRAMError.self) { try Self.exchange(username: name) }
    }

    // MARK: - Hostile servers

    private static let hostileFirst: [(message: String, code: SCRAMError.Code)] = [
        ("", .malformedMessage),
        ("nonsense", .malformedMessage),
        ("r=\(nonce)x,s=AAAA,i=4096,", .malformedMessage),
        ("r=\(nonce)x,s=AAAA,i=4096,noextension", .malformedMessage),
        ("r=\(nonce)x", .malformedMessage),
        ("r=\(nonce)x,s=AAAA", .malformedMessage),
        ("r=\(nonce)x,i=4096", .malformedMessage),
        ("s=AAAA,i=4096", .malformedMessage),
        ("s=AAAA,r=\(nonce)x,i=4096", .malformedMessage),
        ("r=\(nonce)x,i=4096,s=AAAA", .malformedMessage),
        ("r=\(nonce)\u{7F}x,s=AAAA,i=4096", .malformedMessage),
        ("r=\(nonce)é,s=AAAA,i=4096", .malformedMessage),
        ("r=\(nonce),s=AAAA,i=4096", .nonceMismatch),
        ("r=\(nonce.dropLast()),s=AAAA,i=4096", .nonceMismatch),
        ("r=,s=AAAA,i=4096", .nonceMismatch),
        ("r=x\(nonce),s=AAAA,i=4096", .nonceMismatch),
        ("r=\(nonce.lowercased())x,s=AAAA,i=4096", .nonceMismatch),
        ("r=\(nonce)x,s=,i=4096", .malformedMessage),
        ("r=\(nonce)x,s=AAA,i=4096", .malformedMessage),
        ("r=\(nonce)x,s=A=AA,i=4096", .malformedMessage),
        ("r=\(nonce)x,s=AB==,i=4096", .malformedMessage),
        ("r=\(nonce)x,s=AA==AAAA,i=4096", .malformedMessage),
        ("r=\(nonce)x,s=A-A_,i=4096", .malformedMessage),
        ("r=\(nonce)x,s=====,i=4096", .malformedMessage),
        ("r=\(nonce)x,s=AAAA,i=", .malformedMessage),
        ("r=\(nonce)x,s=AAAA,i=0", .malformedMessage),
        ("r=\(nonce)x,s=AAAA,i=-1", .malformedMessage),
        ("r=\(nonce)x,s=AAAA,i=04096", .malformedMessage),
        ("r=\(nonce)x,s=AAAA,i=4096x", .malformedMessage),
        ("r=\(nonce)x,s=AAAA,i=1", .iterationsOutOfRange),
        ("r=\(nonce)x,s=AAAA,i=4095", .iterationsOutOfRange),
        ("r=\(nonce)x,s=AAAA,i=1000001", .iterationsOutOfRange),
        ("r=\(nonce)x,s=AAAA,i=2147483648", .iterationsOutOfRange),
        ("r=\(nonce)x,s=AAAA,i=99999999999999999999999999999999", .iterationsOutOfRange),
        ("m=new,r=\(nonce)x,s=AAAA,i=4096", .unsupportedExtension),
        ("r=\(nonce)x,s=AAAA,i=4096,m=new", .unsupportedExtension),
        ("e=unknown-user", .refusedByServer),
    ]

    @Test(arguments: hostileFirst.indices)
    func `a first message that is not as it should be ends the exchange before any proof`(index: Int) async throws {
        let (text, code) = Self.hostileFirst[index]
        var exchange = try Self.exchange()
        _ = try await exchange.begin()
        await #expect("\(text)", performing: { _ = try await exchange.answer(message(text)) }, throws: has(code))
    }

    private static let hostileFinal: [(message: String, code: SCRAMError.Code)] = [
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", .malformedMessage),
        ("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", .serverNotProven),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9", .serverNotProven),
        ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=AAAA", .malformedMessage),
        ("v=", .malformedMessage),
        ("v=!!!!", .malformedMessage),
        ("", .serverNotProven),
        ("r=x", .malformedMessage),
        ("m=new,v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", .unsupportedExtension),
        ("e=invalid-proof", .refusedByServer),
    ]

    @Test(arguments: hostileFinal.indices)
    func `a server that does not prove itself is not believed`(index: Int) async throws {
        let (text, code) = Self.hostileFinal[index]
        var exchange = try await Self.proven()
        await #expect("\(text)", performing: { try await exchange.finish(message(text)) }, throws: has(code))
    }

    @Test func `a server that accepts too early is not believed`() async throws {
        var exchange = try Self.exchange()
        _ = try await exchange.begin()
        let proof = message(Self.vectors[0].serverFinal)
        await #expect(performing: { try await exchange.finish(proof) }, throws: has(.serverNotProven))
        await #expect(performing: { try await exchange.finish(AuthenticationMessage()) }, throws: has(.serverNotProven))
        exchange = try await Self.proven()
        await #expect(performing: { try await exchange.finish(AuthenticationMessage()) }, throws: has(.serverNotProven))
    }

    @Test func `messages too many are refused`() async throws {
        var exchange = try await Self.proven()
        _ = try await exchange.answer(message(Self.vectors[0].serverFinal))
        await #expect(performing: { _ = try await exchange.answer(message("x")) }, throws: has(.unexpectedMessage))
        await #expect(performing: { try await exchange.finish(message("x")) }, throws: has(.unexpectedMessage))
        await #expect(performing: { _ = try await exchange.begin() }, throws: has(.unexpectedMessage))
    }

    @Test(arguments: [("e=invalid-proof", "invalid-proof"), ("e=\u{1B}[31mred", "other-error"), ("e=", "other-error")])
    func `the server's word for its error is passed on, and nothing else of it`(text: String, word: String) async throws
    {
        var exchange = try await Self.proven()
        let error = await #expect(throws: SCRAMError.self) { try await exchange.finish(message(text)) }
        #expect(error?.serverError == word)
        #expect(error?.message == "the server refused: \(word)")
    }

    // MARK: - The authenticator

    @Test func `each exchange has a nonce of its own, of 24 random bytes`() async throws {
        let authenticator = SCRAMAuthenticator(.sha256, username: "user", password: "pencil")
        #expect(authenticator.method == "SCRAM-SHA-256")
        var seen: Set<String> = []
        for _ in 0..<100 {
            var exchange = try await authenticator.makeExchange()
            let first = try await exchange.begin().text
            let nonce = try #require(first.split(separator: "r=").last)
            #expect(Base64.decode(Array(nonce.utf8))?.count == 24)
            seen.insert(String(nonce))
        }
        #expect(seen.count == 100)
    }

    @Test func `the settings bound the iterations`() async throws {
        var authenticator = SCRAMAuthenticator(.sha512, username: "user", password: "pencil")
        authenticator.minimumIterations = 10
        authenticator.maximumIterations = 20
        for (iterations, isTaken) in [(9, false), (10, true), (20, true), (21, false)] {
            var exchange = try await authenticator.makeExchange()
            let nonce = try #require(try await exchange.begin().text.split(separator: "r=").last)
            let first = message("r=\(nonce)x,s=AAAA,i=\(iterations)")
            if isTaken {
                _ = try await exchange.answer(first)
            } else {
                await #expect(performing: { _ = try await exchange.answer(first) }, throws: has(.iterationsOutOfRange))
            }
        }
    }

    @Test func `a provider is asked for each exchange`() async throws {
        struct Unavailable: Error {}
        let authenticator = SCRAMAuthenticator(.sha512) { throw Unavailable() }
        #expect(authenticator.method == "SCRAM-SHA-512")
        #expect(authenticator.credentialsMayChange)
        #expect(!SCRAMAuthenticator(.sha512, username: "u", password: "p").credentialsMayChange)
        await #expect(throws: Unavailable.self) { try await authenticator.makeExchange() }
    }

    @Test func `the second exchange with the same salt does not hash again`() async throws {
        var authenticator = SCRAMAuthenticator(.sha256, username: "user", password: "pencil")
        authenticator.maximumIterations = 40_000
        let clock = ContinuousClock()
        var times: [Duration] = []
        for salt in ["AAAA", "AAAA", "AAAB"] {
            var exchange = try await authenticator.makeExchange()
            let nonce = try #require(try await exchange.begin().text.split(separator: "r=").last)
            let first = message("r=\(nonce)x,s=\(salt),i=40000")
            times.append(try await clock.measure { _ = try await exchange.answer(first) })
        }
        // Ten thousand times cheaper: no load on the machine hides that.
        #expect(times[1] < times[0] / 4)
        #expect(times[1] < times[2] / 4)
    }

    @Test func `hashing ends when its task is cancelled`() async throws {
        let task = Task { try await SCRAMMechanism.sha256.saltedPassword([1], salt: [2], iterations: .max) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `descriptions and dumps show no secret`() async throws {
        let authenticator = SCRAMAuthenticator(.sha256, username: "marker-user", password: "marker-password")
        var exchange = try await authenticator.makeExchange()
        let message = try await exchange.begin()
        var configuration = MQTT5Client.Configuration()
        configuration.authenticator = authenticator
        let credentials = SCRAMCredentials(username: "marker-user", password: "marker-password")
        for value in [authenticator, exchange, message, configuration, credentials] as [Any] {
            var text = "\(value) \(String(reflecting: value))"
            dump(value, to: &text)
            #expect(!text.contains("marker"))
            // "n=" in hexadecimal, as a buffer shows itself.
            #expect(!text.contains("6e3d"))
        }
    }
}

@Suite struct PBKDF2Tests {
    /// Password, salt, iterations, result; for SHA-256 the first 32 bytes of RFC 7914, 11, and otherwise from Python's hashlib.
    private static let vectors: [(SCRAMMechanism, String, String, Int, String)] = [
        (.sha256, "passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"),
        (.sha256, "password", "salt", 1, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"),
        (.sha256, "password", "salt", 2, "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43"),
        (.sha256, "password", "salt", 4_096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"),
        (
            .sha256, "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4_096,
            "348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1"
        ),
        (
            .sha512, "password", "salt", 1,
            "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
                + "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce"
        ),
        (
            .sha512, "password", "salt", 4_096,
            "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5"
                + "143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5"
        ),
        (
            .sha512, String(repeating: "p", count: 200), String(repeating: "s", count: 200), 3,
            "2a03fffe5b1332e286b803368585445f6072eb7b79a3140fb09b657cdcc08c27"
                + "691f977fb3557cfc810dcc6800801d7655f2978828f4a266f476331865c163fd"
        ),
    ]

    @Test(arguments: vectors.indices)
    func `salted passwords are those of others`(index: Int) async throws {
        let (mechanism, password, salt, iterations, result) = Self.vectors[index]
        let bytes = try await mechanism.saltedPassword(
            Array(password.utf8),
            salt: Array(salt.utf8),
            iterations: iterations
        )
        let text = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(text == result)
    }
}

@Suite struct Base64Tests {
    /// RFC 4648, 10.
    private static let vectors = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]

    @Test(arguments: vectors) func `the RFC's vectors go both ways`(plain: String, text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(Array(text.utf8)) == Array(plain.utf8))
    }

    @Test func `every byte at every place goes both ways`() {
        for byte in UInt8.min ... .max {
            for bytes in [[byte], [0, byte], [0, 0, byte], [byte, 255, byte, 255]] {
                #expect(Base64.decode(Array(Base64.encode(bytes).utf8)) == bytes)
            }
        }
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "=Zg=", "Zg==Zg==", "Zm9v\n", "Zm-_", "Zm 9", "é==="])
    func `any other spelling is refused`(text: String) {
        #expect(Base64.decode(Array(text.utf8)) == nil)
    }
}

// MARK: - Values

private func message(_ text: String) -> AuthenticationMessage { AuthenticationMessage(data: ByteBuffer(string: text)) }

private func has(_ code: SCRAMError.Code) -> @Sendable (any Error) async -> Bool {
    { error in (error as? SCRAMError)?.code == code }
}

extension AuthenticationMessage {
    fileprivate var text: String { self.data.map { String(buffer: $0) } ?? "" }
}
