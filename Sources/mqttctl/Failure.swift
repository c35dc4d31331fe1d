// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// Why the program did not do what it was asked to, for a person and for a script.
struct Failure: Error, Equatable {
    /// What was going on; a closed set, it is part of the machine-readable error.
    enum Stage: String, CaseIterable, Sendable {
        case arguments, input, output, resolve, connect, proxy, tls, websocket
        case connack, session, subscribe, publish, wait, listen
    }

    /// The exit status.
    var status: ExitClass
    /// What was going on.
    var stage: Stage
    /// What went wrong: sentences.
    var message: String
    /// What to try next: sentences, or nothing.
    var advice: String
    /// The reason code of the broker, where it gave one.
    var reason: ReasonCode?

    init(
        _ status: ExitClass,
        _ stage: Stage,
        _ message: String,
        advice: String = "",
        reason: ReasonCode? = nil
    ) {
        self.status = status
        self.stage = stage
        self.message = message
        self.advice = advice
        self.reason = reason
    }

    /// The message and what to try, for standard error.
    var text: String { self.advice.isEmpty ? self.message : "\(self.message) \(self.advice)" }

    /// The error as an object of one line, for `--format jsonl`.
    var json: String {
        var line = JSONLine()
        line.add("error", self.text)
        if let reason { line.add("reason", Int(reason.rawValue)) }
        line.add("stage", self.stage.rawValue)
        line.add("exit", Int(self.status.rawValue))
        return line.text
    }
}
