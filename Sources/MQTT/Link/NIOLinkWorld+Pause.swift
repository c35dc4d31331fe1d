// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import NIOCore

extension NIOLinkWorld {
    func wake(_ link: Link, after pause: Duration) {
        _ = self.eventLoop.scheduleTask(in: .nanoseconds(pause.clampedNanoseconds)) { link.flush() }
    }
}
