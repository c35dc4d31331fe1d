// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

extension TestPacket {
    /// Makes the packet of the wire's.
    init(_ packet: Packet) {
        switch packet {
        case .connect(let packet): self = .connect(Connect(packet))
        case .publish(let packet): self = .publish(Publish(packet))
        case .subscribe(let packet): self = .subscribe(Subscribe(packet))
        case .connAck(let packet):
            self = .connAck(
                sessionPresent: packet.sessionPresent,
                reason: packet.reason,
                properties: packet.properties
            )
        case .pubAck(let body):
            self = .pubAck(packetID: body.packetID.rawValue, reason: body.reason, properties: body.properties)
        case .pubRec(let body):
            self = .pubRec(packetID: body.packetID.rawValue, reason: body.reason, properties: body.properties)
        case .pubRel(let body):
            self = .pubRel(packetID: body.packetID.rawValue, reason: body.reason, properties: body.properties)
        case .pubComp(let body):
            self = .pubComp(packetID: body.packetID.rawValue, reason: body.reason, properties: body.properties)
        case .subAck(let body):
            self = .subAck(packetID: body.packetID.rawValue, reasons: body.reasons, properties: body.properties)
        case .unsubscribe(let body):
            self = .unsubscribe(packetID: body.packetID.rawValue, filters: body.filters, properties: body.properties)
        case .unsubAck(let body):
            self = .unsubAck(packetID: body.packetID.rawValue, reasons: body.reasons, properties: body.properties)
        case .pingRequest: self = .pingRequest
        case .pingResponse: self = .pingResponse
        case .disconnect(let body): self = .disconnect(reason: body.reason, properties: body.properties)
        case .auth(let body): self = .auth(reason: body.reason, properties: body.properties)
        }
    }

    /// The packet for the wire.
    ///
    /// - Throws: ``EncodingError`` for a packet identifier of 0.
    func packet() throws(EncodingError) -> Packet {
        switch self {
        case .connect(let body): .connect(body.packet)
        case .publish(let body): .publish(try body.packet())
        case .subscribe(let body): .subscribe(try body.packet())
        case .connAck(let present, let reason, let properties):
            .connAck(ConnAck(sessionPresent: present, reason: reason, properties: properties))
        case .pubAck(let id, let reason, let properties):
            .pubAck(Acknowledgement(packetID: try id.packetID(), reason: reason, properties: properties))
        case .pubRec(let id, let reason, let properties):
            .pubRec(Acknowledgement(packetID: try id.packetID(), reason: reason, properties: properties))
        case .pubRel(let id, let reason, let properties):
            .pubRel(Acknowledgement(packetID: try id.packetID(), reason: reason, properties: properties))
        case .pubComp(let id, let reason, let properties):
            .pubComp(Acknowledgement(packetID: try id.packetID(), reason: reason, properties: properties))
        case .subAck(let id, let reasons, let properties):
            .subAck(SubAck(packetID: try id.packetID(), reasons: reasons, properties: properties))
        case .unsubscribe(let id, let filters, let properties):
            .unsubscribe(Unsubscribe(packetID: try id.packetID(), filters: filters, properties: properties))
        case .unsubAck(let id, let reasons, let properties):
            .unsubAck(UnsubAck(packetID: try id.packetID(), reasons: reasons, properties: properties))
        case .pingRequest: .pingRequest
        case .pingResponse: .pingResponse
        case .disconnect(let reason, let properties): .disconnect(Disconnect(reason: reason, properties: properties))
        case .auth(let reason, let properties): .auth(Auth(reason: reason, properties: properties))
        }
    }
}

extension UInt16 {
    fileprivate func packetID() throws(EncodingError) -> PacketID {
        guard let id = PacketID(self) else { throw EncodingError(.invalidField, "A packet identifier is never 0") }
        return id
    }
}

extension TestPacket.Connect {
    fileprivate init(_ packet: MQTTWire.Connect) {
        self.init(
            clientID: packet.clientID,
            cleanStart: packet.cleanStart,
            keepAlive: packet.keepAlive,
            will: packet.will,
            username: packet.username,
            password: packet.password,
            properties: packet.properties
        )
        self.willProperties = packet.will?.properties ?? []
        self.will?.properties = []
    }

    fileprivate var packet: MQTTWire.Connect {
        var will = self.will
        will?.properties = self.willProperties
        return MQTTWire.Connect(
            clientID: self.clientID,
            cleanStart: self.cleanStart,
            keepAlive: self.keepAlive,
            will: will,
            username: self.username,
            password: self.password,
            properties: self.properties
        )
    }
}

extension TestPacket.Publish {
    fileprivate init(_ packet: MQTTWire.Publish) {
        self.init(
            to: packet.topic,
            payload: packet.payload,
            qos: packet.qos,
            retain: packet.retain,
            duplicate: packet.duplicate,
            packetID: packet.packetID?.rawValue,
            properties: packet.properties
        )
    }

    fileprivate func packet() throws(EncodingError) -> MQTTWire.Publish {
        guard (self.packetID == nil) == (self.qos == .atMostOnce) else {
            throw EncodingError(.invalidField, "A PUBLISH has a packet identifier exactly at QoS 1 and 2")
        }
        return MQTTWire.Publish(
            topic: self.topic,
            payload: self.payload,
            qos: self.qos,
            retain: self.retain,
            duplicate: self.duplicate,
            packetID: try self.packetID?.packetID(),
            properties: self.properties
        )
    }
}

extension TestPacket.Subscribe {
    fileprivate init(_ packet: MQTTWire.Subscribe) {
        let filters = packet.entries.map { entry in
            TestPacket.Filter(
                entry.filter,
                qos: entry.options.qos,
                noLocal: entry.options.noLocal,
                retainAsPublished: entry.options.retainAsPublished,
                retainHandling: entry.options.retainHandling
            )
        }
        self.init(packetID: packet.packetID.rawValue, to: filters, properties: packet.properties)
    }

    fileprivate func packet() throws(EncodingError) -> MQTTWire.Subscribe {
        let entries = self.filters.map { filter in
            let options = SubscriptionOptions(
                qos: filter.qos,
                noLocal: filter.noLocal,
                retainAsPublished: filter.retainAsPublished,
                retainHandling: filter.retainHandling
            )
            return MQTTWire.Subscribe.Entry(filter: filter.filter, options: options)
        }
        return MQTTWire.Subscribe(packetID: try self.packetID.packetID(), entries: entries, properties: self.properties)
    }
}
