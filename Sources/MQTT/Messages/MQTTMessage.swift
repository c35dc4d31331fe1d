// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire
public import NIOCore

/// A message that came for a subscription.
public struct MQTTMessage: Sendable {
    /// What it came with.
    let run: MessageRun
    /// Its number there.
    let index: Int

    private var entry: MessageRun.Entry { self.run.entries[self.index] }

    /// The topic it was published to.
    public var topic: String { self.run.topic(at: self.index) }

    /// The bytes, without a copy.
    ///
    /// Keeping a message keeps all that was read with it, under load up to some 150 KiB; to keep a small payload for long,
    /// keep a copy of its bytes.
    public var payload: ByteBuffer { self.run.payload(at: self.index) }

    /// The payload as text; nil when it is not UTF-8.
    public var text: String? { self.payload.utf8Text }

    /// The QoS it was delivered with.
    public var qos: QoS { self.entry.publish.qos }

    /// Whether the server had kept it as a retained message.
    ///
    /// With "retain as published", the publisher's flag.
    public var retain: Bool { self.entry.publish.retain }

    /// Whether the server says it may have sent it before; only a hint.
    public var isDuplicate: Bool { self.entry.publish.duplicate }

    /// The 5.0 properties; empty before 5.0.
    ///
    /// They are read from the packet each time: ask once where several are needed.
    public var properties: Properties { self.run.properties(at: self.index) }

    /// The packet identifier it came with, for logs; nil at QoS 0.
    ///
    /// It means nothing on another connection.
    public var packetIdentifier: UInt16? { self.entry.publish.packetID?.rawValue }

    /// The filter of the subscription that matched.
    public var filter: TopicFilter { self.run.source(at: self.index).filter(at: self.entry.filter) }

    /// What the wildcards of the filter stand for, in order; empty without wildcards.
    public var captures: [String] { self.filter.captures(in: self.topic) ?? [] }

    /// Acknowledges the message to the server, when the subscription acknowledges by hand.
    ///
    /// Harmless twice, at QoS 0, with another acknowledgement policy, and after the connection it came on has ended: then the
    /// server sends the message again.
    public func acknowledge() {
        if let token = self.entry.token { self.run.source(at: self.index).acknowledgeByHand(token, reason: .success) }
    }

    /// Refuses the message with a reason code, when the subscription acknowledges by hand (MQTT 5.0, 3.4.2.1, 3.5.2.1).
    ///
    /// To a server it is an answer like any other: most do not send the message again. Otherwise as ``acknowledge()``.
    ///
    /// - Throws: ``MQTTError`` with code `invalidArgument` for a reason that is no error or that an acknowledgement cannot
    ///   say, or `versionMismatch` before 5.0; the message then still waits for its acknowledgement.
    public func reject(_ reason: ReasonCode) throws(MQTTError) {
        let source = self.run.source(at: self.index)
        guard source.link.settings.version.hasProperties else {
            throw MQTTError(.versionMismatch, "before MQTT 5.0 an acknowledgement cannot refuse a message")
        }
        do throws(EncodingError) {
            guard reason.isError else { throw EncodingError(.invalidField, "\(reason) refuses nothing") }
            let packet = Packet.pubAck(Acknowledgement(packetID: .first, reason: reason))
            _ = try PacketEncoder(version: .v5).encodedSize(of: packet)
        } catch {
            throw MQTTError(error)
        }
        if let token = self.entry.token { source.acknowledgeByHand(token, reason: reason) }
    }
}

extension MQTTMessage: CustomStringConvertible {
    /// Topic, QoS and size, never the payload.
    public var description: String {
        "\(self.topic) (QoS \(self.qos.rawValue), \(self.entry.publish.payloadLength) bytes)"
    }
}

extension ByteBuffer {
    /// The readable bytes as text, when they are UTF-8.
    var utf8Text: String? { String(validating: self.readableBytesView, as: UTF8.self) }
}
