// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT
import NIOCore

/// What the way to the broker leads through.
struct RouteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            A proxy: [scheme]://[user[:password]@]host[:port], where the scheme is http, https, socks5h, socks5, socks4a or \
            socks4; or env for the one in the environment variable mqtt_proxy, with the exceptions of no_proxy.
            """,
            valueName: "url"
        ),
        transform: ProxyArgument.init(parsing:)
    )
    var proxy: ProxyArgument?

    @Option(
        name: [.customShort("A"), .long],
        help: ArgumentHelp("The IP address of this machine to connect from.", valueName: "address"),
        transform: RouteOptions.address
    )
    var bind: String?

    /// What others should not see is on the command line.
    var isExposed: Bool { self.proxy?.holdsPassword ?? false }

    /// The same broker, by this way.
    func applied(to endpoint: Endpoint) -> Endpoint {
        var endpoint = endpoint
        if let proxy { endpoint.proxy = proxy.choice }
        endpoint.socketOptions.bindAddress = self.bind
        return endpoint
    }

    static func address(_ text: String) throws -> String {
        guard (try? SocketAddress(ipAddress: text, port: 0)) != nil else {
            throw ValidationError("-A wants an IP address of this machine: write 192.0.2.7, for example.")
        }
        return text
    }
}

/// A proxy of the command line.
struct ProxyArgument: Hashable, Sendable {
    var choice: ProxyChoice
    var holdsPassword: Bool

    init(parsing text: String) throws {
        guard text != "env" else {
            self.choice = .environment
            self.holdsPassword = false
            return
        }
        do {
            self.choice = .through(try ProxySettings(url: text))
        } catch {
            throw ValidationError(error.message)
        }
        let user = text.lastIndex(of: "@").map { text[..<$0] } ?? ""
        // The first colon is that of the scheme.
        self.holdsPassword = user.count { $0 == ":" } > 1
    }
}
