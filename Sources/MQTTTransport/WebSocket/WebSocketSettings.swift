// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// How to ask an HTTP server for a WebSocket.
///
/// The request is sent with these headers by default: `Host`, `Upgrade`, `Connection`, `Sec-WebSocket-Key`,
/// `Sec-WebSocket-Version` and `Sec-WebSocket-Protocol`; there is no `Origin` unless you add one. Yours are added to
/// them or replace those of the same name, except for the last five: they are the handshake itself.
///
/// ```swift
/// // A token that lasts for minutes is fetched at each attempt to connect.
/// let settings = WebSocketSettings(path: "/mqtt") { defaults in
///     var headers = defaults
///     headers.set("Bearer \(try await tokens.current())", for: "Authorization")
///     return headers
/// }
/// ```
///
/// Messages may be of any size: the bytes of a frame are passed on as they come.
public struct WebSocketSettings: Hashable, Sendable {
    /// Gives the headers of a request, from those that would be sent without it.
    public typealias HeadersFunction = @Sendable (WebSocketHeaders) async throws -> WebSocketHeaders

    /// The path of the request, with the query if there is one; both percent-encoded, as in a URL.
    public var path: String

    /// Headers that are added to the default ones, or replace them.
    public var headers: WebSocketHeaders

    /// The protocol that is asked for; a server that does not agree to exactly this is left (MQTT 5.0, 6).
    ///
    /// Standard servers know `mqtt`; some want `mqttv3.1` for MQTT 3.1.
    public var subprotocol: String

    private(set) var function: Hook<HeadersFunction>?

    /// Makes settings; without arguments they are right for most brokers.
    public init(path: String = "/mqtt", headers: WebSocketHeaders = [:], subprotocol: String = "mqtt") {
        self.path = path
        self.headers = headers
        self.subprotocol = subprotocol
    }

    /// Makes settings with a function that gives the headers.
    ///
    /// It is called at each attempt to connect, with the default headers and those of ``headers``, and returns what is
    /// to be sent. When it throws, nothing is asked and the attempt fails with
    /// ``TransportError/Code/headersUnavailable``, with what it threw as the cause. The timeout of the attempt runs on
    /// meanwhile; when it is over, or the connection ends, the function's task is cancelled.
    public init(
        path: String = "/mqtt",
        headers: WebSocketHeaders = [:],
        subprotocol: String = "mqtt",
        headersAtEachAttempt: @escaping HeadersFunction
    ) {
        self.init(path: path, headers: headers, subprotocol: subprotocol)
        self.function = Hook(headersAtEachAttempt)
    }

    /// Throws when these cannot be sent.
    func check() throws(TransportError) {
        if let objection = self.pathObjection {
            throw TransportError(.invalidEndpoint, "The path of the WebSocket \(objection).")
        }
        // RFC 6455, 4.1: a token.
        let isToken = WebSocketHeaders(dictionaryLiteral: (self.subprotocol, "")).objection == nil
        guard isToken else {
            let name = String(self.subprotocol.prefix(60)).debugDescription
            throw TransportError(
                .invalidEndpoint,
                "The subprotocol \(name) of the WebSocket is no name; write 'mqtt' or 'mqttv3.1'."
            )
        }
        if let objection = self.headers.objection ?? self.headers.handshakeObjection {
            throw TransportError(.invalidEndpoint, "The headers for the WebSocket cannot be sent: \(objection).")
        }
    }

    private var pathObjection: String? {
        let bytes = self.path.utf8
        guard bytes.first == UInt8(ascii: "/") else { return "does not begin with '/'; write '/mqtt', for example" }
        if bytes.contains(UInt8(ascii: "#")) { return "holds '#', and a fragment is not sent; write '%23'" }
        if bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            return "holds a control character; write it percent-encoded, as '%0A'"
        }
        if bytes.contains(0x20) { return "holds a space; write '%20'" }
        if bytes.contains(where: { $0 >= 0x80 }) {
            return "holds letters beyond ASCII; write their UTF-8 bytes percent-encoded, as '%C3%A4'"
        }
        return nil
    }
}

extension WebSocketSettings: CustomStringConvertible, CustomReflectable {
    /// The path without the query, which may hold a signature.
    var pathWithoutQuery: Substring { self.path.prefix { $0 != "?" } }

    /// The path without its query, the subprotocol and the names of the headers.
    public var description: String {
        let function = self.function == nil ? "" : " and those of a function"
        return "\(self.pathWithoutQuery) for \(self.subprotocol), headers \(self.headers)\(function)"
    }

    /// The path without its query, the subprotocol and the names of the headers.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: ["path": self.pathWithoutQuery, "subprotocol": self.subprotocol, "headers": self.headers]
        )
    }
}
