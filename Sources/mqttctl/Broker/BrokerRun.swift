// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTBroker
import UnixSignals

/// A broker that runs, and tells on standard output what happens.
struct BrokerRun {
    private enum Happening: Sendable {
        case event(BrokerEvent)
        case signal(UnixSignal)
    }

    let broker: Broker
    let isQuiet: Bool

    /// Runs until a signal comes, or nobody reads what it tells.
    func run(until signals: UnixSignalsSequence) async -> ExitClass {
        let (happenings, sink) = AsyncStream.makeStream(of: Happening.self, bufferingPolicy: .bufferingNewest(10_000))
        let events = self.broker.events
        let isQuiet = self.isQuiet
        let signalled = Task {
            for await signal in signals {
                // The second one is meant.
                if case .terminated = sink.yield(.signal(signal)) { POSIX.exit(128 + signal.rawValue) }
            }
        }
        let told = Task { for await event in events where !isQuiet { sink.yield(.event(event)) } }
        var status = ExitClass.success
        do throws(Failure) {
            for listener in self.broker.listeners { try await self.say("listening at \(listener)") }
            for await happening in happenings {
                guard case .event(let event) = happening else { break }
                try await self.say("\(event)")
            }
        } catch {
            if !error.text.isEmpty { OutputFile.standardError.writeLine("mqttctl: \(error.text)") }
            status = error.status
        }
        sink.finish()
        told.cancel()
        await self.broker.stop()
        signalled.cancel()
        return status
    }

    private func say(_ words: String) async throws(Failure) {
        guard !self.isQuiet else { return }
        try await OutputFile.standardOutput.write(Self.line(words, at: .now()))
    }

    /// A line of the log; whoever chose the words in it cannot make it look like two, or control a terminal.
    static func line(_ words: String, at time: Timestamp) -> [UInt8] {
        var line = Array("\(time.description.prefix(23))Z ".utf8)
        TerminalText.append(words, to: &line)
        line.append(UInt8(ascii: "\n"))
        return line
    }
}
