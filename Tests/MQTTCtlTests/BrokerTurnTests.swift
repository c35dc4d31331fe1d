// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import Testing

@testable import mqttctl

/// Several brokers: which one failed, and when that is the end.
@Suite struct BrokerTurnTests {
    private static let brokers = ["a", "b", "c"].map { Endpoint.tcp($0) }
    private static let refused = MQTTError(
        .transportFailed,
        "…",
        cause: TransportError(.connectionRefused, "Nobody listens.")
    )
    private static let unauthorized = MQTTError(.connectRefused, "no", reason: .notAuthorized)

    private static func failure(_ step: Progress.Step) -> Failure? {
        guard case .failed(let failure)? = step.ending else { return nil }
        return failure
    }

    @Test func `each has its turn, round and round`() {
        var turns = BrokerTurns(Self.brokers)
        let failed = (0..<5).map { _ in turns.failed().host }
        #expect(failed == ["a", "b", "c", "a", "b"])
        #expect(turns.isWithinRound)
    }

    @Test func `the one that was lost comes last`() {
        var turns = BrokerTurns(Self.brokers)
        _ = turns.failed()
        turns.connected(to: Self.brokers[1])
        #expect(turns.failed().host == "b")
        #expect(!turns.isWithinRound)
        let failed = (0..<4).map { _ in turns.failed().host }
        #expect(failed == ["a", "c", "b", "a"])
    }

    @Test func `a refusal of one broker is no end while another has not had its turn`() throws {
        var progress = Progress(endpoints: Array(Self.brokers[..<2]), longestOutage: nil)
        let first = progress.handle(.event(.disconnected(Self.unauthorized)))
        #expect(first.ending == nil)
        #expect(first.notices == [.init(text: "mqtt://a:1883: No. Trying mqtt://b:1883.", isDebug: true)])
        _ = progress.handle(.event(.reconnecting(attempt: 1, after: .zero)))
        let failure = try #require(Self.failure(progress.handle(.event(.disconnected(Self.unauthorized)))))
        #expect(failure.status == .refused)
        #expect(failure.message == "mqtt://b:1883: No.")
    }

    @Test(arguments: [[Self.refused, Self.unauthorized], [Self.unauthorized, Self.refused]])
    func `a round in which one may pass is followed by another`(errors: [MQTTError]) {
        var progress = Progress(endpoints: Array(Self.brokers[..<2]), longestOutage: nil)
        for error in errors {
            #expect(progress.handle(.event(.disconnected(error))).ending == nil)
        }
        let step = progress.handle(.event(.reconnecting(attempt: 2, after: .seconds(1))))
        #expect(step.notices.first?.text.hasSuffix("Trying again until it works.") == true)
    }

    @Test func `nothing is said of an outage while brokers are left to try`() {
        var progress = Progress(endpoints: Self.brokers, longestOutage: nil)
        let step = progress.handle(.event(.disconnected(Self.refused)))
        #expect(step.notices.map(\.isDebug) == [true])
        let next = progress.handle(.event(.reconnecting(attempt: 1, after: .zero)))
        #expect(next.notices.map(\.isDebug) == [true])
    }

    @Test func `the client's last word is of the broker whose it is, heard before the event or after`() throws {
        var early = Progress(endpoints: Self.brokers, longestOutage: nil)
        #expect(Self.failure(early.handle(.refused(Self.unauthorized)))?.message == "mqtt://c:1883: No.")
        var late = Progress(endpoints: Self.brokers, longestOutage: nil)
        _ = late.handle(.event(.disconnected(Self.refused)))
        _ = late.handle(.event(.disconnected(Self.unauthorized)))
        #expect(Self.failure(late.handle(.refused(Self.unauthorized)))?.message == "mqtt://b:1883: No.")
    }

    @Test func `a single broker is not named before its words`() throws {
        var progress = Progress(endpoints: [Self.brokers[0]], longestOutage: nil)
        let failure = try #require(Self.failure(progress.handle(.event(.disconnected(Self.unauthorized)))))
        #expect(failure.message == "No.")
    }
}
