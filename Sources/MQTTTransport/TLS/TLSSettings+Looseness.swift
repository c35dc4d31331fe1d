// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension TLSSettings {
    /// What makes connections with these settings less safe, a sentence each; empty for the defaults.
    package var looseness: [String] {
        var sentences: [String] = []
        switch self.verification.level {
        case .full:
            break
        case .withoutHostName:
            sentences.append(
                "The server's certificate is not checked for the host name: any host with a certificate of a trusted "
                    + "authority can pose as this one."
            )
        case .none:
            sentences.append(
                "The server's certificate is not checked at all: anybody on the way can read and change everything."
            )
        case .replaced:
            sentences.append(
                "The check of the server's certificate is the program's own: authorities, dates and the host name are not "
                    + "checked otherwise."
            )
        }
        if self.minimumVersion.name.rawValue < Version.tls12.name.rawValue {
            sentences.append("\(self.minimumVersion) is allowed; versions before TLS 1.2 are deprecated as unsafe.")
        }
        if self.keyLog != nil {
            sentences.append("The keys of the connections are logged: whoever has them can read everything.")
        }
        return sentences
    }
}

extension Endpoint {
    /// What makes connections to this endpoint less safe than they look, a sentence each, its proxy's TLS included.
    ///
    /// That there is no TLS is no warning: the endpoint says so.
    package var warnings: [String] {
        var warnings = (self.tls?.looseness ?? []).map { "TLS to \(self): \($0)" }
        if case .through(let proxy) = self.proxy {
            warnings += (proxy.tls?.looseness ?? []).map { "TLS to the proxy \(proxy): \($0)" }
        }
        return warnings
    }
}
