// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTTBroker
import MQTTTransport
import UnixSignals

/// `mqttctl broker`.
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Is a broker, for trying out and for tests.",
        discussion: """
            It keeps everything in memory and asks nobody for a password. Production belongs on Mosquitto, EMQX, HiveMQ, \
            RabbitMQ and their like. Ends with Ctrl-C.
            """
    )

    @Option(help: "The address to listen at; with another than 127.0.0.1 other machines can connect.")
    var host = "127.0.0.1"

    @Option(name: .shortAndLong, help: "The port; 0 takes a free one.")
    var port = 1883

    @Option(help: ArgumentHelp("A port for TLS, too; needs --cert and --key.", valueName: "port"))
    var tlsPort: Int?

    @Option(
        help: ArgumentHelp("The broker's certificate, PEM, with those between it and its authority.", valueName: "file")
    )
    var cert: String?

    @Option(help: ArgumentHelp("The key of the certificate, PEM, not encrypted.", valueName: "file"))
    var key: String?

    @Option(help: ArgumentHelp("A port for WebSocket, too, at the path /mqtt.", valueName: "port"))
    var websocketPort: Int?

    @Option(help: ArgumentHelp("A Unix socket, too.", valueName: "path"))
    var unix: String?

    @Flag(help: "Say nothing but why it failed.")
    var quiet = false

    func validate() throws {
        for port in [self.port, self.tlsPort, self.websocketPort].compactMap({ $0 }) {
            guard (0...65_535).contains(port) else { throw ValidationError("A port is a number up to 65535.") }
        }
        guard !self.host.isEmpty else { throw ValidationError("--host is an address, such as 127.0.0.1.") }
        guard (self.cert == nil) == (self.key == nil) else { throw ValidationError("--cert and --key go together.") }
        guard (self.tlsPort == nil) == (self.cert == nil) else {
            throw ValidationError("TLS needs --tls-port, --cert and --key.")
        }
    }

    /// Where it listens.
    var listeners: [BrokerListener] {
        var listeners: [BrokerListener] = [.tcp(host: self.host, port: self.port)]
        if let tlsPort, let cert, let key {
            listeners.append(.tls(host: self.host, port: tlsPort, .files(certificate: cert, key: key)))
        }
        if let websocketPort { listeners.append(.webSocket(host: self.host, port: websocketPort)) }
        if let unix { listeners.append(.unix(unix)) }
        return listeners
    }

    func run() async throws {
        POSIX.ignoreBrokenPipes()
        let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm])
        let broker: Broker
        do {
            broker = try await Broker.start(BrokerConfiguration(listeners: self.listeners))
        } catch {
            let failure = Failure(error)
            OutputFile.standardError.writeLine("mqttctl: \(failure.text)")
            POSIX.exit(failure.status.rawValue)
        }
        if !self.quiet, !["127.0.0.1", "::1", "localhost"].contains(self.host) {
            let warning = "other machines can connect, and nobody is asked for a password"
            OutputFile.standardError.writeLine("mqttctl: \(warning)")
        }
        let status = await BrokerRun(broker: broker, isQuiet: self.quiet).run(until: signals)
        POSIX.exit(status.rawValue)
    }
}

extension Failure {
    /// Why no broker can be.
    init(_ error: BrokerError) {
        let status: ExitClass =
            switch error.code {
            case .certificateUnusable: .configuration
            case .notPermitted: .refused
            case .addressInUse, .addressUnavailable: .unreachable
            default: .unexpected
            }
        self.init(status, .listen, error.message)
    }
}
