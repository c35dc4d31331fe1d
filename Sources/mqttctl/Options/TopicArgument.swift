// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// Topics and filters of the command line, refused before anything is sent.
enum TopicArgument {
    static func check(topic: String) throws {
        do { try TopicName.check(topic) } catch { throw ValidationError(error.message) }
    }

    static func check(filter: String) throws {
        do { _ = try TopicFilter(filter) } catch { throw ValidationError(error.message) }
    }
}
