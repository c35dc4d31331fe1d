// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-mqtt", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.86.0"),
    ],
    targets: [
        .executableTarget(
            name: "bench-client",
            dependencies: [
                .product(name: "MQTT", package: "swift-mqtt"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
        ),
        // Takes and floods packets at full speed, so that the client is what is measured.
        .executableTarget(name: "fake-broker", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra"])]),
    ]
)
