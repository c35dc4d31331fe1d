// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: cannot find type 'Engine' in scope
import MQTT

let engine: Engine? = nil
