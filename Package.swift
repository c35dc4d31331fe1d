// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")

let package = Package(
    name: "swift-mqtt",
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .watchOS(.v11), .visionOS(.v2)],
    products: [
        .library(name: "MQTT", targets: ["MQTT"]),
        .library(name: "MQTTSCRAM", targets: ["MQTTSCRAM"]),
        .library(name: "MQTTBroker", targets: ["MQTTBroker"]),
        .library(name: "MQTTTestKit", targets: ["MQTTTestKit"]),
        .executable(name: "mqttctl", targets: ["mqttctl"]),
    ],
    traits: [
        .trait(name: "ServiceLifecycle", description: "MQTTClient conforms to ServiceLifecycle.Service."),
        .default(enabledTraits: ["ServiceLifecycle"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.86.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.34.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.2.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.9.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.0"..<"5.0.0"),
    ],
    targets: [
        // Floor 0: the language.
        .target(name: "MQTTWire", dependencies: [nioCore], swiftSettings: settings),
        // Floor 1: the rules, and the roads.
        .target(
            name: "MQTTEngine",
            dependencies: ["MQTTWire", .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: settings
        ),
        .target(name: "CMQTTResolver", linkerSettings: [.linkedLibrary("resolv")]),
        .target(
            name: "MQTTTransport",
            dependencies: [
                "CMQTTResolver", nioCore, nioPosix,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        // Floor 2: the client.
        .target(
            name: "MQTT",
            dependencies: [
                "MQTTWire", "MQTTEngine", "MQTTTransport", nioCore, nioPosix,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])
                ),
            ],
            swiftSettings: settings
        ),
        // Floor 3: what some users add.
        .target(
            name: "MQTTSCRAM",
            dependencies: ["MQTT", nioCore, .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings
        ),
        .target(
            name: "MQTTBroker",
            dependencies: [
                "MQTTWire", "MQTTTransport", nioCore, nioPosix,
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MQTTTestKit",
            dependencies: ["MQTT", "MQTTWire", "MQTTEngine", "MQTTTransport", nioCore, nioEmbedded],
            swiftSettings: settings
        ),
        // Floor 4: the command line.
        .executableTarget(
            name: "mqttctl",
            dependencies: [
                "MQTT", "MQTTBroker", "MQTTTransport", "MQTTWire", nioCore,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        // Examples: one question each.
        .executableTarget(name: "Hello", dependencies: ["MQTT"], path: "Examples/Hello", swiftSettings: settings),
        .executableTarget(
            name: "CustomTransport",
            dependencies: ["MQTT", nioCore],
            path: "Examples/CustomTransport",
            swiftSettings: settings
        ),
        .target(
            name: "Thermostat",
            dependencies: ["MQTT"],
            path: "Examples/Thermostat/Sources/Thermostat",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "demo",
            dependencies: ["MQTT", "MQTTBroker"],
            path: "Examples/Demo",
            swiftSettings: settings
        ),
        // A real broker and a proxy that cuts connections, for the tests.
        .target(
            name: "MosquittoFixture",
            dependencies: [nioCore, nioPosix],
            path: "Tests/MosquittoFixture",
            swiftSettings: settings
        ),
        // What a test proves of the standards.
        .target(name: "Conformance", path: "Tests/Conformance", exclude: ["Tables"], swiftSettings: settings),
        // Tests, from the lowest floor up.
        .testTarget(
            name: "MQTTWireTests",
            dependencies: ["MQTTWire", "Conformance", nioCore],
            swiftSettings: settings
        ),
        .testTarget(name: "TopicTests", dependencies: ["MQTTWire", "Conformance"], swiftSettings: settings),
        .testTarget(
            name: "MQTTEngineTests",
            dependencies: ["MQTTEngine", "MQTTWire", "Conformance", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MQTTTransportTests",
            dependencies: [
                "MQTTTransport", "Conformance", "MosquittoFixture", nioCore, nioPosix, nioEmbedded,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MQTTClientTests",
            dependencies: ["MQTT", "MQTTEngine", "MQTTTransport", "MQTTWire", "Conformance", nioCore, nioEmbedded],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MQTTSCRAMTests",
            dependencies: ["MQTTSCRAM", "MQTT", "Conformance", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MQTTBrokerTests",
            dependencies: [
                "MQTTBroker", "MQTT", "MQTTTransport", "MQTTWire", "Conformance", "MosquittoFixture", nioCore, nioPosix,
                nioEmbedded,
            ],
            exclude: ["Foreign"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MQTTTestKitTests",
            dependencies: ["MQTTTestKit", "MQTT", nioCore],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ThermostatTests",
            dependencies: ["Thermostat", "MQTT", "MQTTBroker", "MQTTTestKit"],
            path: "Examples/Thermostat/Tests/ThermostatTests",
            swiftSettings: settings
        ),
        .testTarget(
            name: "FixtureTests",
            dependencies: [
                "MosquittoFixture", nioCore, nioPosix, .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MQTTIntegrationTests",
            dependencies: [
                "MQTT", "MQTTSCRAM", "MosquittoFixture", "Conformance", nioCore, nioPosix,
                .product(name: "Logging", package: "swift-log"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycle"])
                ),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MQTTCtlTests",
            dependencies: [
                "mqttctl", "Hello", "CustomTransport", "MosquittoFixture", "MQTT", "MQTTBroker", nioCore, nioPosix,
            ],
            swiftSettings: settings
        ),
    ]
)
