// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0
