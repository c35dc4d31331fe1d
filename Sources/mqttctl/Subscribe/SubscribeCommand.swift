// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// `mqttctl sub`.
struct SubscribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sub",
        abstract: "Prints the messages of topics.",
        discussion:
            "Ends with Ctrl-C, -C, -E or -W; connects again for as long as it takes, unless --no-reconnect says not to."
    )

    @Option(name: .shortAndLong, parsing: .unconditionalSingleValue, help: "A topic filter; may be repeated.")
    var topic: [String] = []

    @Option(
        name: [.customShort("T"), .long],
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Print nothing of these topics; may be repeated.", valueName: "filter")
    )
    var filterOut: [String] = []

    @Option(
        name: .shortAndLong,
        help: "The highest QoS to get messages with: 0, 1 or 2 (default: 0).",
        transform: QoSArgument.parse
    )
    var qos: QoS = .atMostOnce

    @Option(name: [.customShort("C"), .long], help: "End after so many messages.")
    var count: Int?

    @Flag(name: .shortAndLong, help: "Print the topic and a space before each message.")
    var verbose = false

    @Flag(name: [.customShort("R"), .customLong("no-retained")], help: "Print no retained messages.")
    var noRetained = false

    @Flag(
        name: [.customShort("E"), .customLong("exit-when-subscribed")],
        help: "End when the broker has accepted the filters."
    )
    var exitWhenSubscribed = false

    @Flag(name: [.customShort("N"), .customLong("no-newline")], help: "Print no newline behind a message.")
    var noNewline = false

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard !self.filters.isEmpty else {
            throw ValidationError("There is no topic: give one with -t, or in the URL (-L).")
        }
        for filter in self.filters + self.filterOut { try TopicArgument.check(filter: filter) }
        if let count, count < 1 { throw ValidationError("-C is at least 1.") }
    }

    func run() async throws {
        let format = self.connection.running.format
        let job = SubscribeJob(
            filters: self.filters,
            excluded: self.filterOut.compactMap { try? TopicFilter($0) },
            qos: self.qos,
            limit: self.count,
            skipsRetained: self.noRetained,
            endsWhenSubscribed: self.exitWhenSubscribed,
            keepsSession: self.connection.session.disableCleanSession,
            announces: self.connection.running.debug,
            formatter: MessageFormatter(
                format: format,
                showsTopic: self.verbose,
                endsLines: !self.noNewline,
                isTerminal: OutputFile.standardOutput.isTerminal
            )
        )
        await self.connection.perform(job)
    }

    private var filters: [String] {
        if let topic = self.connection.server.url?.topic { return self.topic + [topic] }
        return self.topic
    }
}
