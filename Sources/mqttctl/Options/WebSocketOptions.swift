// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// Whether and how to use WebSocket.
struct WebSocketOptions: ParsableArguments {
    @Flag(help: "Speak MQTT in a WebSocket; port 443 means TLS then. A ws or wss URL (-L) says so by itself.")
    var ws = false

    @Option(
        help: ArgumentHelp(
            "The path of the WebSocket, with the query if there is one (default: /mqtt).",
            valueName: "path"
        )
    )
    var wsPath: String?

    @Option(
        name: [.customShort("H"), .long],
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A header for the WebSocket's request; may be repeated.",
            valueName: "name: value"
        ),
        transform: WebSocketOptions.field
    )
    var header: [HeaderField] = []

    func validate() throws {
        if let wsPath, !wsPath.hasPrefix("/") {
            throw ValidationError("The path of a WebSocket begins with '/': write --ws-path \("/" + wsPath).")
        }
    }

    /// What the options ask for where there is no URL.
    var settings: WebSocketSettings {
        self.settings(self.wsPath.map { WebSocketSettings(path: $0) } ?? WebSocketSettings())
    }

    /// What a URL asks for, with the headers.
    func settings(_ given: WebSocketSettings) -> WebSocketSettings {
        var settings = given
        for field in self.header { settings.headers.add(field.value, for: field.name) }
        return settings
    }

    static func field(_ text: String) throws -> HeaderField {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
            throw ValidationError("A header is a name, a colon and a value: write -H 'Name: value'.")
        }
        let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        return HeaderField(name: String(text[..<colon]), value: String(value))
    }
}

/// A header of an HTTP request.
struct HeaderField: Hashable, Sendable {
    var name: String
    var value: String
}
