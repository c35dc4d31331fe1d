// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// CONNECT: the client asks for a session (MQTT 5.0, 3.1).
package struct Connect: Hashable, Sendable {
    package var clientID: String
    /// Clean Start in 5.0, Clean Session before.
    package var cleanStart: Bool
    /// Seconds; 0 switches the keep-alive off.
    package var keepAlive: UInt16
    package var will: Will?
    package var username: String?
    package var password: ByteBuffer?
    package var properties: Properties

    package init(
        clientID: String,
        cleanStart: Bool = true,
        keepAlive: UInt16 = 60,
        will: Will? = nil,
        username: String? = nil,
        password: ByteBuffer? = nil,
        properties: Properties = Properties()
    ) {
        self.clientID = clientID
        self.cleanStart = cleanStart
        self.keepAlive = keepAlive
        self.will = will
        self.username = username
        self.password = password
        self.properties = properties
    }
}
