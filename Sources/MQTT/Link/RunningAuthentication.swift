// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore

/// The user's exchange of enhanced authentication, between its steps and while one of them runs.
struct RunningAuthentication {
    /// The user's code; nil while a step of it runs.
    var exchange: HeldExchange?
    /// What CONNECT is to carry, from before the link was opened.
    var opening = Properties()
    /// The latest step; nil before CONNECT.
    var number: StepNumber?
    /// What runs the step.
    var task: Task<Void, Never>?
}

/// The user's exchange while none of its code runs.
///
/// Of a known size, unlike the existential in it: the link's state is passed around a lot.
final class HeldExchange: Sendable {
    let exchange: any AuthenticationExchange

    init(_ exchange: any AuthenticationExchange) { self.exchange = exchange }
}

/// A step of the user's exchange, and where it was before.
struct PendingStep {
    var step: AuthenticationStep
    var number: StepNumber
    var exchange: HeldExchange?
    var channel: any Channel
}

/// How a step of the user's exchange ended.
enum StepOutcome: Sendable {
    case answered(AuthenticationMessage, HeldExchange)
    case finished
    case failed(any Error)
}
