// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// User name and password.
struct CredentialOptions: ParsableArguments {
    @Option(name: .shortAndLong, parsing: .unconditional, help: "The user name.")
    var username: String?

    @Option(
        name: [.customShort("P"), .customLong("pw")],
        parsing: .unconditional,
        help: "The password; everybody on this machine can see it."
    )
    var password: String?

    @Option(help: ArgumentHelp("A file with the password in its first line.", valueName: "file"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("An environment variable with the password.", valueName: "variable"))
    var passwordEnv: String?

    func validate() throws {
        let given = [self.password, self.passwordFile, self.passwordEnv].filter { $0 != nil }
        guard given.count <= 1 else {
            throw ValidationError("Give one password: --password-file, --password-env or -P.")
        }
    }

    /// What others should not see is on the command line.
    var isExposed: Bool { self.password != nil }

    /// What to send, with what a URL holds where no option says otherwise.
    func credentials(of endpoint: Endpoint?) async throws(Failure) -> Credentials? {
        let known = endpoint?.userInfo?.value
        let username = self.username ?? known?.user
        let password = try await self.secret() ?? (self.username == nil ? known?.password : nil)
        guard username != nil || password != nil else { return nil }
        return Credentials(username: username, password: password)
    }

    private func secret() async throws(Failure) -> String? {
        if let password { return password }
        return try await SecretSource(file: self.passwordFile, variable: self.passwordEnv).read()
    }
}
