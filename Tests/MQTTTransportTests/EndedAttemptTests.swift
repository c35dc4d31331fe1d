// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MQTTTransport

/// What attempts that are over leave behind: nothing that still has to be done.
@Suite(.timeLimit(.minutes(10))) struct EndedAttemptTests {
    private static func dial(
        _ endpoint: Endpoint,
        with dialer: Dialer,
        timeout: TimeAmount = .seconds(60)
    ) async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        _ = try await dialer.dial(endpoint, on: eventLoop, timeout: timeout) { _, _ in }.get()
    }

    @Test func `names are not looked up any more for attempts that timed out in the queue`() async throws {
        let gate = ConditionGate()
        defer { gate.open() }
        let asked = Mutex(0)
        let dialer = Dialer { _, _ in
            asked.withLock { $0 += 1 }
            gate.wait()
            return []
        }
        var proxied = Endpoint.tcp("broker.test")
        var proxy = ProxySettings.socks5("127.0.0.1")
        proxy.resolvesNames = false
        proxied.proxy = .through(proxy)
        let endpoints = [Endpoint.tcp("broker.test"), proxied]
        // Far more than there are threads.
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask {
                    let error = await #expect(throws: TransportError.self) {
                        try await Self.dial(endpoints[number % 2], with: dialer, timeout: .milliseconds(300))
                    }
                    #expect(error?.code == .nameResolutionTimedOut)
                }
            }
        }
        let began = asked.withLock { $0 }
        #expect(began < 60)
        gate.open()
        // The questions are taken up in order: at this one all before it were.
        await #expect(throws: TransportError.self) { try await Self.dial(endpoints[0], with: Dialer { _, _ in [] }) }
        #expect(asked.withLock { $0 } == began)
    }

    @Test func `no files are read and no password is asked for any more after a timeout in the queue`() async throws {
        let certificates = try TestCertificates.shared.get()
        let threadPool = NIOThreadPool(numberOfThreads: 1)
        threadPool.start()
        let gate = ConditionGate()
        defer { gate.open() }
        threadPool.submit { _ in gate.wait() }
        let asked = Mutex(0)
        let certificate = TLSSettings.ClientCertificate
            .files(certificate: certificates.path("client.pem"), key: certificates.path("client-encrypted.key"))
            .askingForPassword {
                asked.withLock { $0 += 1 }
                return TestCertificates.password
            }
        let endpoint = Endpoint.tls("127.0.0.1", TLSSettings(clientCertificate: certificate))
        let error = await #expect(throws: TransportError.self) {
            try await Self.dial(endpoint, with: Dialer(threadPool: threadPool), timeout: .milliseconds(200))
        }
        #expect(error?.code == .connectTimedOut && error?.stage == .preparing)
        gate.open()
        try await threadPool.runIfActive {}
        #expect(asked.withLock { $0 } == 0)
        try await threadPool.shutdownGracefully()
    }
}
