// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// Where the broker is.
struct ServerOptions: ParsableArguments {
    @Option(name: [.customShort("h"), .long], help: "The broker's host name or address (default: localhost).")
    var host: String?

    @Option(
        name: .shortAndLong,
        help: "The broker's port (default: 1883, with TLS 8883).",
        transform: ServerOptions.port
    )
    var port: Int?

    @Option(
        name: [.customShort("L"), .long],
        help: ArgumentHelp(
            "Host, user, topic and whether to use TLS, in one.",
            valueName: "mqtt(s)://[user[:password]@]host[:port][/topic]"
        ),
        transform: ServerURL.init(parsing:)
    )
    var url: ServerURL?

    @Option(
        name: [.customShort("V"), .long],
        help: "The version of MQTT: 5, 311 or 31 (default: 5).",
        transform: ProtocolChoice.parse
    )
    var protocolVersion: ProtocolChoice?

    func validate() throws {
        if self.url != nil, self.host != nil || self.port != nil {
            throw ValidationError("Give the URL (-L) or the host and port (-h, -p), not both.")
        }
    }

    static func port(_ text: String) throws -> Int {
        guard let port = Int(text) else {
            throw ValidationError("A port is a number. Did you mean -P, the password?")
        }
        guard 1...65_535 ~= port else { throw ValidationError("A port is between 1 and 65535.") }
        return port
    }
}

/// A URL as mosquitto reads it: the path is a topic, character by character.
struct ServerURL: Hashable, Sendable {
    var endpoint: Endpoint
    var topic: String?

    init(parsing text: String) throws {
        var server = text[...]
        if let scheme = text.firstRange(of: "://"), let slash = text[scheme.upperBound...].firstIndex(of: "/") {
            server = text[..<slash]
            let topic = text[text.index(after: slash)...]
            self.topic = topic.isEmpty ? nil : String(topic)
        }
        do {
            self.endpoint = try Endpoint(url: String(server))
        } catch {
            throw ValidationError(error.message)
        }
    }
}
