// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Testing

@testable import mqttctl

/// Combinations of options that make no sense, and what is said of them.
@Suite struct RouteRefusalTests {
    @Test(
        arguments: [
            (["-L", "unix:///s", "-h", "h"], "not both"),
            (["-L", "unix://h/s"], "three slashes"),
            (["-L", "ws://h/#x"], "%23"),
            (["--unix", "s", "-h", "h"], "not both"),
            (["--unix", "s", "-S"], "not both"),
            (["--unix", ""], "1 to 103"),
            (["--unix", "s", "--proxy", "env"], "leave out --proxy"),
            (["-L", "unix:///s", "-A", "127.0.0.1"], "leave out -A"),
            (["-S", "-L", "mqtt://h"], "with -h"),
            (["-S", "-h", "h", "-p", "1"], "leave out -p"),
            (["-S", "-h", "a b"], "is none"),
            (["--ws-path", "/x"], "add --ws"),
            (["--ws", "--ws-path", "x"], "--ws-path /x"),
            (["--ws", "--ws-path", "/x y"], "%20"),
            (["-L", "ws://h", "--ws-path", "/x"], "into the URL"),
            (["-L", "mqtt://h", "--ws"], "write ws://"),
            (["-H", "K: V"], "add --ws"),
            (["-L", "mqtt://h", "-H", "K: V"], "add --ws"),
            (["--ws", "-H", "K"], "Name: value"),
            (["--ws", "-H", ": V"], "Name: value"),
            (["--ws", "-H", "a b: V"], "letters, digits"),
            (["--ws", "-H", "Upgrade: x"], "Upgrade"),
            (["--proxy", "p:3128"], "http://host:port"),
            (["--proxy", "ftp://p"], "socks4a"),
            (["--proxy", "socks4://u:x@p"], "no password"),
            (["-A", "eth0"], "IP address"),
            (["--failover", "mqtt://h/topic"], "with -t"),
            (["--failover", "mqtt://u@h"], "-u"),
            (["--failover", "h"], "mqtt://host:port"),
            (["-L", "ws://h", "--cafile", "x"], "wss://"),
            (["-L", "mqtts://h", "--no-tls"], "mqtt://"),
            (["--failover", "wss://h", "--no-tls"], "ws://"),
            (["--cafile", "x", "--capath", "y"], "not both"),
            (["--capath", "x", "--tls-use-os-certs"], "not both"),
            (["--cert", "x.p12", "--key", "y"], "leave out --key"),
            (["--key-password-env", "x"], "--cert"),
            (["--cert", "x", "--key", "y", "--key-password-env", "x", "--key-password-file", "y"], "one password"),
            (["--ciphers", ":"], "empty"),
            (["--ciphers", "AES128-SHA", "--tls-version", "tlsv1.3"], "leave out --ciphers"),
            (["--no-tls", "--tls-keylog", "x"], "exclude"),
        ] as [([String], String)]
    )
    func `a usage error says what to write`(arguments: [String], words: String) {
        do {
            _ = try Mqttctl.parseAsRoot(["pub", "-t", "a", "-n"] + arguments)
            Issue.record("it was taken")
        } catch {
            #expect(Mqttctl.exitCode(for: error).rawValue == ExitClass.usage.rawValue)
            #expect(Mqttctl.message(for: error).contains(words))
        }
    }
}
