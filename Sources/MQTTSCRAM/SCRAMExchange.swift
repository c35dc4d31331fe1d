// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTT
import NIOCore

/// The client's side of one SCRAM exchange (RFC 5802, 3 and 5).
package struct SCRAMExchange: AuthenticationExchange {
    private enum Phase {
        /// Nothing was said. Next: first.
        case beginning
        /// Our nonce is out. Next: final.
        case first
        /// Our proof is out. Next: proven.
        case final(text: [UInt8], keys: SCRAMKeys)
        /// The server has proved itself in an AUTH, and only has to say success.
        case proven
    }

    /// How many rounds of hashing the server may ask for.
    package var iterations = 4_096...1_000_000
    var cache = KeyCache()
    private let mechanism: SCRAMMechanism
    private let password: [UInt8]
    private let nonce: [UInt8]
    /// client-first-message-bare.
    private let bare: [UInt8]
    private var phase = Phase.beginning

    /// gs2-header: no channel binding, no other identity.
    ///
    /// Its base64 is "biws".
    private static let header = Array("n,,".utf8)

    package init(_ mechanism: SCRAMMechanism, _ credentials: SCRAMCredentials, nonce: String) throws(SCRAMError) {
        self.mechanism = mechanism
        self.nonce = Array(nonce.utf8)
        self.password = Array(try PreparedText.prepare(credentials.password, "password").utf8)
        let username = try PreparedText.prepare(credentials.username, "user name")
        guard !username.isEmpty else { throw SCRAMError(.invalidCredentials, "the user name is empty") }
        self.bare = Array("n=".utf8) + Self.escape(username) + Array(",r=".utf8) + self.nonce
    }

    /// 24 bytes of the system's random numbers, as base64.
    static func makeNonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64.encode((0..<24).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// saslname: the two characters that mean something else between fields.
    private static func escape(_ name: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "="): bytes += Array("=3D".utf8)
            case UInt8(ascii: ","): bytes += Array("=2C".utf8)
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    package mutating func begin() async throws -> AuthenticationMessage {
        guard case .beginning = self.phase else { throw Self.unexpected }
        self.phase = .first
        return AuthenticationMessage(data: ByteBuffer(bytes: Self.header + self.bare))
    }

    package mutating func answer(_ challenge: AuthenticationMessage) async throws -> AuthenticationMessage {
        let data = Self.bytes(of: challenge)
        switch self.phase {
        case .first:
            return AuthenticationMessage(data: ByteBuffer(bytes: try await self.prove(to: data)))
        case .final(let text, let keys):
            // Some servers say their proof here, and success behind it (RFC 4422, 5).
            try self.verify(data, text, keys)
            self.phase = .proven
            return AuthenticationMessage()
        case .beginning, .proven:
            throw Self.unexpected
        }
    }

    package mutating func finish(_ message: AuthenticationMessage) async throws {
        let data = Self.bytes(of: message)
        switch self.phase {
        case .final(let text, let keys):
            guard !data.isEmpty else {
                throw SCRAMError(.serverNotProven, "the server accepted, but gave no proof that it knows the password")
            }
            try self.verify(data, text, keys)
            self.phase = .proven
        case .proven where data.isEmpty:
            break
        case .beginning, .first:
            throw SCRAMError(.serverNotProven, "the server accepted before it could know who we are")
        case .proven:
            throw Self.unexpected
        }
    }

    private static var unexpected: SCRAMError { SCRAMError(.unexpectedMessage, "the server sent a message too many") }

    private static func bytes(of message: AuthenticationMessage) -> [UInt8] {
        message.data.map { Array($0.readableBytesView) } ?? []
    }

    /// client-final-message.
    private mutating func prove(to data: [UInt8]) async throws -> [UInt8] {
        let server = try ServerFirst(data, clientNonce: self.nonce, iterations: self.iterations)
        let request = KeyCache.Request(
            mechanism: self.mechanism,
            password: self.password,
            salt: server.salt,
            iterations: server.iterations
        )
        let keys = try await self.cache.keys(for: request)
        let withoutProof = Array("c=\(Base64.encode(Self.header)),r=".utf8) + server.nonce
        let comma = UInt8(ascii: ",")
        let text = self.bare + [comma] + data + [comma] + withoutProof
        self.phase = .final(text: text, keys: keys)
        return withoutProof + Array(",p=\(Base64.encode(keys.proof(of: text)))".utf8)
    }

    /// server-final-message.
    private func verify(_ data: [UInt8], _ text: [UInt8], _ keys: SCRAMKeys) throws(SCRAMError) {
        let signature = try ServerFinal.signature(in: data)
        guard keys.isServerSignature(signature, of: text) else {
            throw SCRAMError(.serverNotProven, "the server's signature is wrong: it does not know the password")
        }
    }
}

extension SCRAMExchange: CustomStringConvertible, CustomReflectable {
    package var description: String { self.mechanism.name }

    package var customMirror: Mirror { Mirror(self, children: []) }
}
