// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import Testing

@testable import mqttctl

/// What the errors on the way to a broker mean for the program's end.
@Suite struct TransportFailureTests {
    private static let plain = Endpoint.tcp("broker", port: 1883)
    private static let secure = Endpoint.tls("broker")

    private static func proxied() -> Endpoint {
        var endpoint = Self.plain
        endpoint.proxy = .through(.socks5("proxy"))
        return endpoint
    }

    private static func bound() -> Endpoint {
        var endpoint = Self.plain
        endpoint.socketOptions.bindAddress = "192.0.2.7"
        return endpoint
    }

    private static func failure(_ code: TransportError.Code, _ words: String, to endpoint: Endpoint) -> Failure {
        Failure(MQTTError(.transportFailed, "…", cause: TransportError(code, words)), to: endpoint)
    }

    @Test(
        arguments: [
            (.nameResolutionFailed, .unknownHost, .resolve),
            (.nameResolutionTimedOut, .unknownHost, .resolve),
            (.connectionRefused, .unreachable, .connect),
            (.connectTimedOut, .unreachable, .connect),
            (.unreachable, .unreachable, .connect),
            (.proxyRefused, .unreachable, .proxy),
            (.proxyAuthenticationFailed, .refused, .proxy),
            (.proxyTimedOut, .unreachable, .proxy),
            (.tlsHandshakeFailed, .protocolError, .tls),
            (.tlsTimedOut, .unreachable, .tls),
            (.certificateRejected, .protocolError, .tls),
            (.tlsConfiguration, .configuration, .tls),
            (.webSocketRefused, .protocolError, .websocket),
            (.webSocketTimedOut, .unreachable, .websocket),
            (.webSocketViolation, .protocolError, .websocket),
            (.headersUnavailable, .configuration, .websocket),
            (.wrongProtocol, .protocolError, .session),
            (.invalidEndpoint, .usage, .arguments),
            (.closed, .unreachable, .connect),
            (.other, .unreachable, .connect),
        ] as [(TransportError.Code, ExitClass, Failure.Stage)]
    )
    func `an error of the transport has one exit status`(
        code: TransportError.Code,
        status: ExitClass,
        stage: Failure.Stage
    ) {
        let failure = Self.failure(code, "The words.", to: Self.plain)
        #expect(failure.status == status)
        #expect(failure.stage == stage)
        #expect(failure.message == "The words.")
    }

    @Test(
        arguments: [
            (.nameResolutionFailed, Self.plain, "-h"),
            (.nameResolutionFailed, Self.proxied(), "--proxy"),
            (.nameResolutionFailed, .srv("example.com"), "without -S"),
            (.connectionRefused, Self.plain, "-p"),
            (.connectionRefused, Self.proxied(), "--proxy"),
            (.connectionRefused, .unix("/s"), "path of the socket"),
            (.unreachable, .srv("example.com"), "DNS"),
            (.unreachable, Self.bound(), "-A"),
            (.proxyRefused, Self.proxied(), "--proxy"),
            (.proxyAuthenticationFailed, Self.proxied(), "mqtt_proxy"),
            (.proxyTimedOut, Self.proxied(), "--proxy"),
            (.tlsHandshakeFailed, Self.secure, "--no-tls"),
            (.tlsTimedOut, Self.secure, "--no-tls"),
            (.certificateRejected, Self.secure, "--cafile"),
            (.webSocketRefused, Self.plain, "--ws-path"),
            (.webSocketTimedOut, Self.plain, "port for WebSocket"),
            (.wrongProtocol, Self.plain, "--ws"),
        ] as [(TransportError.Code, Endpoint, String)]
    )
    func `there is something to try`(code: TransportError.Code, endpoint: Endpoint, words: String) {
        #expect(Self.failure(code, "The words.", to: endpoint).advice.contains(words))
    }

    @Test func `a server that wants a client certificate is shown one`() {
        let words = "mqtts://broker:8883 wants a client certificate (CERTIFICATE_REQUIRED)."
        #expect(Self.failure(.tlsHandshakeFailed, words, to: Self.secure).advice.contains("--cert"))
    }
}
