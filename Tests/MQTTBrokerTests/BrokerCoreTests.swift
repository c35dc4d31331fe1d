// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MQTTBroker

@Suite struct BrokerCoreTests {
    @Test func `a broker begins without a deadline`() { #expect(BrokerCore().nextDeadline == nil) }
}
