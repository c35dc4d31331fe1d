// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation

do {
    try await Demo().run()
} catch {
    FileHandle.standardError.write(Data("\nThe demo failed: \(error)\n".utf8))
    exit(1)
}
