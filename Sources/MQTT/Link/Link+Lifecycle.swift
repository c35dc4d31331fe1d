// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore
import Synchronization

extension Link {
    /// Says goodbye, and returns when the channel is closed.
    func disconnect(_ packet: Disconnect) async {
        // A second call waits for the close that the first one began.
        let channel = self.state.withLock { $0.channel ?? $0.closing }
        // Not cancellable: a cancelled task has to say goodbye too, and the engine answers at once.
        _ = await withCheckedContinuation { continuation in
            self.begin(continuation) { state, operation in
                // What was handed over would come again on the next connection.
                state.collectAcknowledgements()
                state.engine.disconnect(operation, packet: packet, now: self.world.now, into: &state.effects)
            }
        }
        if let channel { try? await channel.closeFuture.get() }
    }

    /// The only call that wanted a connection was cancelled.
    func giveUpConnecting() {
        self.change { state in
            // A client that was connected goes on trying: the call had only joined it.
            guard !state.engine.hasConnected, state.engine.connectCalls.isEmpty else { return }
            let ignored = OperationID(0)
            state.engine.disconnect(ignored, packet: Disconnect(), now: self.world.now, into: &state.effects)
        }
    }

    /// Nobody holds the client any more: close without a word, and end what waits.
    func abandon() {
        let observers = self.state.withLock { $0.observers.all }
        for observer in observers { observer.finish() }
        self.change { state in
            let failure = EngineFailure(.closed, "the client was let go")
            state.engine.abandon(failure, now: self.world.now, into: &state.effects)
        }
    }

    /// Waits until no QoS 1 or 2 message is under way.
    func drain() async {
        _ = await self.call { state, operation in state.drains.append(operation) }
    }
}
