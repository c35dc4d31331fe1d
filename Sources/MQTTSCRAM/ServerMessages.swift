// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// server-first-message: nonce, salt, iteration count (RFC 5802, 7).
struct ServerFirst {
    let nonce: [UInt8]
    let salt: [UInt8]
    let iterations: Int

    init(_ data: [UInt8], clientNonce: [UInt8], iterations range: ClosedRange<Int>) throws(SCRAMError) {
        let fields = try Fields(data)
        try fields.refuseExtensionsAndErrors()
        self.nonce = try Self.nonce(try fields.value(at: 0, "r"), clientNonce: clientNonce)
        guard let salt = Base64.decode(try fields.value(at: 1, "s")), !salt.isEmpty else {
            throw SCRAMError(.malformedMessage, "the server's salt is no base64")
        }
        self.salt = salt
        self.iterations = try Self.iterations(try fields.value(at: 2, "i"), in: range)
    }

    private static func nonce(_ value: [UInt8], clientNonce: [UInt8]) throws(SCRAMError) -> [UInt8] {
        // printable: ASCII that is seen, without the comma.
        guard value.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw SCRAMError(.malformedMessage, "the server's nonce has characters that are not allowed")
        }
        guard value.count > clientNonce.count, value.starts(with: clientNonce) else {
            throw SCRAMError(.nonceMismatch, "the server's nonce is not ours with something behind it")
        }
        return value
    }

    private static func iterations(_ value: [UInt8], in range: ClosedRange<Int>) throws(SCRAMError) -> Int {
        guard let first = value.first, first != UInt8(ascii: "0"), value.allSatisfy({ 0x30...0x39 ~= $0 }) else {
            throw SCRAMError(.malformedMessage, "the server's iteration count is no number")
        }
        var count = 0
        for digit in value {
            let (tens, overflow) = count.multipliedReportingOverflow(by: 10)
            let (sum, over) = tens.addingReportingOverflow(Int(digit - 0x30))
            count = overflow || over ? .max : sum
            if count > range.upperBound { break }
        }
        guard range.contains(count) else {
            let words =
                "the server asks for \(count > range.upperBound ? "more" : "fewer") rounds of hashing than allowed"
            throw SCRAMError(.iterationsOutOfRange, "\(words): \(range.lowerBound) to \(range.upperBound)")
        }
        return count
    }
}

/// server-final-message: the server's signature, or its error.
enum ServerFinal {
    static func signature(in data: [UInt8]) throws(SCRAMError) -> [UInt8] {
        let fields = try Fields(data)
        try fields.refuseExtensionsAndErrors()
        guard let signature = Base64.decode(try fields.value(at: 0, "v")), !signature.isEmpty else {
            throw SCRAMError(.malformedMessage, "the server's signature is no base64")
        }
        return signature
    }
}

/// The fields of a message: a letter, "=", a value, with commas between them.
private struct Fields {
    private var list: [(name: UInt8, value: [UInt8])] = []

    init(_ data: [UInt8]) throws(SCRAMError) {
        for field in data.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            guard let name = field.first, 0x41...0x5A ~= name & 0xDF,
                field.dropFirst().first == UInt8(ascii: "=")
            else { throw SCRAMError(.malformedMessage, "the server's message is none of SCRAM") }
            self.list.append((name, Array(field.dropFirst(2))))
        }
    }

    /// "m=" is a mandatory extension, of which there is none; "e=" an error.
    func refuseExtensionsAndErrors() throws(SCRAMError) {
        if self.list.contains(where: { $0.name == UInt8(ascii: "m") }) {
            throw SCRAMError(.unsupportedExtension, "the server insists on an extension that is not known")
        }
        guard let first = self.list.first, first.name == UInt8(ascii: "e") else { return }
        let isWord =
            !first.value.isEmpty && first.value.count <= 64
            && first.value.allSatisfy { 0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || $0 == UInt8(ascii: "-") }
        // The server's words may come to a log: only what the standard's own words are made of.
        let word = isWord ? String(decoding: first.value, as: UTF8.self) : "other-error"
        throw SCRAMError(.refusedByServer, "the server refused: \(word)", serverError: word)
    }

    func value(at index: Int, _ name: Unicode.Scalar) throws(SCRAMError) -> [UInt8] {
        guard index < self.list.count, self.list[index].name == UInt8(ascii: name) else {
            throw SCRAMError(.malformedMessage, "the server's message has no \"\(name)=\" where it belongs")
        }
        return self.list[index].value
    }
}
