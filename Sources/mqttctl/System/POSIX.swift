// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The few calls of the operating system that are needed, so that the rest of the program knows no C library.
enum POSIX {
    /// An `errno` with its words.
    struct SystemError: Error, CustomStringConvertible {
        let code: Int32

        /// The reader of a pipe has gone.
        var isBrokenPipe: Bool { self.code == EPIPE }

        var description: String { String(cString: strerror(self.code)) }
    }

    /// What a process says at its end; nothing runs after it.
    static func exit(_ status: Int32) -> Never { _exit(status) }

    /// Writing to a pipe that nobody reads is then an error instead of the end of the process.
    static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    static var processID: Int32 { getpid() }

    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The time of day, in seconds and nanoseconds since 1970.
    static func now() -> (seconds: Int, nanoseconds: Int) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return (Int(time.tv_sec), time.tv_nsec)
    }

    static func openForReading(_ path: String) throws(SystemError) -> Int32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(code: errno) }
        return descriptor
    }

    static func closeFile(_ descriptor: Int32) { _ = close(descriptor) }

    /// Reads once, and blocks for it; 0 is the end.
    static func readSome(_ descriptor: Int32, into bytes: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        while true {
            let count = read(descriptor, bytes.baseAddress, bytes.count)
            if count >= 0 { return count }
            if errno == EAGAIN {
                self.waitUntilReady(descriptor, POLLIN)
            } else if errno != EINTR {
                throw SystemError(code: errno)
            }
        }
    }

    /// Writes all, and blocks while nobody takes it.
    static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if errno == EAGAIN {
                self.waitUntilReady(descriptor, POLLOUT)
            } else if errno != EINTR {
                throw SystemError(code: errno)
            }
        }
    }

    /// Whether a write of at most a page would not block.
    static func takesPage(_ descriptor: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&request, 1, 0) == 1
    }

    private static func waitUntilReady(_ descriptor: Int32, _ events: Int32) {
        var request = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        _ = poll(&request, 1, -1)
    }
}
