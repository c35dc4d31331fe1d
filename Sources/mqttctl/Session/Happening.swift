// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import UnixSignals

/// What may end a run, or is worth a line while it lasts.
enum Happening: Sendable {
    case event(MQTTEvent)
    case signal(UnixSignal)
    /// `-W` ran out.
    case timeout
    /// An outage has lasted as long as the job bears it; outages are counted.
    case outageOver(Int)
    case finished
    case failed(Failure)
    /// The client could not do what the job wants.
    case refused(MQTTError)
}

/// How a run ended.
enum Ending: Sendable, Equatable {
    case done
    case failed(Failure)
    case interrupted(UnixSignal)
}
