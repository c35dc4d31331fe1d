// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT
import MQTTTransport

extension ConnectionOptions {
    /// Where to connect to, the best first, with the password of the client's key if there is one.
    func endpoints(keyPassword: String? = nil) -> [Endpoint] {
        let tls = self.tls.settings(keyPassword: keyPassword)
        let first = self.server.url.map { self.endpoint(for: $0, tls) } ?? self.endpoint(tls)
        return [first] + self.server.failover.map { self.endpoint(for: $0, tls) }
    }

    /// The broker that is tried first.
    var endpoint: Endpoint { self.endpoints()[0] }

    /// That of the other options; port 8883 means TLS, and with WebSocket port 443 too.
    private func endpoint(_ settings: TLSSettings) -> Endpoint {
        let webSocket = self.webSocket.ws ? self.webSocket.settings : nil
        let port = self.server.port
        let isPortOfTLS = port == 8883 || port == 443 && webSocket != nil
        let tls = !self.tls.noTls && (self.tls.isAskedFor || isPortOfTLS) ? settings : nil
        if let path = self.server.unix { return .unix(path, tls: tls, webSocket: webSocket) }
        if self.server.srv {
            return self.route.applied(to: .srv(self.server.host, tls: tls, webSocket: webSocket))
        }
        return self.route.applied(to: .at(self.server.host ?? "localhost", port, tls: tls, webSocket: webSocket))
    }

    /// That of a URL; mqtt and unix ones become TLS where options of TLS or port 8883 say so.
    private func endpoint(for url: ServerURL, _ settings: TLSSettings) -> Endpoint {
        let known = url.endpoint
        let isSecure = known.isSecure || url.webSocket == nil && (self.tls.isAskedFor || known.port == 8883)
        let tls = isSecure && !self.tls.noTls ? settings : nil
        if url.isUnixSocket { return .unix(known.host, tls: tls) }
        let webSocket = url.webSocket.map { self.webSocket.settings($0) }
        return self.route.applied(to: .at(known.host, known.port, tls: tls, webSocket: webSocket))
    }

    /// Refuses what makes no sense together, with what to write.
    func validateEndpoints() throws {
        let urls = [self.server.url].compactMap(\.self) + self.server.failover
        try self.validateWebSocket(urls)
        if self.tls.noTls, urls.contains(where: \.endpoint.isSecure) {
            throw ValidationError("--no-tls contradicts the URL: write mqtt:// or ws:// in it.")
        }
        let endpoints = self.endpoints()
        if self.tls.isAskedFor, !endpoints.contains(where: \.isSecure) {
            throw ValidationError("A ws URL is without TLS, whatever the options of TLS say: write wss:// in it.")
        }
        let isFirstHere = self.server.unix != nil || self.server.url?.isUnixSocket == true
        if isFirstHere, self.server.failover.allSatisfy(\.isUnixSocket) {
            if self.route.proxy != nil {
                throw ValidationError("A Unix socket is reached without a proxy: leave out --proxy.")
            }
            if self.route.bind != nil {
                throw ValidationError("A Unix socket is reached from no address: leave out -A.")
            }
        }
        for endpoint in endpoints {
            do throws(TransportError) { try endpoint.check() } catch { throw ValidationError(error.message) }
        }
    }

    private func validateWebSocket(_ urls: [ServerURL]) throws {
        if self.webSocket.ws, let url = self.server.url, url.webSocket == nil {
            throw ValidationError("--ws contradicts the URL: write ws:// or wss:// in it.")
        }
        if self.webSocket.wsPath != nil {
            if self.server.url?.webSocket != nil {
                throw ValidationError("Write the path of the WebSocket into the URL, without --ws-path.")
            }
            guard self.webSocket.ws else { throw ValidationError("--ws-path is for WebSocket: add --ws.") }
        }
        if !self.webSocket.header.isEmpty, !self.webSocket.ws, !urls.contains(where: { $0.webSocket != nil }) {
            throw ValidationError("A header (-H) is for WebSocket: add --ws, or write ws:// or wss:// in the URL.")
        }
    }
}

extension Endpoint {
    /// A host, with the port such brokers usually have unless there is one.
    fileprivate static func at(
        _ host: String,
        _ port: Int?,
        tls: TLSSettings?,
        webSocket: WebSocketSettings?
    ) -> Endpoint {
        switch (tls, webSocket) {
        case (let tls?, let webSocket?): .secureWebSocket(host, port: port ?? 443, webSocket, tls: tls)
        case (nil, let webSocket?): .webSocket(host, port: port ?? 80, webSocket)
        case (let tls?, nil): .tls(host, port: port ?? 8883, tls)
        case (nil, nil): .tcp(host, port: port ?? 1883)
        }
    }
}
