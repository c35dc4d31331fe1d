// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Takes PUBLISH and acknowledges a read's worth in one write; or sends each back on bench/reply.
#include "broker.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct client {
    int fd, version;
    /// Bytes of a PUBLISH still to be thrown away, and the answer that is due then: its kind and the identifier.
    size_t skip;
    uint8_t due[3];
    /// The head of a packet that has not arrived whole.
    uint8_t *kept;
    size_t kept_length;
};

static uint8_t in[READ_ROOM * 2], out[ANSWER_ROOM * 2];
static size_t filled;
static uint64_t taken, bytes;
static double first, last;

static void acknowledge(uint8_t kind, uint8_t high, uint8_t low) {
    const uint8_t packet[] = {kind, 2, high, low};
    memcpy(out + filled, packet, 4);
    filled += 4;
}

/// Takes the PUBLISH at `at`, of which only some may be there: how much of it was used, or 0 when its head is incomplete.
static size_t take_publish(struct client *c, const struct packet *packet, size_t have, int echoes) {
    size_t head = packet->total - packet->length;
    int qos = packet->flags >> 1 & 3;
    if (have < head + 2) return 0;
    size_t name = (size_t)packet->body[0] << 8 | packet->body[1];
    if (have < head + 4 + name && have < packet->total) return 0;
    if (echoes && have < packet->total) return 0;
    const uint8_t *id = packet->body + 2 + name;
    uint8_t kind = qos == 1 ? 0x40 : 0x50;
    taken++;
    bytes += packet->total;
    if (have < packet->total) {
        c->skip = packet->total - have;
        if (qos) memcpy(c->due, (uint8_t[]){kind, id[0], id[1]}, 3);
        return have;
    }
    if (qos) acknowledge(kind, id[0], id[1]);
    if (echoes) {
        size_t payload = packet->length - 2 - name - (qos ? 2 : 0) - (c->version == 5);
        filled += put_publish(out + filled, c->version, "bench/reply", 0, 0, 0, 0, payload);
    }
    return packet->total;
}

/// Answers what is there; how much of it was used, or -1 when the client leaves.
static ssize_t take(struct client *c, const uint8_t *at, size_t have, int echoes) {
    size_t used = 0;
    struct packet packet;
    while (next_packet(at + used, have - used, &packet)) {
        size_t there = have - used;
        if (filled > ANSWER_ROOM) {
            if (put_all(c->fd, out, filled)) return -1;
            filled = 0;
        }
        if (packet.kind == 3) {
            size_t n = take_publish(c, &packet, there, echoes);
            if (n == 0) break;
            used += n;
            continue;
        }
        if (there < packet.total) break;
        long receive_maximum;
        switch (packet.kind) {
        case 1:
            c->version = read_connect(&packet, &receive_maximum);
            filled += put_connack(out + filled, c->version);
            break;
        case 6: acknowledge(0x70, packet.body[0], packet.body[1]); break;
        case 8: filled += put_suback(out + filled, &packet, c->version, NULL); break;
        case 10: filled += put_unsuback(out + filled, &packet, c->version); break;
        case 12:
            out[filled++] = 0xd0;
            out[filled++] = 0;
            break;
        case 14: return -1;
        }
        used += packet.total;
    }
    return (ssize_t)used;
}

static int serve(struct client *c, int echoes) {
    if (c->kept_length) memcpy(in, c->kept, c->kept_length);
    ssize_t n = read(c->fd, in + c->kept_length, READ_ROOM);
    if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    size_t have = c->kept_length + (size_t)n, at = 0;
    if (c->skip) {
        at = c->skip < have ? c->skip : have;
        c->skip -= at;
        if (!c->skip && c->due[0]) {
            acknowledge(c->due[0], c->due[1], c->due[2]);
            c->due[0] = 0;
        }
    }
    uint64_t before = taken;
    ssize_t used = take(c, in + at, have - at, echoes);
    if (filled && put_all(c->fd, out, filled)) used = -1;
    filled = 0;
    if (taken > before || at) {
        last = now();
        if (first == 0) first = last;
    }
    if (used < 0) return -1;
    at += (size_t)used;
    c->kept_length = have - at;
    // Longer than anything a benchmark sends that has to be there as a whole.
    if (c->kept_length > READ_ROOM) return -1;
    if (c->kept_length) {
        c->kept = realloc(c->kept, c->kept_length);
        memcpy(c->kept, in + at, c->kept_length);
    }
    return 0;
}

void sink(int listener, int echoes) {
    struct client **clients = NULL;
    struct pollfd *wait = malloc(sizeof *wait);
    size_t count = 0, room = 0, served = 0;
    wait[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
    while (!served || count > 0) {
        if (poll(wait, count + 1, -1) < 0 && errno != EINTR) fail("poll");
        for (size_t i = count; i-- > 0;) {
            if (!wait[i + 1].revents || serve(clients[i], echoes) == 0) continue;
            close(clients[i]->fd);
            free(clients[i]->kept);
            free(clients[i]);
            count--;
            clients[i] = clients[count];
            wait[i + 1] = wait[count + 1];
        }
        int fd;
        while (wait[0].revents && (fd = accept_one(listener)) >= 0) {
            if (count == room) {
                room = room ? room * 2 : 64;
                clients = realloc(clients, room * sizeof *clients);
                wait = realloc(wait, (room + 1) * sizeof *wait);
            }
            clients[count] = calloc(1, sizeof **clients);
            clients[count]->fd = fd;
            clients[count]->version = 4;
            wait[++count] = (struct pollfd){.fd = fd, .events = POLLIN};
            served++;
        }
    }
    printf("{\"connections\":%zu,\"publishes\":%lu,\"bytes\":%lu,\"secs\":%.6f}\n", served, (unsigned long)taken,
           (unsigned long)bytes, last - first);
}
