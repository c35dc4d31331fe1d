// swift-tools-version: 6.2
// A package as yours may be. Its two targets are part of the package above it as well, so that `make test` runs them.
import PackageDescription

let package = Package(
    name: "Thermostat",
    platforms: [.macOS(.v15), .iOS(.v18)],
    dependencies: [.package(path: "../..")],
    targets: [
        .target(name: "Thermostat", dependencies: [.product(name: "MQTT", package: "swift-mqtt")]),
        .testTarget(
            name: "ThermostatTests",
            dependencies: [
                "Thermostat",
                .product(name: "MQTT", package: "swift-mqtt"),
                .product(name: "MQTTBroker", package: "swift-mqtt"),
                .product(name: "MQTTTestKit", package: "swift-mqtt"),
            ]
        ),
    ]
)
