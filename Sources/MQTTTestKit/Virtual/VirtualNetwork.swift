// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTT
import MQTTEngine
import NIOCore
import NIOEmbedded
import Synchronization

/// A network without sockets and a clock that moves when it is told to: whole clients, and not a second of waiting.
///
/// ```swift
/// let network = VirtualNetwork()
/// let client = network.makeClient(clientID: "lamp")
/// async let connected = client.connect()
/// let peer = try await network.accept()
/// try await peer.acceptConnect()
/// _ = try await connected
/// await network.advance(by: .seconds(59))
/// try await peer.expect(.pingRequest)
/// ```
///
/// Keep-alives, timeouts and the waits between attempts to connect pass by ``clock`` and nothing else. What a client does at
/// a moment still takes real threads a moment: wait for what comes of it, with ``accept(within:fileID:line:)``, the peer's
/// expectations or ``eventually(_:within:fileID:line:_:)``, before time goes on. A connection stays until it is cut, whoever
/// holds its peer.
public final class VirtualNetwork: Sendable {
    typealias Script = @Sendable (TestPacket) async -> [TestPacket]?

    private struct State {
        var refusals = 0
        var isHolding = false
        var lastHeld: UInt64 = 0
        var held: [UInt64: @Sendable () -> Void] = [:]
        /// Connections being made.
        var pendingDials = 0
        var script: Script?
        /// Held as long as their connections.
        var peers: [ScriptedPeer] = []
    }

    /// The time of its clients.
    public let clock: VirtualClock

    let eventLoop = NIOAsyncTestingEventLoop()
    private let accepted = Inbox<ScriptedPeer>()
    private let state = Mutex(State())

    /// Makes a network.
    ///
    /// - Parameter clock: Its time; one of its own unless several networks share one.
    public init(clock: VirtualClock = VirtualClock()) { self.clock = clock }

    /// Makes a client of MQTT 5.0; nothing is sent before `connect()`.
    ///
    /// - Parameters:
    ///   - clientID: A client identifier; takes precedence over the one of the configuration.
    ///   - configuration: Everything else; its event loop is not used.
    /// - Returns: The client.
    public func makeClient(
        clientID: String = "",
        configuration: MQTT5Client.Configuration = MQTT5Client.Configuration()
    ) -> MQTT5Client { self.makeClient(MQTT5Client.self, clientID: clientID, configuration: configuration) }

    /// Makes a client of any version; nothing is sent before `connect()`.
    ///
    /// - Parameters:
    ///   - type: What client, as `MQTT311Client.self`.
    ///   - clientID: A client identifier; takes precedence over the one of the configuration.
    ///   - configuration: Everything else; its event loop is not used.
    /// - Returns: The client.
    public func makeClient<Version>(
        _ type: MQTTClient<Version>.Type,
        clientID: String = "",
        configuration: MQTTClient<Version>.Configuration = MQTTClient<Version>.Configuration()
    ) -> MQTTClient<Version> {
        var configuration = configuration
        if !clientID.isEmpty { configuration.clientID = clientID }
        let world = VirtualLinkWorld(
            network: self,
            credentials: configuration.credentials,
            timeout: configuration.connectTimeout
        )
        return MQTTClient<Version>(configuration: configuration, world: world, eventLoop: self.eventLoop)
    }

    /// The server's end of the next connection, in the order they were made.
    ///
    /// - Parameters:
    ///   - limit: How long at most, in real time.
    ///   - fileID: Where it is expected.
    ///   - line: Where it is expected.
    /// - Returns: The server's end.
    /// - Throws: ``TestKitError`` with code `timedOut`; `CancellationError`.
    public func accept(
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> ScriptedPeer {
        let accepted = self.accepted
        let limited = try await withTimeLimit(limit) { try await accepted.next() }
        guard case .ended(let peer?) = limited else {
            throw TestKitError(.timedOut, "nobody connected within \(limit.words)", at: Place(fileID, line))
        }
        return peer
    }

    /// Moves the clock, and does what is due on the way, the earliest first.
    ///
    /// What clients were asked before, and what peers that serve by themselves have to answer, is done first, and again after
    /// each thing that was due: an hour of keep-alive passes in one call.
    public func advance(by duration: Duration) async {
        await self.settle()
        await self.clock.advance(by: duration)
        await self.settle()
    }

    /// From now on every connection is answered by itself; see ``ScriptedPeer/serve(_:)``.
    ///
    /// - Parameter script: What is sent in answer to a packet; nil is ``TestPacket/plainAnswer(_:)``, an empty array nothing.
    public func serve(_ script: @escaping @Sendable (TestPacket) async -> [TestPacket]? = { _ in nil }) {
        self.state.withLock { $0.script = script }
    }

    /// Lets the next attempts to connect fail, as with nobody listening.
    public func refuse(next count: Int) { self.state.withLock { $0.refusals = count } }

    /// From now on attempts to connect hang, until they are released or the client's connect timeout has passed.
    public func holdDials() { self.state.withLock { $0.isHolding = true } }

    /// How many attempts to connect hang now.
    public var heldDialCount: Int { self.state.withLock { $0.held.count } }

    /// Lets attempts to connect go on.
    public func releaseDials() {
        let held = self.state.withLock { state in
            defer { state.held = [:] }
            state.isHolding = false
            return state.held.sorted { $0.key < $1.key }.map(\.value)
        }
        for dial in held { dial() }
    }
}

extension VirtualNetwork {
    /// What becomes of an attempt to connect.
    enum DialFate {
        case refused
        case held(UInt64)
        case open
    }

    /// Decides what becomes of an attempt; `again` is what to do with it when it was held.
    func fate(_ again: @escaping @Sendable () -> Void) -> DialFate {
        self.state.withLock { state in
            if state.isHolding {
                state.lastHeld += 1
                state.held[state.lastHeld] = again
                return .held(state.lastHeld)
            }
            state.pendingDials += 1
            guard state.refusals > 0 else { return .open }
            state.refusals -= 1
            return .refused
        }
    }

    /// Gives up an attempt that hangs; false when it was released.
    func giveUp(_ number: UInt64) -> Bool { self.state.withLock { $0.held.removeValue(forKey: number) != nil } }

    /// An attempt is over; with the server's end of a connection if there is one.
    func dialed(_ peer: ScriptedPeer?) {
        if let peer {
            let script = self.state.withLock { state in
                state.peers.removeAll(where: \.hasEnded)
                state.peers.append(peer)
                return state.script
            }
            if let script { peer.serve(script) }
            self.accepted.put(peer)
        }
        self.state.withLock { $0.pendingDials -= 1 }
    }

    /// Returns when the event loop has done what it was told, connections are made, and peers that serve have answered.
    ///
    /// A script that never answers is waited for for a second.
    func settle() async {
        let end = ContinuousClock.now + .seconds(1)
        repeat {
            await self.eventLoop.run()
            let isBusy = self.state.withLock { state in
                state.pendingDials > 0 || !state.peers.allSatisfy(\.isIdle)
            }
            if !isBusy { return }
            await Task.yield()
        } while ContinuousClock.now < end
    }
}
