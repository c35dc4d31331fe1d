// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// What a client does after a server gave a reason for refusing or ending a connection.
public enum ReconnectDecision: Hashable, Sendable {
    /// Connect again at once; when that does not last either, back off.
    case retryNow
    /// Connect again after the wait of the policy.
    case backOff
    /// Connect again after a long wait: the reason will not pass soon.
    case backOffLong
    /// Ask the credentials provider again and connect after the wait of the policy, some times; without a provider, stop.
    case refreshCredentials
    /// Connect to the server the packet names, where ``ReconnectPolicy/serverReferences`` allows it; otherwise stop.
    case followServerReference
    /// Do not connect again: every loop and waiting call ends with the error.
    case stop
}

extension ReconnectDecision {
    /// What is done, unless the policy says otherwise, when CONNECT was refused with a reason (MQTT 5.0, 3.2.2.2).
    ///
    /// The return codes of 3.x are the reason codes of the same meaning: 1 is ``ReasonCode/unsupportedProtocolVersion``, 2
    /// ``ReasonCode/clientIdentifierNotValid``, 3 ``ReasonCode/serverUnavailable``, 4
    /// ``ReasonCode/badUserNameOrPassword``, 5 ``ReasonCode/notAuthorized``.
    public static func afterRefusal(_ reason: ReasonCode) -> ReconnectDecision {
        switch reason {
        case .badUserNameOrPassword, .notAuthorized:
            .refreshCredentials
        case .useAnotherServer, .serverMoved:
            .followServerReference
        case .quotaExceeded, .connectionRateExceeded:
            .backOffLong
        case .malformedPacket, .protocolError, .unsupportedProtocolVersion, .clientIdentifierNotValid, .banned,
            .badAuthenticationMethod, .topicNameInvalid, .packetTooLarge, .payloadFormatInvalid, .retainNotSupported,
            .qosNotSupported:
            // The next CONNECT would be the same.
            .stop
        default:
            .backOff
        }
    }

    /// What is done, unless the policy says otherwise, when the server ended a connection with DISCONNECT (MQTT 5.0,
    /// 3.14.2.1).
    public static func afterDisconnect(_ reason: ReasonCode) -> ReconnectDecision {
        switch reason {
        case .keepAliveTimeout, .maximumConnectTime:
            .retryNow
        case .notAuthorized:
            .refreshCredentials
        case .useAnotherServer, .serverMoved:
            .followServerReference
        case .topicFilterInvalid, .quotaExceeded, .sharedSubscriptionsNotSupported, .connectionRateExceeded,
            .subscriptionIdentifiersNotSupported, .wildcardSubscriptionsNotSupported:
            .backOffLong
        case .banned, .sessionTakenOver:
            // To come back would throw the other one out.
            .stop
        default:
            .backOff
        }
    }
}
