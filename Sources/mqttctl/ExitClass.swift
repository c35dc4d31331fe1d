// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// How the program ends: a closed table, so that scripts can rely on it.
///
/// It is published in docs/MQTTCTL.md.
/// Numbers above 125 are the shell's; from 64 on they are those of BSD's `sysexits`.
enum ExitClass: Int32, CaseIterable, Hashable, Sendable {
    case success = 0
    /// Something nobody expected: a bug.
    case unexpected = 1
    /// `-W` ran out. The number is mosquitto's.
    case timedOut = 27
    /// Arguments, a topic or a filter that cannot be used.
    case usage = 64
    /// Input that no message can carry.
    case badData = 65
    /// The input file is not there or cannot be read.
    case noInput = 66
    /// A host name has no address, the broker's or the proxy's.
    case unknownHost = 68
    /// The broker or the proxy cannot be reached, or the broker was lost and did not come back.
    case unreachable = 69
    /// Output cannot be written.
    case cannotWrite = 73
    /// The broker has no time now.
    case tryLater = 75
    /// The other side breaks the protocol, is no MQTT broker, gives no WebSocket, or is not the broker its certificate should say.
    case protocolError = 76
    /// The broker refuses.
    case refused = 77
    /// A part of the configuration cannot be used: certificate, key, password, cipher suites.
    case configuration = 78
    /// Ctrl-C before the job was done.
    case interrupted = 130
    /// SIGTERM before the job was done.
    case terminated = 143

    /// Whether trying again may help.
    var mayPass: Bool {
        switch self {
        case .unknownHost, .unreachable, .tryLater: true
        default: false
        }
    }
}
