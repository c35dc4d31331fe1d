// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Where the payload of `pub` comes from.
enum PayloadSource: Sendable, Equatable {
    case text(String)
    case file(String)
    case standardInput
    /// Every line of standard input is a message.
    case lines
    case empty
}
