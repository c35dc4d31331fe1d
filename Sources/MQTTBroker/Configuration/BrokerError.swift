// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Why a broker cannot run, or cannot do what it was asked to.
public struct BrokerError: Error, Sendable, CustomStringConvertible {
    /// What went wrong; later versions may add codes.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name {
            case addressInUse, addressUnavailable, notPermitted, certificateUnusable, invalidMessage, stopped, other
        }

        private let name: Name

        /// Another program, or another listener, has the port or the socket.
        public static let addressInUse = Self(name: .addressInUse)
        /// This machine has no such address, or the folder of the socket is not there.
        public static let addressUnavailable = Self(name: .addressUnavailable)
        /// This user may not listen there.
        public static let notPermitted = Self(name: .notPermitted)
        /// The certificate, the key or the authorities of the clients cannot be used.
        public static let certificateUnusable = Self(name: .certificateUnusable)
        /// The topic or the properties of a message cannot be sent.
        public static let invalidMessage = Self(name: .invalidMessage)
        /// The broker was stopped.
        public static let stopped = Self(name: .stopped)
        /// Something else; see the message and the cause.
        public static let other = Self(name: .other)

        /// The name of the code.
        public var description: String { String(describing: self.name) }
    }

    /// What went wrong.
    public let code: Code

    /// What went wrong, where, and what to do, for a person.
    public let message: String

    /// The error underneath, if there is one.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message and the code.
    public var description: String { "\(self.message) (\(self.code))" }

    /// A broker that was stopped does nothing more.
    static let stopped = Self(.stopped, "The broker was stopped; start another one.")
}
