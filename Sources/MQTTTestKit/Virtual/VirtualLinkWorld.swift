// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTEngine
import MQTTTransport
import MQTTWire
import NIOCore
import NIOEmbedded

/// The world of one client of a virtual network.
final class VirtualLinkWorld: LinkWorld {
    private let network: VirtualNetwork
    private let credentials: Credentials?
    private let timeout: Duration

    init(network: VirtualNetwork, credentials: Credentials?, timeout: Duration) {
        self.network = network
        self.credentials = credentials
        self.timeout = timeout
    }

    package var now: MQTTEngine.Instant {
        MQTTEngine.Instant(nanoseconds: self.network.clock.now.sinceStart.clampedNanoseconds)
    }

    package func wake(_ link: Link) { self.network.eventLoop.execute { link.flush() } }

    package func setAlarm(at instant: MQTTEngine.Instant, for link: Link) {
        let instant = VirtualClock.Instant(sinceStart: .nanoseconds(instant.nanoseconds))
        // An alarm must not keep a client alive that its user has let go.
        _ = self.network.clock.schedule(at: instant) { [network, weak link] in
            try? await network.eventLoop.executeInContext { [weak link] in link?.alarmRang() }
            await network.settle()
        }
    }

    package func dial(for link: Link, attempt: UInt64) {
        switch self.network.fate({ self.dial(for: link, attempt: attempt) }) {
        case .held(let number): self.giveUp(number, link, attempt: attempt)
        case .refused:
            let error = TransportError(.connectionRefused, "The connection was refused by the test.")
            Task {
                await self.fail(link, .transportFailed, "\(error)", cause: error, attempt: attempt)
                self.network.dialed(nil)
            }
        case .open: Task { self.network.dialed(await self.open(for: link, attempt: attempt)) }
        }
    }

    /// Ends an attempt when its time is over, if it hangs still.
    private func giveUp(_ number: UInt64, _ link: Link, attempt: UInt64) {
        let end = self.network.clock.now.advanced(by: self.timeout)
        let limit = self.timeout
        _ = self.network.clock.schedule(at: end) { [self, weak link] in
            guard self.network.giveUp(number), let link else { return }
            let error = TransportError(.connectTimedOut, "The connection was not made within \(limit.words).")
            await self.fail(link, .transportFailed, "\(error)", cause: error, attempt: attempt)
            await self.network.settle()
        }
    }

    /// Makes a connection; nil when it could not be made.
    private func open(for link: Link, attempt: UInt64) async -> ScriptedPeer? {
        let credentials: ConnectCredentials?
        do {
            credentials = try await self.credentials?.forAttempt(after: link.dialing.previous)
        } catch {
            await self.fail(
                link,
                .credentialsUnavailable,
                "the credentials could not be had: \(error)",
                cause: error,
                attempt: attempt
            )
            return nil
        }
        let channel = NIOAsyncTestingChannel(loop: self.network.eventLoop)
        let connection = VirtualConnection(channel)
        do {
            try await channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1_883)).get()
            try await self.network.eventLoop.executeInContext {
                try channel.pipeline.syncOperations.addHandler(connection.makeHandler())
                try channel.pipeline.syncOperations.addHandler(link.makeHandler(attempt: attempt))
                link.opened(channel, credentials: credentials, attempt: attempt)
            }
        } catch {
            await self.fail(link, .transportFailed, "\(error)", cause: error, attempt: attempt)
            return nil
        }
        // The client may have lost interest meanwhile.
        return channel.isActive ? ScriptedPeer(connection) : nil
    }

    private func fail(
        _ link: Link,
        _ kind: EngineFailure.Kind,
        _ words: String,
        cause: any Error,
        attempt: UInt64
    ) async {
        var failure = EngineFailure(kind, words)
        failure.cause = EngineFailure.Cause(cause)
        let told = failure
        try? await self.network.eventLoop.executeInContext { link.openFailed(told, attempt: attempt) }
    }
}
