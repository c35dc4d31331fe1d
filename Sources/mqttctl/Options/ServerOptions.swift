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
        help: "The broker's port (default: 1883, with TLS 8883; with WebSocket 80, with both 443).",
        transform: ServerOptions.port
    )
    var port: Int?

    @Option(
        name: [.customShort("L"), .long],
        help: ArgumentHelp(
            """
            Where the broker is, in one: mqtt(s)://[user[:password]@]host[:port][/topic], \
            ws(s)://[user[:password]@]host[:port][/path][?query], unix://[user[:password]@]/path. The path is a topic with \
            mqtt and mqtts only; with ws and wss it is the WebSocket's, with unix the socket's.
            """,
            valueName: "url"
        ),
        transform: ServerURL.init(parsing:)
    )
    var url: ServerURL?

    @Option(help: ArgumentHelp("The broker's Unix socket on this machine.", valueName: "path"))
    var unix: String?

    @Flag(
        name: [.customShort("S"), .long],
        help: """
            Ask the DNS which brokers a domain has (SRV, _mqtt._tcp or with TLS _secure-mqtt._tcp); the domain is -h, or \
            the one this machine is in.
            """
    )
    var srv = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A further broker that holds the same, for when those before it cannot be had; may be repeated.",
            valueName: "url"
        ),
        transform: ServerURL.further
    )
    var failover: [ServerURL] = []

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
        if self.unix != nil, self.url != nil || self.host != nil || self.port != nil || self.srv {
            throw ValidationError("Give a Unix socket (--unix) or a host (-h, -p, -S, -L), not both.")
        }
        guard self.srv else { return }
        if self.url != nil {
            throw ValidationError("-S wants a domain, not a URL: give it with -h.")
        }
        if self.port != nil {
            throw ValidationError("With -S the DNS says the port: leave out -p, or connect to one host without -S.")
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
