// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// `mqttctl pub`.
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pub",
        abstract: "Publishes messages.",
        discussion: "Ends when the broker has taken them; gives up after 10 seconds without a connection."
    )

    @Option(name: .shortAndLong, parsing: .unconditional, help: "The topic.")
    var topic: String?

    @Option(name: .shortAndLong, parsing: .unconditional, help: "The message.")
    var message: String?

    @Option(name: .shortAndLong, help: "A file that is the message.")
    var file: String?

    @Flag(name: [.customShort("l"), .long], help: "Every line of standard input is a message.")
    var stdinLine = false

    @Flag(name: [.customShort("s"), .long], help: "The whole of standard input is the message.")
    var stdinFile = false

    @Flag(name: [.customShort("n"), .long], help: "An empty message; with -r it clears what the broker keeps.")
    var nullMessage = false

    @Option(
        name: .shortAndLong,
        help: "How hard to try: 0 once, 1 at least once, 2 exactly once (default: 0).",
        transform: QoSArgument.parse
    )
    var qos: QoS = .atMostOnce

    @Flag(name: .shortAndLong, help: "The broker keeps the message for later subscribers.")
    var retain = false

    @Option(name: .customLong("repeat"), help: ArgumentHelp("Publish so many times.", valueName: "count"))
    var repetitions: Int = 1

    @Option(help: ArgumentHelp("Seconds between two of them.", valueName: "seconds"))
    var repeatDelay: Double = 0

    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard let topic = self.effectiveTopic else {
            throw ValidationError("There is no topic: give one with -t, or in the URL (-L).")
        }
        try TopicArgument.check(topic: topic)
        guard self.sources.count == 1 else {
            throw ValidationError("Say what to publish, in one way: -m, -f, -l, -s or -n.")
        }
        guard self.repetitions >= 1 else { throw ValidationError("--repeat is at least 1.") }
        guard self.repeatDelay >= 0, self.repeatDelay <= 1e9 else {
            throw ValidationError("--repeat-delay is a number of seconds.")
        }
        if self.stdinLine, self.repetitions > 1 { throw ValidationError("--repeat and -l exclude each other.") }
    }

    func run() async throws {
        let job = PublishJob(
            topic: self.effectiveTopic ?? "",
            source: self.sources.first ?? .empty,
            qos: self.qos,
            retain: self.retain,
            count: self.repetitions,
            delay: .seconds(self.repeatDelay)
        )
        await self.connection.perform(job)
    }

    private var effectiveTopic: String? { self.topic ?? self.connection.server.url?.topic }

    /// All that were given.
    private var sources: [PayloadSource] {
        var sources: [PayloadSource] = []
        if let message { sources.append(.text(message)) }
        if let file { sources.append(.file(file)) }
        if self.stdinLine { sources.append(.lines) }
        if self.stdinFile { sources.append(.standardInput) }
        if self.nullMessage { sources.append(.empty) }
        return sources
    }
}
