// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The script that is played, where any thread can change it and the event loop sees so cheaply.
final class FaultBox: Sendable {
    private let script: Mutex<FaultScript>
    private let number = Atomic(0)

    init(_ script: FaultScript) { self.script = Mutex(script) }

    var current: FaultScript {
        get { self.script.withLock { $0 } }
        set {
            self.script.withLock { $0 = newValue }
            self.number.add(1, ordering: .releasing)
        }
    }

    /// The script, if it is not the one of that number.
    func changed(since number: inout Int) -> FaultScript? {
        let newest = self.number.load(ordering: .acquiring)
        guard newest != number else { return nil }
        number = newest
        return self.current
    }
}
