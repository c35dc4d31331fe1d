// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import Logging
package import MQTTEngine
package import MQTTTransport
package import MQTTWire
package import NIOCore
import Synchronization

/// One client's engine, its outbox and its channel, under one lock.
///
/// Any thread may ask; the event loop comes once per read burst. Nothing of the user's ever runs under the lock, and there
/// is no hop per message: a request is decided and encoded by whoever makes it, and the event loop is woken once per burst.
package final class Link: Sendable {
    struct State {
        var engine: Engine
        var outbox: Outbox
        var operations = PendingOperations()
        /// Reused from burst to burst.
        var effects: [Effect] = []
        var channel: (any Channel)?
        /// The channel of the last connection, perhaps still closing.
        var closing: (any Channel)?
        /// The number of the latest dial; what belongs to an earlier one is ignored.
        var attempt: UInt64 = 0
        var isFlushScheduled = false
        var coalescing = Coalescing()
        /// By the numbers the engine knows them by.
        var subscriptions: [SubscriptionCore?] = []
        /// The messages of the buffer that is being looked at.
        var arrivals = Arrivals()
        /// Messages kept for subscriptions to come.
        var unclaimed = UnclaimedArrivals()
        var freeSlots: [UInt32] = []
        /// Subscriptions with messages to acknowledge.
        var acknowledging: [SubscriptionCore] = []
        var alarm: Instant?
        /// Subscriptions whose buffer is full and that ask the server to wait.
        var overfull = 0
        var isReadingPaused = false
        /// Publishers that wait for the outbox to be written.
        var paced: [OperationID] = []
        /// Calls that wait until no message is under way.
        var drains: [OperationID] = []
        var storeChanges: [StoreChange] = []
        var storeTicket = Ticket.none
        var isStoring = false
        var observers = Observers()
        /// The user's exchange of enhanced authentication.
        var authentication: RunningAuthentication?
        /// Whether packets wait until the server's proof was checked.
        var holdsPackets = false
        var heldBursts: [PacketBurst] = []
    }

    let state: Mutex<State>
    /// Requests that wait for replies; the link's state may be asked under this lock, never the other way round.
    let requests = Mutex(PendingRequests())
    let timers = Mutex(Timers())
    let world: any LinkWorld
    let settings: LinkSettings
    /// Bytes in the buffers of all subscriptions.
    let bufferedBytes = Atomic<Int>(0)

    /// Beyond this many bytes QoS 0 publishers wait for the outbox to be written.
    static let highWater = 1 << 20
    /// Beyond this many bytes nothing more is read: the peer takes nothing, and every packet read may need an answer.
    static let stallLimit = 4 << 20

    package init(engine: Engine, settings: LinkSettings, world: any LinkWorld) {
        self.state = Mutex(State(engine: engine, outbox: Outbox(version: settings.version)))
        self.settings = settings
        self.world = world
    }

    var isOverBudget: Bool { self.bufferedBytes.load(ordering: .relaxed) > self.settings.memoryBudget }

    /// Whether even messages that may not be dropped are too many.
    var isFarOverBudget: Bool { self.bufferedBytes.load(ordering: .relaxed) / 2 > self.settings.memoryBudget }

    /// What a dial has to know: the number of the endpoint, the server to go to if not that one, and how the last attempt
    /// ended.
    package var dialing: (endpoint: Int, server: ServerReference?, previous: EngineFailure?) {
        self.state.withLock { ($0.engine.endpoint, $0.engine.server, $0.engine.lastFailure) }
    }

    /// Where the connection of now leads to, or the last one led to.
    var dialedEndpoint: Endpoint? {
        let (number, server, _) = self.dialing
        return self.world.endpoint(number, server: server)
    }

    /// What users are told of a connection.
    func info(_ connected: Connected) -> ConnectionInfo {
        let endpoint = self.world.endpoint(connected.endpoint, server: connected.server)
        return ConnectionInfo(connected, endpoint: endpoint)
    }

    // MARK: - On the event loop

    /// The handler that belongs at the end of the channel of an attempt.
    package func makeHandler(attempt: UInt64, readBuffers: ReadBuffers? = nil) -> PacketHandler {
        PacketHandler(link: self, attempt: attempt, readBuffers: readBuffers, settings: self.settings)
    }

    /// The channel of an attempt is ready for CONNECT.
    package func opened(_ channel: any Channel, credentials: ConnectCredentials?, attempt: UInt64) {
        guard channel.isActive else {
            let failure = EngineFailure(.transportFailed, "the connection was closed before CONNECT could be sent")
            self.openFailed(failure, attempt: attempt)
            return
        }
        let after = self.state.withLock { state -> Aftermath? in
            guard state.attempt == attempt, state.channel == nil, state.engine.isActive else { return nil }
            state.channel = channel
            state.engine.linkUp(
                credentials: credentials,
                authentication: state.authentication?.opening ?? Properties(),
                now: self.world.now,
                into: &state.effects
            )
            return self.settle(&state)
        }
        guard let after else {
            channel.close(promise: nil)
            return
        }
        self.carryOut(after, wakes: false)
        self.flush()
    }

    /// An attempt failed before its channel was ready.
    package func openFailed(_ failure: EngineFailure, attempt: UInt64) {
        self.change { state in
            guard state.attempt == attempt else { return }
            state.engine.linkFailed(failure, now: self.world.now, into: &state.effects)
        }
    }

    /// The channel ended by itself.
    func lost(
        _ message: String,
        as kind: EngineFailure.Kind = .connectionLost,
        cause: (any Error)?,
        attempt: UInt64
    ) {
        self.change { state in
            guard state.attempt == attempt, state.channel != nil else { return }
            var failure = EngineFailure(kind, message)
            failure.cause = cause.map(EngineFailure.Cause.init)
            state.engine.linkLost(failure, now: self.world.now, into: &state.effects)
        }
    }

    /// The peer sent what is no packet.
    func malformed(_ error: DecodingError, attempt: UInt64) {
        self.change { state in
            guard state.attempt == attempt, state.channel != nil else { return }
            state.engine.malformed(error, now: self.world.now, into: &state.effects)
        }
        self.flush()
    }

    /// An alarm rang.
    ///
    /// One that was set before an earlier one finds nothing to do.
    package func alarmRang() {
        self.ringTimers()
        let after = self.state.withLock { state -> Aftermath? in
            let now = self.world.now
            guard let alarm = state.alarm, now >= alarm else { return nil }
            state.alarm = nil
            state.engine.deadlineReached(now: now, into: &state.effects)
            return self.settle(&state)
        }
        guard let after else { return }
        self.carryOut(after, wakes: false)
        self.flush()
    }

    /// Writes what is in the outbox, and first collects the acknowledgements of messages handed over.
    package func flush() {
        var taken: (contents: Outbox.Contents, channel: any Channel)?
        var isPutOff = false
        let after = self.state.withLock { state -> Aftermath? in
            state.collectAcknowledgements()
            var after = state.effects.isEmpty ? nil : self.settle(&state)
            state.isFlushScheduled = false
            guard let channel = state.channel, state.outbox.count > 0 else { return after }
            guard channel.isWritable else {
                // The handler comes back when it is: until then nobody has to wake the event loop for it.
                state.isFlushScheduled = true
                return after
            }
            let now = self.world.now
            guard !state.coalescing.mayWait(bytes: state.outbox.count, now: now) else {
                state.isFlushScheduled = true
                isPutOff = true
                return after
            }
            taken = (state.outbox.take(), channel)
            state.engine.flushed(now: now)
            if !state.paced.isEmpty || self.mayChangeReading(state) {
                var more = after ?? Aftermath()
                self.endPacing(&state, &more)
                self.updateReading(&state, &more)
                after = more
            }
            return after
        }
        if let taken { taken.contents.write(to: taken.channel) }
        if isPutOff { self.world.wake(self, after: Coalescing.pause) }
        if let after { self.carryOut(after, wakes: false) }
    }

    /// Publishers that waited for the outbox go on.
    func endPacing(_ state: inout State, _ after: inout Aftermath) {
        guard !state.paced.isEmpty else { return }
        for operation in state.paced {
            guard let waiter = state.operations.take(operation) else { continue }
            after.ended.append((waiter, .published(.success, Properties())))
        }
        state.paced.removeAll()
    }
}

/// What a link is told once.
package struct LinkSettings: Sendable {
    package var version: ProtocolVersion
    package var maximumPacketSize: Int
    /// The highest topic alias the server may use.
    package var topicAliasMaximum: UInt16 = 0
    package var topicAliasPolicy = TopicAliasPolicy.manual
    package var memoryBudget: Int
    package var logger: Logger
    package var store: (any SessionStore)?
    package var clientID: String
    var authenticator: HiddenAuthenticator?
    package var requests = RequestSettings()

    package init(
        version: ProtocolVersion,
        maximumPacketSize: Int,
        memoryBudget: Int,
        logger: Logger,
        store: (any SessionStore)?,
        clientID: String,
        authenticator: (any Authenticator)? = nil
    ) {
        self.version = version
        self.maximumPacketSize = maximumPacketSize
        self.memoryBudget = memoryBudget
        self.logger = logger
        self.store = store
        self.clientID = clientID
        self.authenticator = authenticator.map { HiddenAuthenticator(authenticator: $0) }
    }
}
