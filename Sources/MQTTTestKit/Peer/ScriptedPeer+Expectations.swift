// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTT

extension ScriptedPeer {
    /// Waits for CONNECT and accepts it.
    ///
    /// - Parameters:
    ///   - sessionPresent: Whether the server still has a session.
    ///   - properties: The properties of CONNACK.
    ///   - limit: How long at most.
    ///   - fileID: Where it is expected.
    ///   - line: Where it is expected.
    /// - Returns: What CONNECT said.
    /// - Throws: As ``expect(_:within:fileID:line:)``.
    @discardableResult
    public func acceptConnect(
        sessionPresent: Bool = false,
        properties: Properties = [],
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> TestPacket.Connect {
        let connect = try await self.expectConnect(within: limit, fileID: fileID, line: line)
        let answer = TestPacket.connAck(sessionPresent: sessionPresent, properties: properties)
        try await self.send(answer, fileID: fileID, line: line)
        return connect
    }

    /// Waits for CONNECT.
    ///
    /// - Returns: What it said.
    /// - Throws: As ``expect(_:within:fileID:line:)``.
    public func expectConnect(
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> TestPacket.Connect {
        try await self.expect("CONNECT", within: limit, fileID: fileID, line: line) { packet in
            if case .connect(let connect) = packet { connect } else { nil }
        }
    }

    /// Waits for a PUBLISH, to a topic if one is given.
    ///
    /// - Returns: What it said.
    /// - Throws: As ``expect(_:within:fileID:line:)``.
    public func expectPublish(
        to topic: String? = nil,
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> TestPacket.Publish {
        let what = topic.map { "PUBLISH to \($0)" } ?? "PUBLISH"
        return try await self.expect(what, within: limit, fileID: fileID, line: line) { packet in
            guard case .publish(let publish) = packet, topic.map({ $0 == publish.topic }) ?? true else { return nil }
            return publish
        }
    }

    /// Waits for a SUBSCRIBE, to exactly these filters if any are given, and answers nothing yet.
    ///
    /// - Returns: What it said; ``TestPacket/Subscribe/granted`` and ``TestPacket/Subscribe/refused(_:)`` are answers to it.
    /// - Throws: As ``expect(_:within:fileID:line:)``.
    public func expectSubscribe(
        to filters: String...,
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> TestPacket.Subscribe {
        try await self.expectSubscribe(filters, within: limit, fileID: fileID, line: line)
    }

    private func expectSubscribe(
        _ filters: [String],
        within limit: Duration,
        fileID: String,
        line: UInt
    ) async throws -> TestPacket.Subscribe {
        let what = filters.isEmpty ? "SUBSCRIBE" : "SUBSCRIBE to \(filters.joined(separator: ", "))"
        return try await self.expect(what, within: limit, fileID: fileID, line: line) { packet in
            guard case .subscribe(let subscribe) = packet else { return nil }
            return filters.isEmpty || subscribe.filters.map(\.filter) == filters ? subscribe : nil
        }
    }

    /// Waits for a SUBSCRIBE as ``expectSubscribe(to:within:fileID:line:)`` and grants what it asks for.
    ///
    /// - Returns: What it said.
    /// - Throws: As ``expect(_:within:fileID:line:)``.
    @discardableResult
    public func acceptSubscribe(
        to filters: String...,
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> TestPacket.Subscribe {
        let subscribe = try await self.expectSubscribe(filters, within: limit, fileID: fileID, line: line)
        try await self.send(subscribe.granted, fileID: fileID, line: line)
        return subscribe
    }

    /// Waits for a PUBLISH as ``expectPublish(to:within:fileID:line:)`` and acknowledges it, at QoS 2 in all its steps.
    ///
    /// - Returns: What it said.
    /// - Throws: As ``expect(_:within:fileID:line:)``.
    @discardableResult
    public func acceptPublish(
        to topic: String? = nil,
        within limit: Duration = .seconds(5),
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> TestPacket.Publish {
        let publish = try await self.expectPublish(to: topic, within: limit, fileID: fileID, line: line)
        guard let id = publish.packetID else { return publish }
        if publish.qos == .atLeastOnce {
            try await self.send(.pubAck(packetID: id), fileID: fileID, line: line)
        } else {
            try await self.send(.pubRec(packetID: id), fileID: fileID, line: line)
            try await self.expect(.pubRel(packetID: id), within: limit, fileID: fileID, line: line)
            try await self.send(.pubComp(packetID: id), fileID: fileID, line: line)
        }
        return publish
    }
}
