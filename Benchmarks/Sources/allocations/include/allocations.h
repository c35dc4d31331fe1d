// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#pragma once

/// How often memory was allocated since the program began, or -1 where that cannot be counted (anywhere but glibc).
long allocations_count(void);
