// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTestKit
import NIOCore
import Synchronization

/// A store with one defect, each of a kind that stores have had.
final class BrokenStore: SessionStore {
    enum Defect: CaseIterable {
        case throwsWhenEmpty, forgetsWhenReopened, sortsAsText, reversesBatches, tearsBatches, keepsFinished
        case removesAllWithOne, losesIdentifier, losesPhase, keepsOneIdentifier, signedIdentifiers, losesRetain
        case sortsProperties, keepsWholeBuffer, cutsLarge, narrowSerials, losesBigBatches, ignoresCase
        case losesConcurrentBatches

        var rule: SessionStoreConformance.Rule {
            switch self {
            case .throwsWhenEmpty: .emptyAtFirst
            case .forgetsWhenReopened: .keptAfterReopening
            case .sortsAsText, .reversesBatches: .orderKept
            case .tearsBatches: .allOrNothing
            case .keepsFinished, .removesAllWithOne: .removed
            case .losesIdentifier, .losesPhase: .exchangeKept
            case .keepsOneIdentifier, .signedIdentifiers: .receivedKept
            case .losesRetain, .sortsProperties, .keepsWholeBuffer: .everyField
            case .cutsLarge: .largeMessages
            case .narrowSerials, .losesBigBatches: .wideRanges
            case .ignoresCase: .clientsApart
            case .losesConcurrentBatches: .concurrentClients
            }
        }

        /// What the violation has to say.
        var words: String {
            switch self {
            case .throwsWhenEmpty: "after nothing: the store threw"
            case .forgetsWhenReopened: "opened anew: the messages are none instead of 1"
            case .sortsAsText: "the messages are"
            case .reversesBatches: "the messages are 8, 10, 11, 99, 100, 101, 1000, 1002,"
            case .tearsBatches: "whose task was cancelled: the messages are"
            case .keepsFinished: "the messages are 1, 2, 3, 4, 5 instead of 1, 3, 4, 5"
            case .removesAllWithOne: "the messages are none instead of"
            case .losesIdentifier: "the packet identifier is none instead of 1"
            case .losesPhase: "the phase is publishing instead of releasing"
            case .keepsOneIdentifier: "the received packet identifiers are 256 instead of"
            case .signedIdentifiers: "instead of 1, 2, 255, 256, 32767, 32768, 65535"
            case .losesRetain: "the retain flag is false instead of true"
            case .sortsProperties: "the properties are"
            case .keepsWholeBuffer: "the payload is"
            case .cutsLarge: "(1048576 bytes) instead of"
            case .narrowSerials: "the messages are"
            case .losesBigBatches: "after a batch of 5,000 messages: the messages are"
            case .ignoresCase: "the messages are"
            case .losesConcurrentBatches: "after batches of eight clients at once"
            }
        }
    }

    private let defect: Defect
    private let records: Mutex<[String: SessionRecord]>

    init(_ defect: Defect) {
        self.defect = defect
        self.records = Mutex([:])
    }

    func reopened() -> BrokenStore { self.defect == .forgetsWhenReopened ? BrokenStore(self.defect) : self }

    func load(clientID: String) async throws -> SessionRecord {
        guard let record = self.records.withLock({ $0[self.key(clientID)] }) else {
            if self.defect == .throwsWhenEmpty { throw NotFound() }
            return SessionRecord()
        }
        return self.defect == .sortsAsText ? record.sortedAsText : record
    }

    func apply(_ changes: [StoreChange], clientID: String) async throws {
        let key = self.key(clientID)
        if self.defect == .losesConcurrentBatches {
            var all = self.records.withLock { $0 }
            for _ in 0..<10 { await Task.yield() }
            for change in changes { all[key, default: SessionRecord()].apply(change) }
            self.records.withLock { [all] in $0 = all }
            return
        }
        if self.defect == .losesBigBatches, changes.count > 4_096 { return }
        for change in self.defect == .reversesBatches ? changes.reversed() : changes {
            if self.defect == .tearsBatches {
                try Task.checkCancellation()
                await Task.yield()
            }
            self.records.withLock { $0[key, default: SessionRecord()].apply(change, with: self.defect) }
        }
    }

    private func key(_ clientID: String) -> String { self.defect == .ignoresCase ? clientID.lowercased() : clientID }

    struct NotFound: Error {}
}

extension SessionRecord {
    /// In the order of a column of text.
    fileprivate var sortedAsText: SessionRecord {
        var record = self
        record.outbound.sort { "\($0.serial)" < "\($1.serial)" }
        return record
    }

    fileprivate mutating func apply(_ change: StoreChange, with defect: BrokenStore.Defect) {
        switch (change, defect) {
        case (.outboundFinished, .keepsFinished), (.outboundAssigned, .losesIdentifier),
            (.outboundReleased, .losesPhase):
            return
        case (.outboundFinished, .removesAllWithOne): self.outbound = []
        case (.inboundReceived(let id), .keepsOneIdentifier): self.inbound = [id]
        case (.inboundReceived(let id), .signedIdentifiers): self.inbound.insert(min(id, 32_767))
        case (.outboundAdded(var record), _):
            record.spoil(with: defect)
            self.apply(.outboundAdded(record))
        default: self.apply(change)
        }
    }
}

extension OutboundRecord {
    fileprivate mutating func spoil(with defect: BrokenStore.Defect) {
        switch defect {
        case .losesRetain: self.message?.retain = false
        case .narrowSerials: self.serial = UInt64(UInt32(truncatingIfNeeded: self.serial))
        case .sortsProperties:
            let properties = self.message.map { Array($0.properties) } ?? []
            self.message?.properties = Properties(properties.sorted { "\($0)" < "\($1)" })
        case .keepsWholeBuffer:
            self.message?.payload.moveReaderIndex(to: 0)
        case .cutsLarge:
            guard let payload = self.message?.payload else { return }
            let count = min(payload.readableBytes, 1 << 20)
            self.message?.payload = payload.getSlice(at: payload.readerIndex, length: count) ?? payload
        default: break
        }
    }
}
