// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The user name and password of one CONNECT.
package struct ConnectCredentials: Hashable, Sendable {
    package var username: String?
    package var password: ByteBuffer?

    package init(username: String?, password: ByteBuffer?) {
        self.username = username
        self.password = password
    }
}
