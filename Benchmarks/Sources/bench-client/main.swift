// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

let arguments = Arguments(CommandLine.arguments.dropFirst())
if let defect = Workloads<V311>.defect(in: arguments) {
    Arguments.refuse(defect)
}
Descriptors.allowMany()
if arguments.number("proto", 4) == 5 {
    try await Workloads<V5>(arguments).run()
} else {
    try await Workloads<V311>(arguments).run()
}
