// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Logging
import MQTTEngine
public import MQTTTransport
import MQTTWire
import NIOCore
import NIOPosix
import Synchronization

/// An MQTT client of one version that stays connected until it is told not to.
///
/// It outlives connections: subscriptions and QoS 1 and 2 messages go on when the link drops and comes back. Use
/// ``withClient(to:clientID:credentials:configuration:_:)`` where the client's life is a scope, or ``connect()`` and
/// ``disconnect()`` where it is not. Letting go of the last reference closes the connection without a DISCONNECT.
///
/// No bytes from the network stop the process: what breaks the protocol closes its connection with
/// ``MQTTError/Code/protocolViolation``, and the client goes the way of its reconnect policy.
public final class MQTTClient<Version: MQTTVersion>: Sendable {
    let link: Link
    let configuration: Configuration
    let eventLoop: any EventLoop
    /// Why the configuration cannot be used.
    let defect: MQTTError?
    let sessionLoad = Mutex<Task<Void, any Error>?>(nil)
    private let taskExecutor: EventLoopExecutor

    /// The client identifier that was asked for; see ``ConnectionInfo/clientID`` for the one in use.
    public let clientID: String

    /// Makes a client; nothing is sent before ``connect()``.
    ///
    /// - Parameters:
    ///   - endpoint: Where the server is.
    ///   - clientID: A client identifier; takes precedence over the one of the configuration. When both are empty, one is
    ///     generated and kept for the client's life.
    ///   - credentials: A user name and password; takes precedence over those of the configuration.
    ///   - configuration: Everything else.
    public convenience init(
        to endpoint: Endpoint,
        clientID: String = "",
        credentials: Credentials? = nil,
        configuration: Configuration = Configuration()
    ) {
        self.init(to: [endpoint], clientID: clientID, credentials: credentials, configuration: configuration)
    }

    /// Makes a client of several brokers that hold the same, tried as ``Configuration/endpointOrder`` says.
    ///
    /// The others are for when one cannot be reached, refuses or is lost. ``ConnectionInfo/endpoint`` says which one the
    /// client is connected to. The session goes on where they share sessions; where not, subscriptions are made again and
    /// messages not yet acknowledged are sent anew.
    ///
    /// - Parameters:
    ///   - endpoints: Where the servers are, the best first; at least one.
    ///   - clientID: A client identifier, as for one endpoint.
    ///   - credentials: A user name and password for all of them; those of an endpoint's URL are used without.
    ///   - configuration: Everything else.
    public convenience init(
        to endpoints: [Endpoint],
        clientID: String = "",
        credentials: Credentials? = nil,
        configuration: Configuration = Configuration()
    ) {
        var configuration = configuration
        if !clientID.isEmpty { configuration.clientID = clientID }
        if let credentials { configuration.credentials = credentials }
        let eventLoop = configuration.eventLoop ?? MultiThreadedEventLoopGroup.singleton.next()
        let world = NIOLinkWorld(
            eventLoop: eventLoop,
            endpoints: endpoints,
            credentials: configuration.credentials,
            timeout: configuration.connectTimeout
        )
        self.init(
            configuration: configuration,
            world: world,
            eventLoop: eventLoop,
            endpointCount: endpoints.count
        )
        for warning in Set(endpoints.flatMap(\.warnings)).sorted() {
            self.link.settings.logger.warning("\(warning)", metadata: ["mqtt.client.id": "\(self.clientID)"])
        }
    }

    /// Makes a client over a world of the caller's: a virtual clock, channels in memory, a foreign event loop.
    package init(
        configuration: Configuration,
        world: any LinkWorld,
        eventLoop: any EventLoop,
        endpointCount: Int = 1
    ) {
        let clientID = configuration.clientID.isEmpty ? Self.generateClientID() : configuration.clientID
        var defect: MQTTError?
        var engineConfiguration = EngineConfiguration(version: Version.protocolVersion, clientID: clientID)
        do throws(MQTTError) {
            engineConfiguration = try configuration.engineConfiguration(clientID: clientID)
            engineConfiguration.endpointCount = endpointCount
            guard endpointCount > 0 else {
                throw MQTTError(.invalidArgument, "there is no endpoint; give at least one")
            }
        } catch {
            defect = error
        }
        var settings = LinkSettings(
            version: Version.protocolVersion,
            maximumPacketSize: configuration.maximumPacketSize ?? 268_435_460,
            memoryBudget: configuration.memoryBudget,
            logger: configuration.logger ?? Logger.current,
            store: configuration.sessionStore,
            clientID: clientID,
            authenticator: configuration.versioned.authenticator?.authenticator
        )
        settings.topicAliasMaximum = configuration.versioned.topicAliasMaximum
        settings.topicAliasPolicy = configuration.versioned.outboundTopicAliases
        settings.requests = configuration.versioned.requests
        let engine = Engine(configuration: engineConfiguration, seed: UInt64.random(in: .min ... .max))
        self.link = Link(engine: engine, settings: settings, world: world)
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.defect = defect
        self.clientID = clientID
        self.taskExecutor = EventLoopExecutor(eventLoop)
    }

    deinit { self.link.abandon() }

    /// Runs tasks on the client's event loop, where its messages arrive: no change of thread per message.
    ///
    /// Nothing may block there: the client and everything else on that event loop would stand still.
    public var executor: any TaskExecutor { self.taskExecutor }

    /// At most 23 digits and letters, so that every version and every server takes it (MQTT 5.0, 3.1.3.1).
    private static func generateClientID() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 36)
        return "swift" + digits
    }
}
