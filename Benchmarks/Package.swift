// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

// The micro-benchmarks see what is `package` in swift-mqtt: they are compiled as a part of it. SwiftPM calls a package in a
// folder by the folder's name, lower-cased, with an underscore for everything that is no letter or digit.
let folders = Context.packageDirectory.split(separator: "/")
let parent = folders.dropLast().last.map { $0.lowercased() } ?? ""
let packageName = String(parent.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-mqtt", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.86.0"),
    ],
    targets: [
        // The workloads, on the public face of MQTT alone.
        .executableTarget(
            name: "bench-client",
            dependencies: [
                .product(name: "MQTT", package: "swift-mqtt"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        // Takes and floods packets at full speed, so that the client is what is measured.
        .executableTarget(name: "fake-broker", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra"])]),
        // The parts every message goes through, one by one.
        .executableTarget(
            name: "micro",
            dependencies: [
                "allocations",
                .product(name: "MQTT", package: "swift-mqtt"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            packageAccess: false,
            swiftSettings: settings + [.unsafeFlags(["-package-name", packageName])]
        ),
        .target(name: "allocations"),
    ]
)
