// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What a password, a salt and an iteration count make: enough for every exchange with them (RFC 5802, 3).
struct SCRAMKeys: Sendable {
    private let mechanism: SCRAMMechanism
    private let clientKey: [UInt8]
    private let storedKey: [UInt8]
    private let serverKey: [UInt8]

    init(_ mechanism: SCRAMMechanism, saltedPassword: [UInt8]) {
        self.mechanism = mechanism
        self.clientKey = mechanism.authenticationCode(of: Array("Client Key".utf8), key: saltedPassword)
        self.storedKey = mechanism.digest(of: self.clientKey)
        self.serverKey = mechanism.authenticationCode(of: Array("Server Key".utf8), key: saltedPassword)
    }

    /// ClientProof.
    func proof(of text: [UInt8]) -> [UInt8] {
        let signature = self.mechanism.authenticationCode(of: text, key: self.storedKey)
        return zip(self.clientKey, signature).map { $0 ^ $1 }
    }

    /// Whether it is the ServerSignature; takes the same time whatever is wrong with it.
    func isServerSignature(_ signature: [UInt8], of text: [UInt8]) -> Bool {
        let key = SymmetricKey(data: self.serverKey)
        return switch self.mechanism.hash {
        case .sha256: HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: text, using: key)
        case .sha512: HMAC<SHA512>.isValidAuthenticationCode(signature, authenticating: text, using: key)
        }
    }
}

extension SCRAMMechanism {
    func digest(of bytes: [UInt8]) -> [UInt8] {
        switch self.hash {
        case .sha256: Array(SHA256.hash(data: bytes))
        case .sha512: Array(SHA512.hash(data: bytes))
        }
    }

    func authenticationCode(of bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return switch self.hash {
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: bytes, using: key))
        }
    }

    /// Hi(): PBKDF2 with HMAC, one block long (RFC 8018, 5.2).
    ///
    /// Lets others run from time to time.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    package func saltedPassword(_ password: [UInt8], salt: [UInt8], iterations: Int) async throws -> [UInt8] {
        switch self.hash {
        case .sha256: try await Self.block(SHA256.self, password, salt: salt, iterations: iterations)
        case .sha512: try await Self.block(SHA512.self, password, salt: salt, iterations: iterations)
        }
    }

    private static let iterationsAtATime = 4_096

    private static func block<Hash: HashFunction>(
        _: Hash.Type,
        _ password: [UInt8],
        salt: [UInt8],
        iterations: Int
    ) async throws -> [UInt8] {
        // The key is hashed once and copied from then on.
        let keyed = HMAC<Hash>(key: SymmetricKey(data: password))
        var first = keyed
        first.update(data: salt + [0, 0, 0, 1])
        var last = Array(first.finalize())
        var result = last
        var done = 1
        while done < iterations {
            let end = min(iterations, done + Self.iterationsAtATime)
            Self.iterate(keyed, end - done, &last, &result)
            done = end
            try Task.checkCancellation()
            await Task.yield()
        }
        return result
    }

    private static func iterate<Hash: HashFunction>(
        _ keyed: HMAC<Hash>,
        _ count: Int,
        _ last: inout [UInt8],
        _ result: inout [UInt8]
    ) {
        for _ in 0..<count {
            var next = keyed
            next.update(data: last)
            next.finalize().withUnsafeBytes { code in
                for index in code.indices {
                    last[index] = code[index]
                    result[index] ^= code[index]
                }
            }
        }
    }
}

/// The keys of the last exchange, so that reconnecting and authenticating again cost next to nothing.
actor KeyCache {
    /// What keys follow from.
    struct Request: Hashable, Sendable {
        var mechanism: SCRAMMechanism
        var password: [UInt8]
        var salt: [UInt8]
        var iterations: Int
    }

    private var known: (request: Request, keys: SCRAMKeys)?
    /// How often keys had to be made.
    private(set) var made = 0

    func keys(for request: Request) async throws -> SCRAMKeys {
        if let known = self.known, known.request == request { return known.keys }
        let salted = try await request.mechanism.saltedPassword(
            request.password,
            salt: request.salt,
            iterations: request.iterations
        )
        let keys = SCRAMKeys(request.mechanism, saltedPassword: salted)
        self.known = (request, keys)
        self.made += 1
        return keys
    }
}
