// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Floods its subscribers with PUBLISH packets that were encoded before.
#include "broker.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct topic {
    char *name;
    uint32_t identifier;
};

struct subscriber {
    int fd, version;
    long sent, acknowledged, window, subscribed;
    /// What is being written of the ring.
    size_t from, to;
    uint8_t *in;
    size_t have;
};

enum { IN_ROOM = 1 << 17, RUN = 1 << 18 };

static struct topic *topics;
static size_t topic_count, topic_room;
static int is_first = 1;
static long *subscribed;

/// Packets one behind the other, and where each begins.
static uint8_t *ring;
static size_t *begins;
static long ring_count;

static void add_topic(char *name, uint32_t identifier) {
    if (topic_count == topic_room) {
        topic_room = topic_room ? topic_room * 2 : 64;
        topics = realloc(topics, topic_room * sizeof *topics);
    }
    topics[topic_count++] = (struct topic){name, identifier};
}

// A topic that the filter matches: its wildcards become an x each.
static void took_filter(const uint8_t *filter, size_t length, uint32_t identifier) {
    (*subscribed)++;
    if (!is_first) return;
    char *name = calloc(1, length + 1);
    for (size_t i = 0; i < length; i++) name[i] = filter[i] == '+' || filter[i] == '#' ? 'x' : (char)filter[i];
    add_topic(name, identifier);
}

/// One filter with a wildcard at its end stands for t0, t1 and so on.
static void spread_topics(void) {
    struct topic only = topics[0];
    size_t length = strlen(only.name);
    if (topic_count != 1 || only.name[length - 1] != 'x') return;
    topic_count = 0;
    for (long i = 0; i < settings.topics; i++) {
        char *name = malloc(length + 24);
        snprintf(name, length + 24, "%.*st%ld", (int)length - 1, only.name, i);
        add_topic(name, only.identifier);
    }
}

static void fill_ring(int version) {
    spread_topics();
    long count = (1 << 20) / (settings.size + 32) + 1, whole = (long)topic_count;
    // Two windows at least, so that a packet identifier in flight is not used again; 16 bits at most.
    if (settings.qos && count < 2 * settings.window) count = 2 * settings.window;
    if (settings.burst > count) count = settings.burst;
    // Not more than are sent: a payload may be large.
    if (count > settings.n) count = settings.n > 0 ? settings.n : 1;
    count = (count + whole - 1) / whole * whole;
    if (settings.qos && count > 65000) count = 65000;
    ring_count = count;
    size_t name = 0;
    for (size_t i = 0; i < topic_count; i++)
        if (strlen(topics[i].name) > name) name = strlen(topics[i].name);
    ring = malloc((size_t)count * (name + (size_t)settings.size + 96));
    begins = malloc(((size_t)count + 1) * sizeof *begins);
    size_t at = 0;
    for (long i = 0; i < count; i++) {
        // Scattered, so that no cache of the last topic helps.
        struct topic *topic = &topics[(uint64_t)i * 7919 % topic_count];
        begins[i] = at;
        at += put_publish(ring + at, version, topic->name, topic->identifier, (uint16_t)(i + 1), (int)settings.qos,
                          (int)settings.props, (size_t)settings.size);
    }
    begins[count] = at;
}

/// Answers what the client says; -1 when it leaves.
static int listen_to(struct subscriber *s) {
    uint8_t out[IN_ROOM];
    size_t filled = 0, at = 0;
    ssize_t n = read(s->fd, s->in + s->have, IN_ROOM - s->have);
    if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    s->have += (size_t)n;
    struct packet packet;
    subscribed = &s->subscribed;
    while (next_packet(s->in + at, s->have - at, &packet) && s->have - at >= packet.total) {
        switch (packet.kind) {
        case 1:
            s->version = read_connect(&packet, &s->window);
            if (settings.window < s->window) s->window = settings.window;
            filled += put_connack(out + filled, s->version);
            break;
        case 4: case 7: s->acknowledged++; break;
        case 5:
            memcpy(out + filled, (uint8_t[]){0x62, 2, packet.body[0], packet.body[1]}, 4);
            filled += 4;
            break;
        case 8: filled += put_suback(out + filled, &packet, s->version, took_filter); break;
        case 10: filled += put_unsuback(out + filled, &packet, s->version); break;
        case 12:
            out[filled++] = 0xd0;
            out[filled++] = 0;
            break;
        case 14: return -1;
        }
        at += packet.total;
    }
    memmove(s->in, s->in + at, s->have - at);
    s->have -= at;
    if (!filled) return 0;
    // Not in the middle of a packet.
    if (s->from < s->to && put_all(s->fd, ring + s->from, s->to - s->from)) return -1;
    s->from = s->to;
    return put_all(s->fd, out, filled);
}

/// Whether the subscriber may be sent anything.
static int has_work(const struct subscriber *s) {
    if (s->from < s->to) return 1;
    return s->sent < settings.n && (!settings.qos || s->sent - s->acknowledged < s->window);
}

/// Writes a run of packets, as far as the socket takes it.
static int pour(struct subscriber *s) {
    if (s->from == s->to) {
        long start = s->sent % ring_count, count = settings.n - s->sent;
        if (settings.qos && s->window - (s->sent - s->acknowledged) < count)
            count = s->window - (s->sent - s->acknowledged);
        if (settings.burst && count > settings.burst) count = settings.burst;
        if (start + count > ring_count) count = ring_count - start;
        while (count > 1 && begins[start + count] - begins[start] > RUN) count /= 2;
        s->from = begins[start];
        s->to = begins[start + count];
        s->sent += count;
    }
    ssize_t n = write(s->fd, ring + s->from, s->to - s->from);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    s->from += (size_t)n;
    return 0;
}

/// One message more, so that the client knows the acknowledgements have arrived.
static void end(struct subscriber *s) {
    uint8_t *out = malloc(strlen(topics[0].name) + 128);
    size_t length = put_publish(out, s->version, topics[0].name, topics[0].identifier, 0, 0, 0, 3);
    put_all(s->fd, out, length);
    free(out);
}

/// Takes connections until all have subscribed.
static struct subscriber *gather(int listener, struct pollfd *wait) {
    struct subscriber *all = calloc((size_t)settings.conns, sizeof *all);
    long count = 0, ready = 0;
    while (ready < settings.conns) {
        wait[count] = (struct pollfd){.fd = count < settings.conns ? listener : -1, .events = POLLIN};
        if (poll(wait, (nfds_t)count + 1, -1) < 0 && errno != EINTR) fail("poll");
        for (long i = 0; i < count; i++) {
            if (!wait[i].revents) continue;
            int was_ready = all[i].subscribed >= settings.filters;
            if (listen_to(&all[i])) exit(0);
            ready += !was_ready && all[i].subscribed >= settings.filters;
            // The topics are those of the first that has asked for anything.
            if (all[i].subscribed > 0 && settings.conns > 1) is_first = 0;
        }
        if (wait[count].revents) {
            struct subscriber *s = &all[count];
            if ((s->fd = accept_one(listener)) < 0) fail("accept");
            s->in = malloc(IN_ROOM);
            wait[count++] = (struct pollfd){.fd = s->fd, .events = POLLIN};
        }
    }
    return all;
}

void flood(int listener) {
    struct pollfd *wait = calloc((size_t)settings.conns + 1, sizeof *wait);
    struct subscriber *all = gather(listener, wait);
    fill_ring(all[0].version);
    long open = settings.conns;
    double start = now(), stop = 0;
    for (long i = 0; i < settings.conns; i++) wait[i].fd = all[i].fd;
    while (open > 0) {
        for (long i = 0; i < settings.conns; i++) wait[i].events = (short)(POLLIN | (has_work(&all[i]) ? POLLOUT : 0));
        if (poll(wait, (nfds_t)settings.conns, -1) < 0 && errno != EINTR) fail("poll");
        for (long i = 0; i < settings.conns; i++) {
            struct subscriber *s = &all[i];
            if (wait[i].fd < 0 || !wait[i].revents) continue;
            int gone = 0;
            if (wait[i].revents & (POLLIN | POLLHUP | POLLERR)) gone = listen_to(s);
            if (!gone && wait[i].revents & POLLOUT && has_work(s)) gone = pour(s);
            if (!gone && s->sent == settings.n && s->from == s->to && (!settings.qos || s->acknowledged >= settings.n)) {
                end(s);
                stop = now();
                s->sent++;
            }
            if (!gone) continue;
            close(s->fd);
            wait[i].fd = -1;
            open--;
        }
    }
    printf("{\"connections\":%ld,\"publishes\":%ld,\"secs\":%.6f}\n", settings.conns, settings.n * settings.conns,
           stop - start);
}
