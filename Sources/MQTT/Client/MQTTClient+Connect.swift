// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTTransport
import MQTTWire
import NIOCore
import Synchronization

extension MQTTClient {
    /// Connects, runs the body with the client, and disconnects on the way out, whichever way that is.
    ///
    /// - Throws: ``MQTTError`` when the first connection cannot be made (see ``connect()``), else what the body throws.
    @discardableResult
    public static func withClient<Result>(
        to endpoint: Endpoint,
        clientID: String = "",
        credentials: Credentials? = nil,
        configuration: Configuration = Configuration(),
        _ body: (MQTTClient<Version>) async throws -> Result
    ) async throws -> Result {
        try await self.withClient(
            to: [endpoint],
            clientID: clientID,
            credentials: credentials,
            configuration: configuration,
            body
        )
    }

    /// Connects to the first of several brokers that takes the client, runs the body with it, and disconnects on the way out.
    ///
    /// ``Configuration/endpointOrder`` says which one is tried when, now and after a loss.
    ///
    /// - Throws: ``MQTTError`` when no connection can be made (see ``connect()``), else what the body throws.
    @discardableResult
    public static func withClient<Result>(
        to endpoints: [Endpoint],
        clientID: String = "",
        credentials: Credentials? = nil,
        configuration: Configuration = Configuration(),
        _ body: (MQTTClient<Version>) async throws -> Result
    ) async throws -> Result {
        let client = MQTTClient(
            to: endpoints,
            clientID: clientID,
            credentials: credentials,
            configuration: configuration
        )
        try await client.connect()
        do {
            let result = try await body(client)
            await client.disconnect()
            return result
        } catch {
            await client.disconnect()
            throw error
        }
    }

    /// Connects and returns when the server has accepted the connection.
    ///
    /// From then on the client connects again by itself as its reconnect policy says, until ``disconnect()``. The first
    /// attempt is not repeated unless the configuration says so. Calling it while connected returns at once. Cancelling ends
    /// the attempt.
    ///
    /// - Throws: ``MQTTError`` with code `connectRefused`, `transportFailed`, `timedOut`, `protocolViolation`,
    ///   `credentialsUnavailable`, `invalidArgument`, `storeFailed`, `clientClosed` or `cancelled`.
    @discardableResult
    public func connect() async throws(MQTTError) -> ConnectionInfo {
        if let defect = self.defect { throw defect }
        try self.checkConnectPacket()
        try await self.loadSession()
        let completion = await self.link.call { state, operation in
            state.engine.connect(operation, now: self.link.world.now, into: &state.effects)
        }
        switch completion {
        case .connected(let connected):
            return self.link.info(connected)
        case .failed(let failure):
            if failure.kind == .cancelled { self.link.giveUpConnecting() }
            throw MQTTError(failure)
        default:
            preconditionFailure("a connect ended as another request")
        }
    }

    /// Sends DISCONNECT and closes the connection; the will is not published.
    ///
    /// Safe at any time: twice, after a loss, while connecting. Messages not yet acknowledged end with `outcomeUnknown`, those
    /// not yet sent with `clientClosed`; message loops end. A session the server keeps can be gone on with by connecting
    /// again. Returns when the connection is closed, at most a few seconds later.
    public func disconnect() async { await self.link.disconnect(Disconnect()) }

    /// What the client is doing now.
    ///
    /// It may be out of date when you look at it.
    public var state: MQTTClientState {
        self.link.state.withLock { state in
            if let connection = state.engine.connection { return .connected(self.link.info(connection.connected)) }
            return state.engine.isActive ? .connecting : .disconnected
        }
    }

    /// What happens to the connection, from now on.
    ///
    /// Every access makes a stream of its own.
    ///
    /// A stream keeps the newest 256 events that were not taken. It ends with the client.
    public var events: AsyncStream<MQTTEvent> {
        let link = self.link
        return AsyncStream(bufferingPolicy: .bufferingNewest(256)) { continuation in
            let number = link.state.withLock { $0.observers.add(continuation) }
            continuation.onTermination = { [weak link] _ in link?.state.withLock { $0.observers.remove(number) } }
        }
    }

    /// Asks the server for a sign of life and returns the round trip.
    ///
    /// A timeout ends the wait and leaves the connection as it is; nil sets no limit of its own. A server that does not answer within the ping timeout of
    /// the configuration loses the connection, with or without one. A call does not wait for a connection, or for the next
    /// one. Cancelling ends the wait.
    ///
    /// - Throws: ``MQTTError`` with code `timedOut`, `notConnected`, `connectionLost`, `clientClosed` or `cancelled`.
    @discardableResult
    public func ping(timeout: Duration? = nil) async throws(MQTTError) -> Duration {
        let deadline = timeout.map { self.link.world.now.advanced(by: $0) }
        let completion = await self.link.call(until: deadline) { state, operation in
            state.engine.ping(operation, now: self.link.world.now, into: &state.effects)
        }
        switch completion {
        case .pong(let roundTrip): return roundTrip
        case .failed(let failure): throw MQTTError(failure)
        default: preconditionFailure("a ping ended as another request")
        }
    }

    /// Refuses a will, properties or fixed credentials that no CONNECT can carry, before anything is opened.
    private func checkConnectPacket() throws(MQTTError) {
        let (configuration, clientID) = self.link.state.withLock { ($0.engine.configuration, $0.engine.clientID) }
        let packet = Handshake.connect(
            configuration: configuration,
            clientID: clientID,
            cleanStart: true,
            credentials: self.configuration.credentials?.fixed
        )
        do throws(EncodingError) {
            _ = try PacketEncoder(version: Version.protocolVersion).encodedSize(of: .connect(packet))
        } catch {
            throw MQTTError(error)
        }
    }

    /// Loads what the session store keeps, once.
    func loadSession() async throws(MQTTError) {
        guard let store = self.configuration.sessionStore else { return }
        let task = self.sessionLoad.withLock { task in
            if let task { return task }
            let link = self.link
            let clientID = self.clientID
            let new = Task {
                let record = try await store.load(clientID: clientID)
                link.state.withLock { $0.engine.restore(record) }
            }
            task = new
            return new
        }
        do {
            try await task.value
        } catch {
            self.sessionLoad.withLock { $0 = nil }
            throw MQTTError(.storeFailed, "the session could not be loaded: \(error)", cause: error)
        }
    }
}

/// What a client is doing.
public enum MQTTClientState: Sendable {
    /// Nothing: it was not connected yet, was disconnected, or gave up.
    case disconnected
    /// It is connecting, or waiting to connect again.
    case connecting
    /// A connection stands.
    case connected(ConnectionInfo)

    /// Whether a connection stands.
    public var isConnected: Bool { if case .connected = self { true } else { false } }
}
