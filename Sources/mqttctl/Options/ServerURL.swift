// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT
import MQTTTransport

/// A broker's URL of the command line.
///
/// As mosquitto reads it, the path of an `mqtt` URL is a topic, character by character; that of the others says where the
/// broker is.
struct ServerURL: Hashable, Sendable {
    /// As the URL says, without what options add.
    var endpoint: Endpoint
    var topic: String?
    var isUnixSocket: Bool

    init(parsing text: String) throws {
        let scheme = text.firstRange(of: "://").map { text[..<$0.lowerBound].lowercased() } ?? ""
        self.isUnixSocket = scheme == "unix"
        var server = text[...]
        if ["mqtt", "mqtts"].contains(scheme), let colon = text.firstRange(of: "://"),
            let slash = text[colon.upperBound...].firstIndex(of: "/")
        {
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

    /// A further broker, which has no topic and no user of its own.
    static func further(_ text: String) throws -> ServerURL {
        let url = try ServerURL(parsing: text)
        guard url.topic == nil else {
            throw ValidationError(
                "A further broker has no topic: give it with -t, or in the URL of the first one (-L)."
            )
        }
        guard url.endpoint.userInfo == nil else {
            throw ValidationError(
                "One user is sent to all brokers: give it with -u, or in the URL of the first one (-L)."
            )
        }
        return url
    }

    /// The WebSocket the URL asks for, if it does.
    var webSocket: WebSocketSettings? { self.endpoint.webSocket }
}
