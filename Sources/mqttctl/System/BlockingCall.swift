// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Runs what may block, such as reading a terminal, on a thread of its own.
///
/// A task that blocked would keep others from running, on a machine with one core even the one that hears Ctrl-C. Cancelling
/// does not end it: whoever must not wait for it may not await it from a scope it has to leave.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        BlockingThread.start { continuation.resume(returning: body()) }
    }
}

private final class BlockingThread {
    private let body: @Sendable () -> Void

    private init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    static func start(_ body: @escaping @Sendable () -> Void) {
        let thread = Unmanaged.passRetained(BlockingThread(body))
        #if canImport(Darwin)
        var identifier: pthread_t?
        #else
        var identifier = pthread_t()
        #endif
        let error = pthread_create(&identifier, nil, runBlockingThread, thread.toOpaque())
        guard error == 0 else {
            // No thread to be had: better late than never.
            thread.takeRetainedValue().body()
            return
        }
        #if canImport(Darwin)
        if let identifier { pthread_detach(identifier) }
        #else
        pthread_detach(identifier)
        #endif
    }

    static func run(_ opaque: UnsafeMutableRawPointer) {
        Unmanaged<BlockingThread>.fromOpaque(opaque).takeRetainedValue().body()
    }
}

#if canImport(Darwin)
private func runBlockingThread(_ opaque: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    BlockingThread.run(opaque)
    return nil
}
#else
private func runBlockingThread(_ opaque: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let opaque { BlockingThread.run(opaque) }
    return nil
}
#endif
