// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import Testing

@testable import mqttctl

@Suite struct FailureTests {
    private static let endpoint = Endpoint.tcp("broker", port: 1883)

    @Test(
        arguments: [
            (.connectRefused, .badUserNameOrPassword, .refused, .connack),
            (.connectRefused, .notAuthorized, .refused, .connack),
            (.connectRefused, .banned, .refused, .connack),
            (.connectRefused, .clientIdentifierNotValid, .refused, .connack),
            (.connectRefused, .unsupportedProtocolVersion, .protocolError, .connack),
            (.connectRefused, .serverUnavailable, .tryLater, .connack),
            (.connectRefused, .serverBusy, .tryLater, .connack),
            (.connectRefused, .quotaExceeded, .tryLater, .connack),
            (.connectRefused, .connectionRateExceeded, .tryLater, .connack),
            (.disconnectedByServer, .serverShuttingDown, .tryLater, .session),
            (.disconnectedByServer, .sessionTakenOver, .unreachable, .session),
            (.disconnectedByServer, .notAuthorized, .refused, .session),
            (.subscriptionRefused, .notAuthorized, .refused, .subscribe),
            (.subscriptionRefused, .quotaExceeded, .tryLater, .subscribe),
            (.publishRefused, .notAuthorized, .refused, .publish),
            (.publishRefused, .unspecifiedError, .refused, .publish),
            (.notSupportedByServer, .qosNotSupported, .refused, .publish),
            (.packetTooLarge, .packetTooLarge, .badData, .publish),
            (.protocolViolation, nil, .protocolError, .session),
            (.connectionLost, nil, .unreachable, .session),
            (.timedOut, nil, .unreachable, .connack),
            (.invalidArgument, nil, .usage, .arguments),
            (.invalidTopic, nil, .usage, .arguments),
            (.alreadyIterating, nil, .unexpected, .session),
        ] as [(MQTTError.Code, ReasonCode?, ExitClass, Failure.Stage)]
    )
    func `an error has one exit status`(
        code: MQTTError.Code,
        reason: ReasonCode?,
        status: ExitClass,
        stage: Failure.Stage
    ) {
        let failure = Failure(MQTTError(code, "words", reason: reason), to: Self.endpoint)
        #expect(failure.status == status)
        #expect(failure.stage == stage)
        #expect(failure.reason == reason)
        #expect(failure.message == "Words.")
    }

    @Test func `the broker's own words are passed on`() {
        let error = MQTTError(
            .publishRefused,
            "the server refused the message: Not authorized (0x87)",
            reason: .notAuthorized,
            properties: [.reasonString("no\u{1B}pe"), .serverReference("other:1883")]
        )
        #expect(
            Failure(error, to: Self.endpoint).message
                == "The server refused the message: Not authorized (0x87); the broker says: \"no\\u{1B}pe\"; "
                + "it names another: \"other:1883\"."
        )
    }

    @Test func `another version is named where the broker does not speak this one`() {
        let error = MQTTError(.connectRefused, "refused", reason: .unsupportedProtocolVersion)
        #expect(Failure(error, to: Self.endpoint).text.contains("-V 311"))
    }

    @Test func `the error for scripts is one line of JSON`() {
        let failure = Failure(.refused, .connack, "No.", advice: "Ask.", reason: .notAuthorized)
        #expect(failure.json == #"{"error":"No. Ask.","reason":135,"stage":"connack","exit":77}"#)
        #expect(
            Failure(.timedOut, .wait, "Timed out.").json == #"{"error":"Timed out.","stage":"wait","exit":27}"#
        )
    }
}
