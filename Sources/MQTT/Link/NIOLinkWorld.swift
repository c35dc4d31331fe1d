// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTTransport
import MQTTWire
import NIOCore

/// Sockets, an event loop and its clock.
final class NIOLinkWorld: LinkWorld {
    let eventLoop: any EventLoop
    private let endpoints: [Endpoint]
    private let credentials: Credentials?
    private let timeout: TimeAmount

    init(eventLoop: any EventLoop, endpoints: [Endpoint], credentials: Credentials?, timeout: Duration) {
        self.eventLoop = eventLoop
        self.endpoints = endpoints
        self.credentials = credentials
        self.timeout = .nanoseconds(timeout.clampedNanoseconds)
    }

    var now: Instant { Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }

    func wake(_ link: Link) { self.eventLoop.execute { link.flush() } }

    func endpoint(_ number: Int, server: ServerReference?) -> Endpoint? {
        guard self.endpoints.indices.contains(number) else { return nil }
        let endpoint = self.endpoints[number]
        return server.map { endpoint.moved(to: $0.host, port: $0.port) } ?? endpoint
    }

    func setAlarm(at instant: Instant, for link: Link) {
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(clamping: instant.nanoseconds))
        // An alarm must not keep a client alive that its user has let go.
        _ = self.eventLoop.scheduleTask(deadline: deadline) { [weak link] in link?.alarmRang() }
    }

    func dial(for link: Link, attempt: UInt64) {
        let (number, server, previous) = link.dialing
        guard let endpoint = self.endpoint(number, server: server) else { return }
        switch self.credentials?.source {
        case nil:
            self.dial(endpoint, for: link, attempt: attempt, credentials: endpoint.credentials)
        case .value(let value):
            self.dial(endpoint, for: link, attempt: attempt, credentials: ConnectCredentials(value))
        case .provider(let provider):
            Task {
                do {
                    let value = try await provider(previous.map { MQTTError($0) })
                    self.dial(endpoint, for: link, attempt: attempt, credentials: ConnectCredentials(value))
                } catch {
                    var failure = EngineFailure(.credentialsUnavailable, "the credentials could not be had: \(error)")
                    failure.cause = EngineFailure.Cause(error)
                    link.openFailed(failure, attempt: attempt)
                }
            }
        }
    }

    private func dial(_ endpoint: Endpoint, for link: Link, attempt: UInt64, credentials: ConnectCredentials?) {
        let channel = Dialer().dial(endpoint, on: self.eventLoop, timeout: self.timeout) { channel, buffers in
            let handler = link.makeHandler(attempt: attempt, readBuffers: buffers)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        channel.whenComplete { result in
            switch result {
            case .success(let channel):
                link.opened(channel, credentials: credentials, attempt: attempt)
            case .failure(let error):
                var failure = EngineFailure(.transportFailed, "\(error)")
                failure.cause = EngineFailure.Cause(error)
                link.openFailed(failure, attempt: attempt)
            }
        }
    }
}

extension ConnectCredentials {
    init(_ value: Credentials.Value) { self.init(username: value.username, password: value.password) }
}

extension Endpoint {
    /// What the URL of the endpoint names.
    fileprivate var credentials: ConnectCredentials? {
        self.userInfo.map { info in
            ConnectCredentials(username: info.value.user, password: info.value.password.map { ByteBuffer(string: $0) })
        }
    }
}
