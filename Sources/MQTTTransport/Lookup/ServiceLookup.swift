// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import CMQTTResolver
internal import NIOCore

/// A service of a domain, whose servers its DNS names (RFC 2782).
struct ServiceLookup: Hashable, Sendable {
    /// nil is the domain of this host.
    var domain: String?
    /// Whether to ask for `_secure-mqtt._tcp` instead of `_mqtt._tcp`.
    var isSecure: Bool
    /// The name server to ask, an IP address and a port; nil is the system's.
    var nameServer: HostAndPort?
    /// How often to ask each name server; nil is what the system is set to.
    var attempts: Int?
    /// How long to wait for an answer; nil is what the system is set to.
    var patience: TimeAmount?

    init(domain: String? = nil, isSecure: Bool, nameServer: HostAndPort? = nil) {
        self.domain = domain
        self.isSecure = isSecure
        self.nameServer = nameServer
    }

    /// The servers, in the order in which to try them; blocks, so not on an event loop.
    func servers() throws(TransportError) -> [HostAndPort] {
        let name: String
        if let domain { name = try self.name(in: domain) } else { name = try self.name(in: try LocalDomain.find()) }
        var generator = SystemRandomNumberGenerator()
        return try self.servers(try self.ask(for: name), of: name, using: &generator)
    }

    /// Throws when the domain, if there is one, can be none.
    func check() throws(TransportError) {
        if let domain { _ = try self.name(in: domain) }
    }

    /// The name to ask for.
    func name(in domain: String) throws(TransportError) -> String {
        let domain = domain.hasSuffix(".") ? String(domain.dropLast()) : domain
        let name = "\(self.isSecure ? "_secure-mqtt" : "_mqtt")._tcp.\(domain)"
        let isText = domain.utf8.allSatisfy { $0 == UInt8(ascii: ".") || DNSName.isOfHostNames($0) }
        guard isText, DNSName(name) != nil else {
            throw TransportError(
                .invalidEndpoint,
                "The domain \(String(domain.prefix(60)).debugDescription) is none: labels are 1 to 63 ASCII letters, digits "
                    + "and hyphens, all of it with the name of the service at most 253; others are written in their 'xn--' form."
            )
        }
        return name
    }

    /// What an answer says, as servers.
    func servers(
        _ answer: ServiceAnswer,
        of name: String,
        using generator: inout some RandomNumberGenerator
    ) throws(TransportError) -> [HostAndPort] {
        let records: [ServiceRecord]
        switch answer {
        case .records(let found): records = found
        case .noSuchName: throw Self.failed(name, "there is no such name")
        case .failure(let code): throw Self.failed(name, "the name server \(Self.words(of: code))")
        }
        let usable = records.filter { !$0.target.isEmpty }
        guard !usable.isEmpty else {
            throw records.isEmpty
                ? Self.failed(name, "the name has no SRV record with a host and a port")
                : Self.failed(name, "the domain says that it has no such service")
        }
        return ServiceRecord.order(usable, using: &generator).map { record in
            HostAndPort(host: record.target, port: Int(record.port))
        }
    }

    private static func words(of code: UInt8) -> String {
        switch code {
        case 1: "did not understand the question (FORMERR)"
        case 2: "could not answer (SERVFAIL)"
        case 4: "does not answer such questions (NOTIMP)"
        case 5: "refuses to answer (REFUSED)"
        default: "answered with the response code \(code)"
        }
    }

    private static func failed(_ name: String, _ reason: String, cause: (any Error)? = nil) -> TransportError {
        TransportError(
            .nameResolutionFailed,
            "The servers of the service \(name.debugDescription) could not be looked up: \(reason).",
            cause: cause
        )
    }
}

extension ServiceLookup {
    /// As long as an answer can be.
    private static let capacity = 65_536

    private func ask(for name: String) throws(TransportError) -> ServiceAnswer {
        var (length, systemError): (CInt, CInt) = (0, 0)
        var result = CMQTT_RESOLVER_FAILED
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.capacity) { buffer, count in
            result = self.withOptions { options in
                cmqtt_resolver_ask(name, options, buffer.baseAddress, CInt(buffer.count), &length, &systemError)
            }
            count = result == CMQTT_RESOLVER_ANSWERED ? min(max(Int(length), 0), buffer.count) : 0
        }
        guard result == CMQTT_RESOLVER_ANSWERED else { throw self.error(result, systemError, name) }
        do throws(ServiceAnswer.Malformed) {
            return try ServiceAnswer(bytes, to: name)
        } catch {
            throw Self.failed(name, "the answer makes no sense: \(error.reason)", cause: error)
        }
    }

    private func withOptions(
        _ body: (UnsafePointer<cmqtt_resolver_options>) -> cmqtt_resolver_result
    ) -> cmqtt_resolver_result {
        var options = cmqtt_resolver_options()
        options.attempts = CInt(clamping: self.attempts ?? 0)
        options.timeout_ms = CInt(clamping: (self.patience?.nanoseconds ?? 0) / 1_000_000)
        guard let nameServer else { return body(&options) }
        options.port = CInt(clamping: nameServer.port)
        return nameServer.host.withCString { server in
            options.server = server
            return body(&options)
        }
    }

    private func error(_ result: cmqtt_resolver_result, _ systemError: CInt, _ name: String) -> TransportError {
        switch result {
        case CMQTT_RESOLVER_TIMED_OUT:
            return TransportError(
                .nameResolutionTimedOut,
                "No name server answered the question for the servers of the service \(name.debugDescription)."
            )
        case CMQTT_RESOLVER_BAD_NAME: return Self.failed(name, "the name cannot be asked for")
        case CMQTT_RESOLVER_BAD_SERVER:
            return Self.failed(
                name,
                "the name server \(self.nameServer?.description ?? "") is not an IP address and a port"
            )
        case CMQTT_RESOLVER_UNSUPPORTED:
            return Self.failed(name, "services cannot be looked up on this system; give the host name of a broker")
        default:
            let reason = IOError(errnoCode: systemError, reason: "asking a name server")
            return Self.failed(name, "no name server could be asked: \(reason.description)", cause: reason)
        }
    }
}
