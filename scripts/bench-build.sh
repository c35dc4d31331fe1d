#!/usr/bin/env bash
# What a program that depends on the product MQTT pays: packages resolved, the release build from nothing, and the stripped
# size of a hello program. Takes minutes, and downloads nothing that SwiftPM has in its cache. usage: bench-build.sh
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=$work/hello
mkdir -p "$package/Sources/hello"
cp "$root"/Examples/Hello/*.swift "$package/Sources/hello/"
# The folder names the package.
cat >"$package/Package.swift" <<MANIFEST
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "hello",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "swift-mqtt", path: "$root")],
    targets: [.executableTarget(name: "hello", dependencies: [.product(name: "MQTT", package: "swift-mqtt")])]
)
MANIFEST

# build NAME FLAG...: builds from nothing, and says how long that took and how large the program is.
build() {
    local name=$1 start seconds bin
    shift
    rm -rf "$work/build"
    cp -r "$work/resolved" "$work/build"
    start=$(date +%s)
    if ! swift build -c release --package-path "$package" --scratch-path "$work/build" --product hello "$@" >"$work/log" 2>&1; then
        printf '%-34s failed: %s\n' "$name" "$(grep -m 1 error "$work/log" || tail -n 1 "$work/log")"
        return
    fi
    seconds=$(($(date +%s) - start))
    bin=$(swift build -c release --package-path "$package" --scratch-path "$work/build" --product hello --show-bin-path "$@")
    strip -o "$work/stripped" "$bin/hello"
    printf '%-34s %6s s %8s KB\n' "$name" "$seconds" $(($(wc -c <"$work/stripped") / 1024))
}

swift package --package-path "$package" --scratch-path "$work/resolved" resolve >/dev/null
printf '%-34s %6s\n' "packages resolved" "$(grep -c '"identity"' "$package/Package.resolved")"
printf '%-34s %6s   %8s\n' "release build, $(nproc 2>/dev/null || sysctl -n hw.ncpu) processors" "time" "stripped"
build "hello"
build "hello, its own Swift libraries" --static-swift-stdlib
