// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// One control packet of any version (MQTT 5.0, 2.1.2).
package enum Packet: Hashable, Sendable {
    indirect case connect(Connect)
    indirect case connAck(ConnAck)
    case publish(Publish)
    case pubAck(Acknowledgement)
    case pubRec(Acknowledgement)
    case pubRel(Acknowledgement)
    case pubComp(Acknowledgement)
    case subscribe(Subscribe)
    case subAck(SubAck)
    case unsubscribe(Unsubscribe)
    case unsubAck(UnsubAck)
    case pingRequest
    case pingResponse
    case disconnect(Disconnect)
    case auth(Auth)
}
