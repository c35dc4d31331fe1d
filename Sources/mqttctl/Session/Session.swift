// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTransport
import UnixSignals

/// One run of a command: a client, its job, and whatever may end it; the last thing the client says is DISCONNECT.
struct Session<Version: MQTTVersion> {
    let client: MQTTClient<Version>
    let endpoints: [Endpoint]
    let job: any SessionJob
    let options: RunOptions

    /// Runs until something ends it.
    func run() async -> Ending {
        let (happenings, sink) = AsyncStream.makeStream(of: Happening.self)
        let tasks = await self.start(sink)
        var progress = Progress(endpoints: self.endpoints, longestOutage: self.job.longestOutage)
        if let limit = self.job.longestOutage { Self.later(.outageOver(0), after: limit, sink) }
        for warning in Set(self.endpoints.flatMap(\.warnings)).sorted() {
            self.say(Progress.Notice(text: "warning: \(warning)", isDebug: true))
        }
        var ending = Ending.done
        for await happening in happenings {
            let step = progress.handle(happening)
            for notice in step.notices { self.say(notice) }
            if let outage = step.outage, let limit = self.job.longestOutage {
                Self.later(.outageOver(outage), after: limit, sink)
            }
            if let end = step.ending {
                ending = end
                break
            }
        }
        // From here on a signal ends the program at once.
        sink.finish()
        for task in tasks.dropFirst() { task.cancel() }
        await self.client.disconnect()
        return ending
    }

    private func start(_ sink: AsyncStream<Happening>.Continuation) async -> [Task<Void, Never>] {
        let client = self.client
        let job = self.job
        let events = client.events
        let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm])
        if let timeout = self.options.timeout { Self.later(.timeout, after: .seconds(timeout), sink) }
        return [
            // The first: it outlives the others.
            Task {
                for await signal in signals {
                    // The second one is meant.
                    if case .terminated = sink.yield(.signal(signal)) { POSIX.exit(128 + signal.rawValue) }
                }
            },
            Task { for await event in events { sink.yield(.event(event)) } },
            Task {
                do {
                    try await job.run(on: client)
                    sink.yield(.finished)
                } catch let failure as Failure {
                    sink.yield(.failed(failure))
                } catch let error as MQTTError {
                    sink.yield(.refused(error))
                } catch {
                    sink.yield(.failed(Failure(.unexpected, .session, "\(error)")))
                }
            },
        ]
    }

    /// Nobody waits for it.
    private static func later(
        _ happening: Happening,
        after wait: Duration,
        _ sink: AsyncStream<Happening>.Continuation
    ) {
        Task {
            try? await Task.sleep(for: wait)
            sink.yield(happening)
        }
    }

    private func say(_ notice: Progress.Notice) {
        guard notice.isDebug ? self.options.debug : !self.options.quiet || self.options.debug else { return }
        OutputFile.standardError.writeLine("mqttctl: \(notice.text)")
    }
}
