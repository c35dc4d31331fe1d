// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// How long to try, and what to say.
struct RunOptions: ParsableArguments {
    @Option(
        name: [.customShort("W"), .long],
        help: ArgumentHelp("End after so many seconds, with status 27 if the job is not done.", valueName: "seconds")
    )
    var timeout: Double?

    @Flag(help: "Give up when the broker cannot be reached or the connection is lost.")
    var noReconnect = false

    @Flag(name: .shortAndLong, help: "Say what happens to the connection.")
    var debug = false

    @Flag(help: "Say nothing but why it failed.")
    var quiet = false

    @Option(help: "How messages and the error at the end are written: text, jsonl (or json).")
    var format: OutputFormat = .text

    func validate() throws {
        if let timeout, !(timeout > 0 && timeout <= 1e9) {
            throw ValidationError("A timeout (-W) is a positive number of seconds.")
        }
    }
}
