// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import UnixSignals

extension ConnectionOptions {
    /// Connects, does the job and ends the program with its status.
    func perform(_ job: some SessionJob) async -> Never {
        POSIX.ignoreBrokenPipes()
        self.warnOfPasswords()
        let ending: Ending
        do throws(Failure) {
            let credentials = try await self.credentials.credentials(of: self.server.url?.endpoint)
            let endpoints = self.endpoints(keyPassword: try await self.tls.keyPassword.read())
            ending = await self.run(job, to: endpoints, credentials: credentials)
        } catch {
            ending = .failed(error)
        }
        self.end(ending, of: job)
    }

    private func warnOfPasswords() {
        guard !self.running.quiet else { return }
        if self.credentials.isExposed {
            OutputFile.standardError.writeLine(
                "mqttctl: others on this machine can see a password given with -P; "
                    + "--password-file and --password-env hide it"
            )
        }
        if self.route.isExposed {
            OutputFile.standardError.writeLine(
                "mqttctl: others on this machine can see a password given with --proxy; "
                    + "--proxy env and the variable mqtt_proxy hide it"
            )
        }
    }

    private func run(
        _ job: some SessionJob,
        to endpoints: [Endpoint],
        credentials: Credentials?
    ) async -> Ending {
        switch self.version {
        case .v5:
            var configuration = self.configuration(V5.self, credentials: credentials)
            self.session.apply(to: &configuration)
            return await self.run(job, to: endpoints, configuration)
        case .v311:
            var configuration = self.configuration(V311.self, credentials: credentials)
            self.session.apply(to: &configuration)
            return await self.run(job, to: endpoints, configuration)
        case .v31:
            var configuration = self.configuration(V31.self, credentials: credentials)
            self.session.apply(to: &configuration)
            return await self.run(job, to: endpoints, configuration)
        }
    }

    private func run<Version: MQTTVersion>(
        _ job: some SessionJob,
        to endpoints: [Endpoint],
        _ configuration: MQTTClient<Version>.Configuration
    ) async -> Ending {
        let client = MQTTClient<Version>(to: endpoints, configuration: configuration)
        return await Session(client: client, endpoints: endpoints, job: job, options: self.running).run()
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
