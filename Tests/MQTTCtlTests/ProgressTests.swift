// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import Testing
import UnixSignals

@testable import mqttctl

@Suite struct ProgressTests {
    private static let refused = MQTTError(
        .transportFailed,
        "…",
        cause: TransportError(.connectionRefused, "Nobody listens.")
    )
    private static let lost = MQTTError(.connectionLost, "the connection was closed by the other side")

    private static func progress(longestOutage: Duration? = nil) -> Progress {
        Progress(endpoints: [.tcp("broker", port: 1883)], longestOutage: longestOutage)
    }

    private static func failure(_ step: Progress.Step) -> Failure? {
        guard case .failed(let failure)? = step.ending else { return nil }
        return failure
    }

    @Test func `a broker that cannot be reached is told of once, and with how long it is tried`() {
        var progress = Self.progress(longestOutage: .seconds(10))
        #expect(progress.handle(.event(.disconnected(Self.refused))) == Progress.Step())
        let first = progress.handle(.event(.reconnecting(attempt: 1, after: .milliseconds(1_240))))
        #expect(
            first.notices == [
                .init(text: "Nobody listens. Trying again for 10 s."), .init(text: "attempt 1 in 1.2 s", isDebug: true),
            ]
        )
        _ = progress.handle(.event(.disconnected(Self.refused)))
        let second = progress.handle(.event(.reconnecting(attempt: 2, after: .seconds(2))))
        #expect(second.notices == [.init(text: "attempt 2 in 2.0 s", isDebug: true)])
    }

    @Test func `an outage that lasts too long ends with the last reason`() throws {
        var progress = Self.progress(longestOutage: .seconds(10))
        _ = progress.handle(.event(.disconnected(Self.refused)))
        let failure = try #require(Self.failure(progress.handle(.outageOver(0))))
        #expect(failure.status == .unreachable)
        #expect(failure.message == "Nobody listens. Gave up after 10 s.")
    }

    @Test func `without any reason yet there is still no connection`() throws {
        var progress = Self.progress(longestOutage: .seconds(10))
        #expect(try #require(Self.failure(progress.handle(.outageOver(0)))).status == .unreachable)
    }

    @Test(arguments: [
        MQTTError(.connectRefused, "no", reason: .notAuthorized),
        MQTTError(.protocolViolation, "no CONNACK"),
        MQTTError(.transportFailed, "…", cause: TransportError(.tlsConfiguration, "No such file.")),
        MQTTError(.transportFailed, "…", cause: TransportError(.certificateRejected, "Unknown authority.")),
    ])
    func `what does not pass by itself ends the first attempt`(error: MQTTError) {
        var progress = Self.progress()
        #expect(Self.failure(progress.handle(.event(.disconnected(error)))) != nil)
    }

    @Test func `a connection that was closed by the job is no failure`() {
        var progress = Self.progress()
        #expect(progress.handle(.event(.disconnected(MQTTError(.clientClosed, "closed")))) == Progress.Step())
        #expect(progress.handle(.finished).ending == .done)
    }

    @Test func `time running out is 27 only while waiting, not while there is no connection`() throws {
        var progress = Self.progress()
        _ = progress.handle(.event(.disconnected(Self.refused)))
        #expect(try #require(Self.failure(progress.handle(.timeout))).status == .unreachable)
        var idle = Self.progress()
        #expect(try #require(Self.failure(idle.handle(.timeout))).status == .timedOut)
    }

    @Test func `signals and the job itself end it`() {
        var progress = Self.progress()
        #expect(progress.handle(.signal(.sigint)).ending == .interrupted(.sigint))
        #expect(progress.handle(.finished).ending == .done)
        let failure = Failure(.refused, .publish, "No.")
        #expect(progress.handle(.failed(failure)).ending == .failed(failure))
        #expect(Self.failure(progress.handle(.event(.gaveUp(Self.lost))))?.status == .unreachable)
    }
}
