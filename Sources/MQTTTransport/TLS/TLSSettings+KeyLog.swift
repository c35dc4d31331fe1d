// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension TLSSettings {
    /// Where the keys of connections go, if anywhere.
    enum KeyLog: Hashable {
        case call(Hook<@Sendable (String) -> Void>)
        case file(String)
    }

    /// Insecure: the same settings, which give away the keys of every connection, to look into captured packets.
    ///
    /// Whoever has them can read the connection, passwords too: for debugging only. The closure gets each line of the NSS key
    /// log format, without the line's end, on event loops; it must not block.
    public func insecurelyLoggingKeys(to log: @escaping @Sendable (_ line: String) -> Void) -> Self {
        var logging = self
        logging.keyLog = .call(Hook(log))
        return logging
    }

    /// Insecure: the same settings, which append the keys of every connection to a file, to look into captured packets.
    ///
    /// Whoever has them can read the connection, passwords too: for debugging only. The file is in the NSS key log format,
    /// which Wireshark reads; it is made when there is none, for its owner alone.
    public func insecurelyLoggingKeys(toFile path: String) -> Self {
        var logging = self
        logging.keyLog = .file(path)
        return logging
    }
}
