// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Why a broker, a certificate or a proxy of the tests could not be had.
package struct FixtureError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
