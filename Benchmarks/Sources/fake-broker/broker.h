// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// A broker that only pretends, as fast as it can, so that the client is what a benchmark measures.
#pragma once
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>

enum {
    READ_ROOM = 1 << 19,
    // More than the answers to a read can fill: a PUBLISH with an answer has 7 bytes at least, an answer 5 at most.
    ANSWER_ROOM = READ_ROOM + 4096,
};

/// What the command line says.
struct settings {
    long n, size, qos, window, filters, topics, props, conns, burst;
};
extern struct settings settings;

/// One side's bytes: where a packet begins and what its fixed header says.
struct packet {
    int kind, flags;
    const uint8_t *body;
    size_t length;
    /// Of header and body.
    size_t total;
};

// wire.c
/// Reads a fixed header: 1, or 0 when more bytes are needed. The body may not have arrived.
int next_packet(const uint8_t *at, size_t have, struct packet *packet);
int put_length(uint8_t *out, size_t length);
int take_length(const uint8_t *at, const uint8_t *end, uint32_t *length);
size_t put_publish(uint8_t *out, int version, const char *topic, uint32_t identifier, uint16_t id, int qos, int props,
                   size_t payload);
/// The version of a CONNECT, and the receive maximum it names.
int read_connect(const struct packet *connect, long *receive_maximum);
size_t put_connack(uint8_t *out, int version);
/// Calls back for each filter of a SUBSCRIBE, and gives the size of its answer.
size_t put_suback(uint8_t *out, const struct packet *subscribe, int version,
                  void (*took)(const uint8_t *filter, size_t length, uint32_t identifier));
size_t put_unsuback(uint8_t *out, const struct packet *unsubscribe, int version);

// net.c
void fail(const char *what);
double now(void);
int listen_locally(void);
int accept_one(int listener);
/// Writes everything, waiting where the socket is full; -1 when the peer has gone.
int put_all(int fd, const uint8_t *bytes, size_t length);

// sink.c, flood.c
void sink(int listener, int echoes);
void flood(int listener);
