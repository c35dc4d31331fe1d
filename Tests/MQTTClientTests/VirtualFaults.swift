// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import MQTT

/// What tests of faults do to a client of the virtual world, and look at behind its back.
extension VirtualWorld {
    /// Cuts a connection, and returns when the client has noticed.
    func cut(_ peer: ScriptedPeer) async throws {
        try await peer.cut()
        // The end of the channel is told behind its closing, in two turns at most.
        for _ in 0..<3 { try await self.settle() }
    }

    /// Returns when the event loop has done what it was told up to now.
    func settle() async throws { try await self.eventLoop.submit {}.get() }

    /// Lets the client's wait pass: its next connection stands.
    func redial(
        sessionPresent: Bool = false,
        after wait: Duration = .seconds(1),
        properties: Properties = [.subscriptionIdentifierAvailable(false)]
    ) async throws -> ScriptedPeer {
        try await self.advance(by: wait)
        let peer = await self.accept()
        try await peer.acceptConnect(sessionPresent: sessionPresent, properties: properties)
        return peer
    }
}

/// Returns when a condition holds; other tasks go on meanwhile.
func until(
    _ what: String = "the condition",
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () throws -> Bool
) async throws {
    // Where nothing else runs the turns pass in no time, and an event loop may not have had a processor yet.
    let deadline = ContinuousClock.now + .seconds(60)
    repeat {
        for _ in 0..<1_000 {
            if try condition() { return }
            await Task.yield()
        }
    } while ContinuousClock.now < deadline
    Issue.record("\(what) never held", sourceLocation: sourceLocation)
    throw UnexpectedPacket()
}

extension MQTTClient {
    /// Messages that are neither acknowledged nor failed.
    var pendingCount: Int { self.link.state.withLock { $0.engine.session.outbound.pendingCount } }

    /// Whether a message waits in the queue, and none for an answer.
    var isWaitingForTurn: Bool {
        self.link.state.withLock { state in
            let outbound = state.engine.session.outbound
            return outbound.exchanges.isEmpty && outbound.pendingCount > 0
        }
    }

    /// Calls that have begun and not ended.
    var callCount: Int { self.link.state.withLock { $0.operations.callCount } }

    /// What is left of calls that have ended; empty when nothing is.
    var leftovers: [String] {
        let requests = self.link.requests.withLock { $0.requests.isEmpty && $0.subscriptions.isEmpty }
        return (requests ? [] : ["requests"])
            + self.link.state.withLock { state in
                var found: [String] = []
                func note(_ isThere: Bool, _ what: String) { if isThere { found.append(what) } }
                note(state.engine.session.outbound.pendingCount > 0, "messages")
                note(!state.engine.session.outbound.exchanges.isEmpty, "packet identifiers")
                note(state.engine.session.outbound.pendingBytes > 0, "bytes of messages")
                note(state.operations.callCount > 0, "calls")
                note(!state.paced.isEmpty, "paced publishers")
                note(!state.drains.isEmpty, "drains")
                note(!state.engine.connectCalls.isEmpty, "calls of connect")
                note(state.subscriptions.contains { $0 != nil }, "subscriptions")
                return found
            }
    }
}

extension ScriptedPeer {
    /// The next packet, which has to be a PUBLISH.
    func nextPublish(sourceLocation: SourceLocation = #_sourceLocation) async throws -> Publish {
        let packet = try await self.next()
        guard case .publish(let publish) = packet else {
            Issue.record("\(packet) came instead of PUBLISH", sourceLocation: sourceLocation)
            throw UnexpectedPacket()
        }
        return publish
    }

    /// The next packet, which has to be a SUBSCRIBE.
    func nextSubscribe(sourceLocation: SourceLocation = #_sourceLocation) async throws -> Subscribe {
        let packet = try await self.next()
        guard case .subscribe(let subscribe) = packet else {
            Issue.record("\(packet) came instead of SUBSCRIBE", sourceLocation: sourceLocation)
            throw UnexpectedPacket()
        }
        return subscribe
    }

    /// Grants what a SUBSCRIBE asks for.
    func grant(_ subscribe: Subscribe) async throws {
        let reasons = subscribe.entries.map { ReasonCode(rawValue: $0.options.qos.rawValue) }
        try await self.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: reasons)))
    }

    /// What a well-behaved server answers to a packet; nil when it answers nothing.
    static func answer(to packet: Packet, _ version: ProtocolVersion = .v5) -> Packet? {
        switch packet {
        case .connect:
            .connAck(ConnAck(properties: version == .v5 ? [.subscriptionIdentifierAvailable(false)] : []))
        case .publish(let publish):
            publish.packetID.map { id in
                let answer = Acknowledgement(packetID: id)
                return publish.qos == .atLeastOnce ? .pubAck(answer) : .pubRec(answer)
            }
        case .pubRel(let packet): .pubComp(Acknowledgement(packetID: packet.packetID))
        case .subscribe(let packet):
            .subAck(
                SubAck(
                    packetID: packet.packetID,
                    reasons: packet.entries.map { ReasonCode(rawValue: $0.options.qos.rawValue) }
                )
            )
        case .unsubscribe(let packet):
            .unsubAck(
                UnsubAck(
                    packetID: packet.packetID,
                    reasons: version == .v5 ? packet.filters.map { _ in .success } : []
                )
            )
        case .pingRequest: .pingResponse
        default: nil
        }
    }

    /// Answers everything until the connection ends or the task is cancelled.
    func serve(_ version: ProtocolVersion = .v5) -> Task<Void, Never> {
        Task {
            while let packet = try? await self.next() {
                if let answer = Self.answer(to: packet, version) { try? await self.send(answer) }
            }
        }
    }
}

/// Counts what one task does, for another to see.
final class Progress: Sendable {
    private let number = Atomic<Int>(0)

    var count: Int { self.number.load(ordering: .acquiring) }

    func note() { self.number.add(1, ordering: .acquiringAndReleasing) }
}
