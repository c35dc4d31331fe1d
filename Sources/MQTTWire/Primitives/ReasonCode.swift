// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What became of a request, in one byte (MQTT 5.0, 2.4).
///
/// Values of 0x80 and above are failures.
///
/// The return codes of 3.x appear as the reason codes of the same meaning.
public struct ReasonCode: RawRepresentable, Hashable, Sendable {
    /// The byte on the wire.
    public let rawValue: UInt8

    /// Makes a reason code of any byte, known or not.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Whether the code reports a failure.
    public var isError: Bool { self.rawValue >= 0x80 }
}

extension ReasonCode {
    /// The packet was accepted, or the connection is wanted.
    public static let success = ReasonCode(rawValue: 0x00)

    /// The subscription was granted with at most QoS 1.
    public static let grantedQoS1 = ReasonCode(rawValue: 0x01)

    /// The subscription was granted with at most QoS 2.
    public static let grantedQoS2 = ReasonCode(rawValue: 0x02)

    /// The client leaves and wants its will to be published.
    public static let disconnectWithWill = ReasonCode(rawValue: 0x04)

    /// The message was accepted; nobody subscribes to it.
    public static let noMatchingSubscribers = ReasonCode(rawValue: 0x10)

    /// There was nothing to unsubscribe.
    public static let noSubscriptionExisted = ReasonCode(rawValue: 0x11)

    /// Another step of the authentication follows.
    public static let continueAuthentication = ReasonCode(rawValue: 0x18)

    /// The client starts a new authentication.
    public static let reauthenticate = ReasonCode(rawValue: 0x19)

    /// The sender does not say why.
    public static let unspecifiedError = ReasonCode(rawValue: 0x80)

    /// A packet could not be parsed.
    public static let malformedPacket = ReasonCode(rawValue: 0x81)

    /// A packet that is not allowed at this point.
    public static let protocolError = ReasonCode(rawValue: 0x82)

    /// The packet is legal but this peer does not take it.
    public static let implementationSpecificError = ReasonCode(rawValue: 0x83)

    /// The server does not speak this version of MQTT.
    public static let unsupportedProtocolVersion = ReasonCode(rawValue: 0x84)

    /// The server does not allow this client identifier.
    public static let clientIdentifierNotValid = ReasonCode(rawValue: 0x85)

    /// The server does not accept the credentials.
    public static let badUserNameOrPassword = ReasonCode(rawValue: 0x86)

    /// The client may not do this.
    public static let notAuthorized = ReasonCode(rawValue: 0x87)

    /// The server cannot serve now.
    public static let serverUnavailable = ReasonCode(rawValue: 0x88)

    /// The server has too much to do; try again later.
    public static let serverBusy = ReasonCode(rawValue: 0x89)

    /// The client was banned by an administrator.
    public static let banned = ReasonCode(rawValue: 0x8A)

    /// The server is going away.
    public static let serverShuttingDown = ReasonCode(rawValue: 0x8B)

    /// The authentication method is not supported or changed.
    public static let badAuthenticationMethod = ReasonCode(rawValue: 0x8C)

    /// Nothing was heard for one and a half times the keep-alive.
    public static let keepAliveTimeout = ReasonCode(rawValue: 0x8D)

    /// Another connection uses the same client identifier.
    public static let sessionTakenOver = ReasonCode(rawValue: 0x8E)

    /// The filter is well formed but not accepted.
    public static let topicFilterInvalid = ReasonCode(rawValue: 0x8F)

    /// The topic is well formed but not accepted.
    public static let topicNameInvalid = ReasonCode(rawValue: 0x90)

    /// The identifier belongs to an unfinished exchange.
    public static let packetIdentifierInUse = ReasonCode(rawValue: 0x91)

    /// No exchange with this identifier is known.
    public static let packetIdentifierNotFound = ReasonCode(rawValue: 0x92)

    /// More messages in flight than the receiver allowed.
    public static let receiveMaximumExceeded = ReasonCode(rawValue: 0x93)

    /// The topic alias is 0 or above the maximum.
    public static let topicAliasInvalid = ReasonCode(rawValue: 0x94)

    /// The packet is larger than the receiver allowed.
    public static let packetTooLarge = ReasonCode(rawValue: 0x95)

    /// Too many messages in too short a time.
    public static let messageRateTooHigh = ReasonCode(rawValue: 0x96)

    /// A limit of the peer has been exceeded.
    public static let quotaExceeded = ReasonCode(rawValue: 0x97)

    /// An administrator ended the connection.
    public static let administrativeAction = ReasonCode(rawValue: 0x98)

    /// The payload is not of the format it claims.
    public static let payloadFormatInvalid = ReasonCode(rawValue: 0x99)

    /// The server keeps no retained messages.
    public static let retainNotSupported = ReasonCode(rawValue: 0x9A)

    /// The QoS is above the server's maximum.
    public static let qosNotSupported = ReasonCode(rawValue: 0x9B)

    /// For now another server should be used.
    public static let useAnotherServer = ReasonCode(rawValue: 0x9C)

    /// Another server should be used from now on.
    public static let serverMoved = ReasonCode(rawValue: 0x9D)

    /// The server takes no shared subscriptions.
    public static let sharedSubscriptionsNotSupported = ReasonCode(rawValue: 0x9E)

    /// Too many connections in too short a time.
    public static let connectionRateExceeded = ReasonCode(rawValue: 0x9F)

    /// The connection has lasted as long as allowed.
    public static let maximumConnectTime = ReasonCode(rawValue: 0xA0)

    /// The server takes no subscription identifiers.
    public static let subscriptionIdentifiersNotSupported = ReasonCode(rawValue: 0xA1)

    /// The server takes no wildcard filters.
    public static let wildcardSubscriptionsNotSupported = ReasonCode(rawValue: 0xA2)

    /// The connection ends as wanted; no will is published.
    ///
    /// The same byte as ``success``.
    public static let normalDisconnection = ReasonCode(rawValue: 0x00)

    /// The subscription was granted with QoS 0.
    ///
    /// The same byte as ``success``.
    public static let grantedQoS0 = ReasonCode(rawValue: 0x00)
}

extension ReasonCode: CustomStringConvertible {
    /// The name of the standard and the number, for example "Not authorized (0x87)".
    public var description: String { "\(self.name) (0x\(self.hexadecimal))" }

    /// The name the standard gives the code, or "Unknown reason code".
    public var name: String { Self.names[self.rawValue] ?? "Unknown reason code" }

    private var hexadecimal: String {
        let digits = String(self.rawValue, radix: 16, uppercase: true)
        return digits.count == 1 ? "0" + digits : digits
    }

    private static let names: [UInt8: String] = [
        0x00: "Success",
        0x01: "Granted QoS 1",
        0x02: "Granted QoS 2",
        0x04: "Disconnect with will message",
        0x10: "No matching subscribers",
        0x11: "No subscription existed",
        0x18: "Continue authentication",
        0x19: "Re-authenticate",
        0x80: "Unspecified error",
        0x81: "Malformed packet",
        0x82: "Protocol error",
        0x83: "Implementation specific error",
        0x84: "Unsupported protocol version",
        0x85: "Client identifier not valid",
        0x86: "Bad user name or password",
        0x87: "Not authorized",
        0x88: "Server unavailable",
        0x89: "Server busy",
        0x8A: "Banned",
        0x8B: "Server shutting down",
        0x8C: "Bad authentication method",
        0x8D: "Keep alive timeout",
        0x8E: "Session taken over",
        0x8F: "Topic filter invalid",
        0x90: "Topic name invalid",
        0x91: "Packet identifier in use",
        0x92: "Packet identifier not found",
        0x93: "Receive maximum exceeded",
        0x94: "Topic alias invalid",
        0x95: "Packet too large",
        0x96: "Message rate too high",
        0x97: "Quota exceeded",
        0x98: "Administrative action",
        0x99: "Payload format invalid",
        0x9A: "Retain not supported",
        0x9B: "QoS not supported",
        0x9C: "Use another server",
        0x9D: "Server moved",
        0x9E: "Shared subscriptions not supported",
        0x9F: "Connection rate exceeded",
        0xA0: "Maximum connect time",
        0xA1: "Subscription identifiers not supported",
        0xA2: "Wildcard subscriptions not supported",
    ]
}
