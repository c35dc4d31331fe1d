// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What a test expected and did not get, in words for whoever reads the failed test.
public struct TestKitError: Error, Sendable, CustomStringConvertible {
    /// The kind of an error; later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String {
            case timedOut, unexpectedPacket, malformedBytes, connectionEnded, notSent, sequenceEnded, invalidUse
        }

        private let name: Name

        /// What was waited for did not come within its time.
        public static let timedOut = Self(name: .timedOut)
        /// The client sent another packet than the expected one.
        public static let unexpectedPacket = Self(name: .unexpectedPacket)
        /// The client sent bytes that are no packet.
        public static let malformedBytes = Self(name: .malformedBytes)
        /// The connection ended instead.
        public static let connectionEnded = Self(name: .connectionEnded)
        /// A packet cannot be put on the wire as it is; nothing was sent.
        public static let notSent = Self(name: .notSent)
        /// A subscription or a client's events ended instead.
        public static let sequenceEnded = Self(name: .sequenceEnded)
        /// The test asks for what cannot be, such as two readers of one connection.
        public static let invalidUse = Self(name: .invalidUse)

        /// The name of the code.
        public var description: String { self.name.rawValue }
    }

    /// The kind of the error.
    public let code: Code

    /// What was expected, what came, and what had come before.
    public let message: String

    /// Where in the test it was expected, as `Module/File.swift:12`.
    public let location: String

    init(_ code: Code, _ message: String, at place: Place) {
        self.code = code
        self.message = message
        self.location = place.description
    }

    /// The message and the place.
    public var description: String { "\(self.message) (\(self.location))" }
}

/// A line of a test.
struct Place: Sendable, CustomStringConvertible {
    var fileID: String
    var line: UInt

    init(_ fileID: String, _ line: UInt) {
        self.fileID = fileID
        self.line = line
    }

    var description: String { "\(self.fileID):\(self.line)" }
}
