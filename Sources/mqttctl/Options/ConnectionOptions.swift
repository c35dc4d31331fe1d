// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// The options of every command that connects.
struct ConnectionOptions: ParsableArguments {
    @OptionGroup(title: "Broker") var server: ServerOptions
    @OptionGroup(title: "WebSocket") var webSocket: WebSocketOptions
    @OptionGroup(title: "Way") var route: RouteOptions
    @OptionGroup(title: "User") var credentials: CredentialOptions
    @OptionGroup(title: "Session") var session: SessionOptions
    @OptionGroup(title: "TLS") var tls: TLSOptions
    @OptionGroup(title: "Will") var will: WillOptions
    @OptionGroup(title: "Running") var running: RunOptions

    func validate() throws {
        if self.version != .v5, self.session.sessionExpiryInterval != nil {
            throw ValidationError("-x needs MQTT 5; before it, -c keeps a session for as long as the broker likes.")
        }
        let hasUser = self.credentials.username != nil || self.server.url?.endpoint.userInfo != nil
        let hasPassword =
            self.credentials.password != nil || self.credentials.passwordFile != nil
            || self.credentials.passwordEnv != nil
        if self.version != .v5, hasPassword, !hasUser {
            throw ValidationError("A password without a user name (-u) needs MQTT 5.")
        }
        try self.validateEndpoints()
    }

    var version: ProtocolChoice { self.server.protocolVersion ?? .v5 }

    /// What all versions have in common.
    func configuration<Version: MQTTVersion>(
        _ version: Version.Type,
        credentials: Credentials?
    ) -> MQTTClient<Version>.Configuration {
        var configuration = MQTTClient<Version>.Configuration()
        configuration.clientID = self.session.clientID
        configuration.keepAlive = .seconds(Int64(self.session.keepalive))
        configuration.will = self.will.will
        configuration.credentials = credentials
        // Standard error is for what a person wants to know.
        configuration.switchLoggingOff()
        // All of them, and each with its own reason, within the 10 seconds that pub bears.
        let patience = Duration.seconds(max(2, 9 / (1 + self.server.failover.count)))
        configuration.connectTimeout = patience
        configuration.handshakeTimeout = patience
        configuration.offline.publishAtMostOnce = .wait
        configuration.retriesFirstAttempt = !self.running.noReconnect
        configuration.reconnect = ReconnectPolicy(
            isEnabled: !self.running.noReconnect,
            initialDelay: .milliseconds(500),
            maximumDelay: .seconds(10)
        )
        return configuration
    }
}
