// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import UnixSignals

extension ConnectionOptions {
    /// Connects, does the job and ends the program with its status.
    func perform(_ job: some SessionJob) async -> Never {
        POSIX.ignoreBrokenPipes()
        if self.credentials.isExposed, !self.running.quiet {
            OutputFile.standardError.writeLine(
                "mqttctl: others on this machine can see a password given with -P; "
                    + "--password-file and --password-env hide it"
            )
        }
        let ending: Ending
        do throws(Failure) {
            let credentials = try await self.credentials.credentials(of: self.server.url?.endpoint)
            ending = await self.run(job, credentials: credentials)
        } catch {
            ending = .failed(error)
        }
        self.end(ending, of: job)
    }

    private func run(_ job: some SessionJob, credentials: Credentials?) async -> Ending {
        switch self.version {
        case .v5:
            var configuration = self.configuration(V5.self, credentials: credentials)
            self.session.apply(to: &configuration)
            return await self.run(job, configuration)
        case .v311:
            var configuration = self.configuration(V311.self, credentials: credentials)
            self.session.apply(to: &configuration)
            return await self.run(job, configuration)
        case .v31:
            var configuration = self.configuration(V31.self, credentials: credentials)
            self.session.apply(to: &configuration)
            return await self.run(job, configuration)
        }
    }

    private func run<Version: MQTTVersion>(
        _ job: some SessionJob,
        _ configuration: MQTTClient<Version>.Configuration
    ) async -> Ending {
        let endpoint = self.endpoint
        let client = MQTTClient<Version>(to: endpoint, configuration: configuration)
        return await Session(client: client, endpoint: endpoint, job: job, options: self.running).run()
    }

    /// Says why it failed, if it did, and ends the program.
    private func end(_ ending: Ending, of job: some SessionJob) -> Never {
        switch ending {
        case .done:
            POSIX.exit(ExitClass.success.rawValue)
        case .interrupted(let signal):
            let status: ExitClass = signal == .sigterm ? .terminated : .interrupted
            POSIX.exit(job.hasEnd ? status.rawValue : ExitClass.success.rawValue)
        case .failed(let failure):
            if !failure.text.isEmpty {
                OutputFile.standardError.writeLine("mqttctl: \(failure.text)")
                if self.running.format == .jsonl { OutputFile.standardError.writeLine(failure.json) }
            }
            POSIX.exit(failure.status.rawValue)
        }
    }
}
