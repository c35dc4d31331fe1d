// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire

/// The messages of one subscription, as an asynchronous sequence.
///
/// It goes on across reconnects. Messages belong to the subscription, not to a loop: leaving a loop with `break` and starting
/// another loses nothing. One task at a time takes messages. When the client is disconnected by its user the sequence ends;
/// when the client gives up, or the server refuses the subscription, it throws.
///
/// A subscription that nobody holds any more is given up, and the server is told. To leave one to a session that the server
/// keeps, hold it until ``MQTTClient/disconnect()`` has returned, for example by taking its last messages afterwards: Swift
/// may let go of a constant after its last use.
public final class MQTTSubscription: AsyncSequence, Sendable {
    /// A message of the subscription.
    public typealias Element = MQTTMessage

    let core: SubscriptionCore

    /// What the server answered to each filter, in their order: the QoS it granted.
    public let reasons: [ReasonCode]

    /// The properties of the server's answers: a reason string, user properties; empty before 5.0.
    public let properties: Properties

    init(core: SubscriptionCore, reasons: [ReasonCode], properties: Properties = Properties()) {
        self.properties = properties
        self.core = core
        self.reasons = reasons
    }

    deinit {
        self.core.link.end(self.core)
        self.core.finish(nil, dropping: true)
    }

    /// The filters of the subscription.
    public var filters: [TopicFilter] { self.core.filters }

    /// The next message, if it is there already.
    @usableFromInline
    func takeNext() -> MQTTMessage? { self.core.takeNext() }

    /// Waits until there is a message; false when the subscription has ended.
    @usableFromInline
    func waitForMessages() async throws(MQTTError) -> Bool { try await self.core.waitForMessages() }

    /// Waits for the next message; nil when the subscription has ended.
    ///
    /// - Throws: ``MQTTError`` with code `cancelled` when the task is cancelled, `alreadyIterating` when another task waits,
    ///   or the error that ended the subscription.
    @inlinable
    public func next() async throws(MQTTError) -> MQTTMessage? {
        while true {
            if let message = self.takeNext() { return message }
            guard try await self.waitForMessages() else { return nil }
        }
    }

    /// Takes messages in batches: whatever has come since the last one, at least one message.
    public var batches: MQTTBatches { MQTTBatches(subscription: self) }

    /// Ends the subscription: UNSUBSCRIBE is sent, its answer awaited, and messages not taken are dropped and acknowledged.
    ///
    /// Safe at any time and twice. Filters another subscription of the client uses stay. Without a connection nothing is
    /// waited for; a session the server keeps is told at the next connection.
    ///
    /// - Returns: What the server answered to each filter, and the properties of its answer; empty when there was none.
    @discardableResult
    public func unsubscribe() async -> UnsubscribeOutcome { await self.unsubscribe(sending: Properties()) }

    /// Ends the subscription as ``unsubscribe()``, with user properties in UNSUBSCRIBE, which only 5.0 has.
    ///
    /// - Throws: ``MQTTError`` with code `versionMismatch` or `invalidArgument`; the subscription then stands.
    @discardableResult
    public func unsubscribe(properties: Properties) async throws(MQTTError) -> UnsubscribeOutcome {
        do throws(EncodingError) {
            let version = self.core.link.settings.version
            let packet = Unsubscribe(packetID: .first, filters: ["a"], properties: properties)
            _ = try PacketEncoder(version: version).encodedSize(of: .unsubscribe(packet))
        } catch {
            throw MQTTError(error)
        }
        return await self.unsubscribe(sending: properties)
    }

    private func unsubscribe(sending properties: Properties) async -> UnsubscribeOutcome {
        defer { self.core.finish(nil, dropping: true) }
        // A cancelled task still leaves, without waiting for the answer.
        guard !Task.isCancelled else {
            self.core.link.end(self.core, properties)
            return UnsubscribeOutcome()
        }
        guard case .unsubscribed(let reasons, let answered) = await self.core.link.unsubscribe(self.core, properties)
        else {
            return UnsubscribeOutcome()
        }
        return UnsubscribeOutcome(reasons: reasons, properties: answered)
    }

    /// Makes an iterator; it holds no messages of its own.
    public func makeAsyncIterator() -> Iterator { Iterator(subscription: self) }

    /// Takes the messages of a subscription one by one.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline let subscription: MQTTSubscription

        /// Waits for the next message; nil when the subscription has ended.
        @inlinable
        public mutating func next() async throws(MQTTError) -> MQTTMessage? { try await self.subscription.next() }

        /// Waits for the next message without leaving the actor; nil when the subscription has ended.
        ///
        /// Inlined into the caller's loop: a call that may suspend costs more than to take a message that is there.
        @inlinable
        public mutating func next(isolation actor: (any Actor)?) async throws(MQTTError) -> MQTTMessage? {
            while true {
                if let message = self.subscription.takeNext() { return message }
                guard try await self.subscription.waitForMessages() else { return nil }
            }
        }
    }
}

/// The messages of a subscription, in arrays of what has come.
public struct MQTTBatches: AsyncSequence, Sendable {
    let subscription: MQTTSubscription

    /// Makes an iterator; it holds no messages of its own.
    public func makeAsyncIterator() -> Iterator { Iterator(subscription: self.subscription) }

    /// Takes the messages of a subscription in arrays.
    public struct Iterator: AsyncIteratorProtocol {
        let subscription: MQTTSubscription

        /// Waits for messages; nil when the subscription has ended.
        ///
        /// All of them count as handed over.
        public mutating func next() async throws(MQTTError) -> [MQTTMessage]? {
            try await self.next(isolation: #isolation)
        }

        /// Waits for messages without leaving the actor; nil when the subscription has ended.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(MQTTError) -> [MQTTMessage]? {
            while true {
                let messages = self.subscription.core.takeAll()
                guard messages.isEmpty else { return messages }
                guard try await self.subscription.core.waitForMessages() else { return nil }
            }
        }
    }
}
