// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Logging
import MQTT
import MosquittoFixture
import Synchronization
import Testing

/// One broker for all tests that neither restart it nor ask anything special of it; it ends with the process.
enum SharedBroker {
    private static let starting = Task { try await MosquittoServer.start(.init(tls: .init())) }

    static var server: MosquittoServer {
        get async throws { try await self.starting.value }
    }
}

private let names = Atomic<Int>(0)

/// A name nobody else uses, short enough for a client identifier of MQTT 3.1.
func unique(_ stem: String = "t") -> String {
    "\(stem)-\(names.wrappingAdd(1, ordering: .relaxed).newValue)"
}

extension ReconnectPolicy {
    /// Short waits, so that tests are too.
    static let fast = ReconnectPolicy(initialDelay: .milliseconds(10), maximumDelay: .milliseconds(50))
}

extension MQTTClient where Version: TestVersion {
    /// A client of the tests on a loopback port; `change` makes it special.
    static func local(
        _ port: Int,
        tls: TLSSettings? = nil,
        clientID: String = unique("c"),
        keepsSession: Bool = false,
        _ change: (inout Configuration) -> Void = { _ in }
    ) -> MQTTClient<Version> {
        var configuration = Configuration()
        configuration.reconnect = .fast
        // Many tests share few processors: an answer that waits for its turn is no silence.
        configuration.handshakeTimeout = .seconds(100)
        configuration.pingTimeout = .seconds(100)
        configuration.logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        if keepsSession { Version.keepSession(&configuration) }
        change(&configuration)
        let endpoint: Endpoint = tls.map { .tls("localhost", port: port, $0) } ?? .tcp("127.0.0.1", port: port)
        return MQTTClient(to: endpoint, clientID: clientID, configuration: configuration)
    }

    /// Runs `body` with a connected client of the tests.
    @discardableResult
    static func connected<Result>(
        _ port: Int,
        clientID: String = unique("c"),
        keepsSession: Bool = false,
        _ change: (inout Configuration) -> Void = { _ in },
        body: (MQTTClient<Version>) async throws -> Result
    ) async throws -> Result {
        let client = Self.local(port, clientID: clientID, keepsSession: keepsSession, change)
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
}

extension MQTTSubscription {
    /// Takes so many messages.
    func take(_ count: Int) async throws -> [MQTTMessage] {
        var taken: [MQTTMessage] = []
        while taken.count < count {
            guard let message = try await self.next() else {
                throw DeadlineMissed(description: "the messages ended after \(taken.count) of \(count)")
            }
            taken.append(message)
        }
        return taken
    }

    /// Takes messages up to one whose text is `last`, which is left out.
    func take(until last: String) async throws -> [MQTTMessage] {
        var taken: [MQTTMessage] = []
        while let message = try await self.next() {
            if message.text == last { return taken }
            taken.append(message)
        }
        throw DeadlineMissed(description: "the messages ended before \"\(last)\" came")
    }
}

/// The error of `body`; fails the test when there is none, or another.
@discardableResult
func failure(
    _ code: MQTTError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async throws -> MQTTError {
    do {
        try await body()
    } catch let error as MQTTError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        return error
    }
    throw DeadlineMissed(description: "nothing failed, where \(code) should have at \(sourceLocation)")
}

/// Takes events until one is wanted; fails when they end before.
func wait(
    for what: String,
    in events: inout AsyncStream<MQTTEvent>.Iterator,
    where isWanted: (MQTTEvent) -> Bool
) async throws {
    while let event = await events.next(isolation: #isolation) {
        if isWanted(event) { return }
    }
    throw DeadlineMissed(description: "the events ended before \(what)")
}

extension MQTTEvent {
    var isConnected: Bool { if case .connected = self { true } else { false } }
    var isDisconnected: Bool { if case .disconnected = self { true } else { false } }
}
