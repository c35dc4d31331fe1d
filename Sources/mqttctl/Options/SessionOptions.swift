// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// Who the client is, and what the broker keeps for it.
struct SessionOptions: ParsableArguments {
    @Option(
        name: [.short, .customLong("id")],
        parsing: .unconditional,
        help: "The client identifier (default: one made up)."
    )
    var identifier: String?

    @Option(
        name: [.customShort("I"), .customLong("id-prefix")],
        help: "What the made-up client identifier begins with."
    )
    var identifierPrefix: String?

    @Flag(
        name: [.customShort("c"), .long],
        help: "Keep the session, its subscriptions and messages, for the next time; needs -i."
    )
    var disableCleanSession = false

    @Option(
        name: [.customShort("x"), .long],
        help: "Seconds the broker keeps the session after the connection (MQTT 5; default: 0, with -c for ever)."
    )
    var sessionExpiryInterval: UInt32?

    @Option(name: .shortAndLong, help: "Seconds of silence before a ping; 0 is never.")
    var keepalive: UInt16 = 60

    func validate() throws {
        if self.identifier != nil, self.identifierPrefix != nil {
            throw ValidationError("Give a client identifier (-i) or the beginning of one (-I), not both.")
        }
        if self.disableCleanSession, (self.identifier ?? "").isEmpty {
            throw ValidationError("-c needs a client identifier (-i), under which the session is found again.")
        }
    }

    /// The identifier to use; empty leaves it to the client.
    var clientID: String {
        if let identifier { return identifier }
        return self.identifierPrefix.map { $0 + String(POSIX.processID) } ?? ""
    }

    func apply(to configuration: inout MQTT5Client.Configuration) {
        configuration.cleanStart = self.disableCleanSession ? .never : .firstOnly
        // Each run is a process of its own: the session of the last one is meant.
        configuration.unexpectedSession = .adopt
        let expiry = self.sessionExpiryInterval ?? (self.disableCleanSession ? .max : 0)
        configuration.sessionExpiry = expiry == .max ? nil : .seconds(Int64(expiry))
    }

    func apply<Version: MQTT3Version>(to configuration: inout MQTTClient<Version>.Configuration) {
        configuration.cleanSession = !self.disableCleanSession
    }
}
