// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The bytes of DNS messages (RFC 1035, 4).
package enum DNSMessage {
    /// A name: its labels, each behind its length.
    package static func encoded(_ name: String) -> [UInt8] {
        let labels = name.utf8.split(separator: UInt8(ascii: "."))
        return labels.flatMap { [UInt8(truncatingIfNeeded: $0.count)] + $0 } + [0]
    }

    package static func uint16(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

    /// A record of class IN; the owner is by default the name of the question.
    package static func record(owner: [UInt8] = [0xC0, 12], type: UInt16, _ data: [UInt8]) -> [UInt8] {
        owner + self.uint16(type) + self.uint16(1) + [0, 0, 0, 60] + self.uint16(UInt16(data.count)) + data
    }

    /// An SRV record.
    package static func record(owner: [UInt8] = [0xC0, 12], _ service: DNSServer.Service) -> [UInt8] {
        let numbers = [service.priority, service.weight, service.port].flatMap(self.uint16)
        return self.record(owner: owner, type: 33, numbers + self.encoded(service.target))
    }

    /// A question for SRV records.
    package static func question(_ name: String) -> [UInt8] { self.encoded(name) + self.uint16(33) + self.uint16(1) }

    /// A message: an answer to a question, unless the flags say otherwise.
    package static func message(
        id: [UInt8] = [0, 1],
        flags: UInt16 = 0x8180,
        question: [UInt8],
        records: [UInt8] = [],
        count: UInt16 = 0
    ) -> [UInt8] {
        id + self.uint16(flags) + self.uint16(1) + self.uint16(count) + [0, 0, 0, 0] + question + records
    }

    /// The name a question is for.
    static func name(in query: [UInt8]) -> String? {
        var labels: [String] = []
        var rest = query.dropFirst(12)
        while let length = rest.popFirst(), length > 0 {
            guard length < 64, rest.count > length else { return nil }
            labels.append(String(decoding: rest.prefix(Int(length)), as: UTF8.self))
            rest = rest.dropFirst(Int(length))
        }
        return labels.joined(separator: ".")
    }

    /// What to send for a question; nil for silence.
    static func reply(_ answer: DNSServer.Answer, to query: [UInt8], isByTCP: Bool) -> [UInt8]? {
        guard let nameEnd = query.dropFirst(12).firstIndex(of: 0), query.count >= nameEnd + 5 else { return nil }
        let id = Array(query.prefix(2))
        let question = Array(query[12..<nameEnd + 5])
        switch answer {
        case .services(let services):
            let records = services.flatMap { self.record($0) }
            return self.message(id: id, question: question, records: records, count: UInt16(services.count))
        case .alias(let name, let services):
            let records = services.flatMap { self.record(owner: self.encoded(name), $0) }
            let alias = self.record(type: 5, self.encoded(name))
            return self.message(id: id, question: question, records: alias + records, count: UInt16(services.count + 1))
        case .code(let code):
            return self.message(id: id, flags: 0x8180 | UInt16(code), question: question)
        case .silence:
            return nil
        case .garbage:
            return [0xDE, 0xAD, 0xBE, 0xEF]
        case .misnumbered(let answer):
            guard var reply = self.reply(answer, to: query, isByTCP: isByTCP) else { return nil }
            reply[0] ^= 0xFF
            return reply
        case .misdirected(let answer):
            guard var reply = self.reply(answer, to: query, isByTCP: isByTCP) else { return nil }
            reply[13] ^= 0x03
            return reply
        case .long(let answer):
            if isByTCP { return self.reply(answer, to: query, isByTCP: true) }
            return self.message(id: id, flags: 0x8380, question: question)
        case .raw(let records, let count):
            return self.message(id: id, question: question, records: records, count: count)
        }
    }
}
