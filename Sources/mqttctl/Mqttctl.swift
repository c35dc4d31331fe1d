// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The program.
@main
struct Mqttctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mqttctl",
        abstract: "Publishes and subscribes over MQTT 5.0, 3.1.1 and 3.1, and is a broker to try it with.",
        discussion: """
            Options mean what they mean to mosquitto_pub and mosquitto_sub. Messages go to standard output and everything \
            else to standard error; the exit status says what happened (docs/MQTTCTL.md).
            """,
        version: "mqttctl 0.1.0",
        subcommands: [PublishCommand.self, SubscribeCommand.self, BrokerCommand.self],
        // -h is the host.
        helpNames: .long
    )

    static func main() async {
        do {
            var command = try Self.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Self.exit(withError: error)
        }
    }
}
