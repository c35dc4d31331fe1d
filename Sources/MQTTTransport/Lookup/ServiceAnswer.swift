// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What a name server answered to the question for the SRV records of a name (RFC 1035, 4; RFC 2782).
///
/// Whatever the bytes are, reading them ends, and takes no more memory than they have.
enum ServiceAnswer: Equatable {
    /// The records with a target that can be a host name and with a port, or with no target at all.
    case records([ServiceRecord])
    /// There is no such name.
    case noSuchName
    /// The name server did not answer the question; with the response code.
    case failure(code: UInt8)

    /// The bytes are no answer to the question.
    struct Malformed: Error, Equatable {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    private static let serviceType: UInt16 = 33
    private static let aliasType: UInt16 = 5
    private static let internetClass: UInt16 = 1
    /// Aliases of aliases are followed so far.
    private static let aliasLimit = 8

    /// - Parameters:
    ///   - bytes: The message.
    ///   - name: The name that was asked for, without the final dot.
    /// - Throws: ``Malformed`` when the bytes are no answer to the question.
    init(_ bytes: [UInt8], to name: String) throws(Malformed) {
        var reader = DNSReader(bytes)
        let header = try Header(&reader)
        switch header.responseCode {
        case 0: break
        case 3:
            self = .noSuchName
            return
        case let code:
            self = .failure(code: code)
            return
        }
        guard !header.isTruncated else { throw Malformed("it is cut off") }
        guard header.questions == 1 else { throw Malformed("it has \(header.questions) questions, not 1") }
        let question = try reader.name()
        guard question == DNSName(name), try reader.uint16() == Self.serviceType,
            try reader.uint16() == Self.internetClass
        else { throw Malformed("it is for another question") }
        var (records, aliases) = ([DNSName: [ServiceRecord]](), [DNSName: DNSName]())
        for _ in 0..<header.answers {
            let owner = try reader.name()
            let (type, recordClass) = (try reader.uint16(), try reader.uint16())
            try reader.skip(4)
            let length = Int(try reader.uint16())
            let end = try reader.end(ofLength: length)
            defer { reader.position = end }
            guard recordClass == Self.internetClass else { continue }
            if type == Self.aliasType {
                aliases[owner] = try reader.name(within: end)
            } else if type == Self.serviceType, let record = try ServiceRecord(&reader, end: end) {
                records[owner, default: []].append(record)
            }
        }
        var owner = question
        for _ in 0..<Self.aliasLimit {
            guard let next = aliases[owner] else { break }
            owner = next
        }
        self = .records(records[owner] ?? [])
    }

    private struct Header {
        let isTruncated: Bool
        let responseCode: UInt8
        let questions: UInt16
        let answers: UInt16

        init(_ reader: inout DNSReader) throws(Malformed) {
            try reader.skip(2)
            let flags = try reader.uint16()
            guard flags & 0x8000 != 0 else { throw Malformed("it is a question") }
            self.isTruncated = flags & 0x0200 != 0
            self.responseCode = UInt8(flags & 0x000F)
            self.questions = try reader.uint16()
            self.answers = try reader.uint16()
            try reader.skip(4)
        }
    }
}

extension ServiceRecord {
    /// Reads what is in a record; nil when nobody could connect there.
    fileprivate init?(_ reader: inout DNSReader, end: Int) throws(ServiceAnswer.Malformed) {
        let (priority, weight, port) = (try reader.uint16(), try reader.uint16(), try reader.uint16())
        let name = try reader.name(within: end)
        guard let target = name.hostName, target.isEmpty || port != 0 else { return nil }
        self.init(priority: priority, weight: weight, port: port, target: target)
    }
}
