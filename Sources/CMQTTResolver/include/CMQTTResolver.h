// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#ifndef CMQTT_RESOLVER_H
#define CMQTT_RESOLVER_H

#include <stddef.h>

#endif
