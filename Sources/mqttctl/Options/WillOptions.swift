// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// What the broker publishes when this client goes away without a word.
struct WillOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The topic of the will.", valueName: "topic"))
    var willTopic: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The message of the will (default: empty).", valueName: "message")
    )
    var willPayload: String?

    @Option(help: ArgumentHelp("The QoS of the will.", valueName: "qos"), transform: QoSArgument.parse)
    var willQos: QoS?

    @Flag(help: "The broker keeps the will as the retained message of its topic.")
    var willRetain = false

    func validate() throws {
        guard let willTopic else {
            if self.willPayload != nil || self.willQos != nil || self.willRetain {
                throw ValidationError("A will needs a topic: --will-topic.")
            }
            return
        }
        try TopicArgument.check(topic: willTopic)
    }

    var will: Will? {
        self.willTopic.map { topic in
            Will(
                topic: topic,
                payload: ByteBuffer(string: self.willPayload ?? ""),
                qos: self.willQos ?? .atMostOnce,
                retain: self.willRetain
            )
        }
    }
}
