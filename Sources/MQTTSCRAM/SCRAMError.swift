// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Why SCRAM came to no good end; the `cause` of the client's error.
///
/// Its words hold no password and no data of the exchange.
public struct SCRAMError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of an error; compare with the static members.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String {
            case invalidCredentials, malformedMessage, unexpectedMessage, nonceMismatch, iterationsOutOfRange
            case unsupportedExtension, refusedByServer, serverNotProven
        }

        private let name: Name

        private init(_ name: Name) { self.name = name }

        /// The name of the code.
        public var description: String { self.name.rawValue }

        /// The user name or the password has characters that SASLprep does not allow, or the user name is empty.
        public static let invalidCredentials = Code(.invalidCredentials)
        /// The server sent what is no message of SCRAM.
        public static let malformedMessage = Code(.malformedMessage)
        /// The server sent a message when none was due.
        public static let unexpectedMessage = Code(.unexpectedMessage)
        /// The server's nonce is not ours with something behind it.
        public static let nonceMismatch = Code(.nonceMismatch)
        /// The server asks for fewer or more rounds of hashing than the settings allow.
        public static let iterationsOutOfRange = Code(.iterationsOutOfRange)
        /// The server insists on an extension that is not known.
        public static let unsupportedExtension = Code(.unsupportedExtension)
        /// The server refused and said why; see ``SCRAMError/serverError``.
        public static let refusedByServer = Code(.refusedByServer)
        /// The server did not prove that it knows the password: it may be the wrong one.
        public static let serverNotProven = Code(.serverNotProven)
    }

    /// What kind of error it is.
    public var code: Code

    /// What happened, for a person.
    public var message: String

    /// The word of RFC 5802 for why the server refused, such as "invalid-proof".
    public var serverError: String?

    /// The code and the words.
    public var description: String { "\(self.code): \(self.message)" }

    init(_ code: Code, _ message: String, serverError: String? = nil) {
        self.code = code
        self.message = message
        self.serverError = serverError
    }
}
