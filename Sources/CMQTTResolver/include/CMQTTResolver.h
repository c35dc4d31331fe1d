// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#ifndef CMQTT_RESOLVER_H
#define CMQTT_RESOLVER_H

// How a question ended.
enum cmqtt_resolver_result {
    // There is an answer; what it says is for the caller to find out.
    CMQTT_RESOLVER_ANSWERED = 0,
    // No name server answered in time.
    CMQTT_RESOLVER_TIMED_OUT = 1,
    // No name server could be reached, or asking failed; see the system's error.
    CMQTT_RESOLVER_FAILED = 2,
    // The name cannot be asked for.
    CMQTT_RESOLVER_BAD_NAME = 3,
    // The name server is not an IP address and a port.
    CMQTT_RESOLVER_BAD_SERVER = 4,
    // This system has no resolver that can be asked such questions.
    CMQTT_RESOLVER_UNSUPPORTED = 5,
};

// How to ask.
struct cmqtt_resolver_options {
    // An IPv4 or IPv6 address, or NULL for the name servers of the system.
    const char *server;
    // The port of the name server; not used without one.
    int port;
    // How often to ask each server, 0 for what the system is set to.
    int attempts;
    // How long to wait each time, 0 for what the system is set to; rounded up to whole seconds for answers by UDP.
    int timeout_ms;
};

// Asks for the SRV records of a name; blocks.
//
// An answer too long for UDP is asked for again by TCP. A thread may ask while others do.
//
// answer:        gets the answer as it came; 65536 bytes are always enough.
// length:        gets how long it is.
// system_error:  gets errno after CMQTT_RESOLVER_FAILED.
enum cmqtt_resolver_result cmqtt_resolver_ask(
    const char *name,
    const struct cmqtt_resolver_options *options,
    unsigned char *answer,
    int capacity,
    int *length,
    int *system_error
);

#endif
