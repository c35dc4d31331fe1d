// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A program started by the tests.
///
/// Foundation's own `Process` wants a run loop and cannot be shared between tasks; this one is a pid, asked now and then.
package final class ChildProcess: Sendable {
    private let pid: pid_t
    private let status = Mutex<Int32?>(nil)

    /// Starts `program` with `input` as its standard input and its words appended to the file `output`, those of its
    /// standard error too unless there is a file for them.
    ///
    /// It has a process group of its own: Ctrl-C in a terminal is ours to handle and not its.
    package init(
        _ program: String,
        _ arguments: [String],
        input: Int32? = nil,
        output: String,
        errors: String? = nil
    ) throws {
        #if canImport(Darwin)
        var actions: Actions
        var attributes: Attributes
        #else
        var actions = Actions()
        var attributes = Attributes()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        ChildProcess.shut(&actions, &attributes)

        let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) }
        defer { for string in argv + envp { free(string) } }
        argv.append(nil)
        envp.append(nil)

        var pid: pid_t = 0
        let error = posix_spawn(&pid, program, &actions, &attributes, argv, envp)
        guard error == 0 else { throw FixtureError("cannot start \(program): errno \(error)") }
        self.pid = pid
    }

    #if canImport(Darwin)
    private typealias Actions = posix_spawn_file_actions_t?
    private typealias Attributes = posix_spawnattr_t?
    #else
    private typealias Actions = posix_spawn_file_actions_t
    private typealias Attributes = posix_spawnattr_t
    #endif

    /// Lets the child have nothing of ours by accident.
    ///
    /// A group of its own, no signal blocked (the threads that run tasks block them all), no open file: a socket that
    /// lived on in a child would not close when we close it.
    private static func shut(_ actions: inout Actions, _ attributes: inout Attributes) {
        var flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setpgroup(&attributes, 0)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        #if canImport(Darwin)
        flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
        #else
        for descriptor in 3..<min(getdtablesize(), 4_096) { posix_spawn_file_actions_addclose(&actions, descriptor) }
        #endif
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }

    /// The status as `waitpid` gives it, once the program has ended.
    var ended: Int32? {
        self.status.withLock { status in
            if status != nil { return status }
            var raw: Int32 = 0
            if waitpid(self.pid, &raw, WNOHANG) == self.pid { status = raw }
            return status
        }
    }

    /// Asks it to end (SIGTERM), unless it has.
    package func terminate() { self.send(SIGTERM) }

    /// Sends it a signal, unless it has ended.
    package func send(_ signal: Int32) {
        self.status.withLock { status in
            // Not reaped yet, so the number is still its own.
            if status == nil { kill(self.pid, signal) }
        }
    }

    /// Ends it and all it has started at once (SIGKILL), unless it has ended.
    func killGroup() {
        self.status.withLock { status in
            // Its group has its number, and is nobody else's as long as it is not reaped.
            if status == nil { kill(-self.pid, SIGKILL) }
        }
    }

    /// Its status when it ends in time, else nil.
    package func end(within limit: Duration) async throws -> Int32? {
        let deadline = ContinuousClock.now + limit
        while true {
            if let status = self.ended { return status }
            if ContinuousClock.now > deadline { return nil }
            try await ChildProcess.tick()
        }
    }

    /// A few milliseconds between two looks at something outside of this process that cannot tell us.
    package static func tick() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        try await loop.scheduleTask(in: .milliseconds(3)) {}.futureResult.get()
    }

    /// Runs a program to its end and throws with what it said when it fails.
    static func run(_ program: String, _ arguments: [String], in folder: TemporaryFolder) async throws {
        let output = "output-\(UInt32.random(in: 0 ... .max))"
        let process = try ChildProcess(try self.find(program), arguments, output: folder.file(output))
        let status = try await process.end(within: .seconds(60))
        guard status == 0 else {
            process.terminate()
            let said = folder.read(output)
            throw FixtureError("`\(program) \(arguments.joined(separator: " "))` failed, saying: \(said)")
        }
    }

    /// Where a program is.
    ///
    /// Debian puts mosquitto into a folder that is not on everybody's PATH.
    static func find(_ program: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let usual = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin"]
        for folder in path.split(separator: ":").map(String.init) + usual + ["/opt/homebrew/sbin"] {
            let file = "\(folder)/\(program)"
            if FileManager.default.isExecutableFile(atPath: file) { return file }
        }
        throw FixtureError(
            """
            \(program) is not installed, and the tests need it. On Debian: sudo apt-get install mosquitto openssl \
            tinyproxy dante-server; elsewhere see scripts/setup.sh. `make test` as root on Debian does it itself.
            """
        )
    }
}
