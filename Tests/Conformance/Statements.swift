// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import Testing

/// The statements of the standards that a test proves; `scripts/conformance` reads them from the source.
///
/// An id is that of `Tests/Conformance/Tables`, with the version before it where both standards have numbers:
/// "5:MQTT-3.1.2-20", "3.1.1:MQTT-3.1.2-23", "U5-3.2-1".
public struct Statements: TestTrait, SuiteTrait {
    /// Which side of a statement a test looks at.
    public enum Side: Sendable {
        /// What the client sends, or keeps.
        case sending
        /// What the client does with what it receives.
        case receiving
        /// What the broker in the box does, as a server.
        case serving
    }

    /// The statements, by their ids.
    public let ids: [String]

    /// Which side of them.
    public let side: Side
}

extension Trait where Self == Statements {
    /// The test fails when the client sends, or keeps, what the statements forbid.
    public static func sends(_ ids: String...) -> Self { Statements(ids: ids, side: .sending) }

    /// The test fails when the client does not react to a peer as the statements say.
    public static func receives(_ ids: String...) -> Self { Statements(ids: ids, side: .receiving) }

    /// The test fails when the broker in the box does not do what the statements bind a server to.
    public static func serves(_ ids: String...) -> Self { Statements(ids: ids, side: .serving) }
}
