// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// A broker that only pretends, as fast as it can, so that the client is what a benchmark measures.
//   fake-broker sink                                      takes PUBLISH and acknowledges a read's worth in one write
//   fake-broker flood n=N size=S qos=Q window=W filters=F   floods its subscriber once it has F subscriptions
//   fake-broker echo                                      sends every PUBLISH back on bench/reply
// Prints its port, serves connections one after the other (sink: side by side), and ends when the last has gone.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CLIENTS = 8192, ROOM = 1 << 18 };

struct client {
    int fd;
    int version;
    size_t have;
    size_t skip;      // bytes of a large PUBLISH still to be thrown away
    uint8_t *in;
};

static struct client clients[MAX_CLIENTS];
static int count;
static long messages = 1000000, size = 16, qos, window = 100, filters = 1;
static char topics[65536][32];
static int subscribed;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void put(int fd, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, 1000);
            continue;
        }
        if (n <= 0) return;
        bytes += n;
        length -= (size_t)n;
    }
}

static int encode_length(uint8_t *out, size_t length) {
    int i = 0;
    do {
        out[i] = length & 127;
        length >>= 7;
        if (length) out[i] |= 128;
        i++;
    } while (length);
    return i;
}

// The header's size, or 0 when it is not complete; -1 when it is wrong.
static int decode_length(const uint8_t *at, size_t have, size_t *length) {
    *length = 0;
    for (int i = 1; i <= 4; i++) {
        if ((size_t)i >= have) return 0;
        *length |= (size_t)(at[i] & 127) << (7 * (i - 1));
        if (!(at[i] & 128)) return i + 1;
    }
    return -1;
}

static size_t publish(uint8_t *out, int version, int with_qos, const char *topic, uint16_t id, size_t payload) {
    size_t name = strlen(topic), at = 0;
    size_t rest = 2 + name + (with_qos ? 2 : 0) + (version == 5) + payload;
    out[at++] = (uint8_t)(0x30 | with_qos << 1);
    at += (size_t)encode_length(out + at, rest);
    out[at++] = (uint8_t)(name >> 8);
    out[at++] = (uint8_t)name;
    memcpy(out + at, topic, name);
    at += name;
    if (with_qos) {
        out[at++] = (uint8_t)(id >> 8);
        out[at++] = (uint8_t)id;
    }
    if (version == 5) out[at++] = 0;
    memset(out + at, 'x', payload);
    return at + payload;
}

// --- sink and echo

static size_t answer(struct client *c, const uint8_t *packet, int header, size_t length, uint8_t *out, int echoes) {
    const uint8_t *body = packet + header;
    size_t at = 0;
    switch (packet[0] >> 4) {
    case 1:
        c->version = body[2 + body[1]];
        out[at++] = 0x20;
        out[at++] = c->version == 5 ? 3 : 2;
        out[at++] = 0;
        out[at++] = 0;
        if (c->version == 5) out[at++] = 0;
        break;
    case 3: {
        int level = packet[0] >> 1 & 3;
        size_t name = (size_t)body[0] << 8 | body[1];
        if (level) {
            out[at++] = level == 1 ? 0x40 : 0x50;
            out[at++] = 2;
            out[at++] = body[2 + name];
            out[at++] = body[3 + name];
        }
        if (echoes) {
            size_t head = 2 + name + (level ? 2 : 0) + (c->version == 5);
            at += publish(out + at, c->version, 0, "bench/reply", 0, length - head);
        }
        break;
    }
    case 6:
        out[at++] = 0x70;
        out[at++] = 2;
        out[at++] = body[0];
        out[at++] = body[1];
        break;
    case 8: {
        out[at++] = 0x90;
        out[at++] = c->version == 5 ? 4 : 3;
        out[at++] = body[0];
        out[at++] = body[1];
        if (c->version == 5) out[at++] = 0;
        out[at++] = 0;
        break;
    }
    case 12:
        out[at++] = 0xd0;
        out[at++] = 0;
        break;
    }
    return at;
}

static int serve(struct client *c, int echoes) {
    static uint8_t out[ROOM * 2];
    ssize_t n = read(c->fd, c->in + c->have, ROOM - c->have);
    if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    c->have += (size_t)n;
    size_t at = 0, filled = 0;
    if (c->skip) {
        at = c->skip < c->have ? c->skip : c->have;
        c->skip -= at;
    }
    while (c->have - at >= 2) {
        size_t length;
        int header = decode_length(c->in + at, c->have - at, &length);
        if (header < 0) return -1;
        if (!header) break;
        size_t total = (size_t)header + length;
        if (c->have - at < total) {
            // Too large for the buffer: its head is enough to answer, the rest is thrown away as it comes.
            if (total <= ROOM || c->have - at < 256) break;
            filled += answer(c, c->in + at, header, length, out + filled, 0);
            c->skip = total - (c->have - at);
            at = c->have;
            break;
        }
        if (c->in[at] >> 4 == 14) return -1;
        filled += answer(c, c->in + at, header, length, out + filled, echoes);
        at += total;
        if (filled > ROOM) {
            put(c->fd, out, filled);
            filled = 0;
        }
    }
    if (filled) put(c->fd, out, filled);
    memmove(c->in, c->in + at, c->have - at);
    c->have -= at;
    return 0;
}

static void serve_all(int listener, int echoes) {
    static struct pollfd wait[MAX_CLIENTS + 1];
    int had = 0;
    while (!had || count > 0) {
        wait[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (int i = 0; i < count; i++) wait[i + 1] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        int before = count;
        if (poll(wait, (nfds_t)count + 1, 120000) <= 0) exit(1);
        for (int i = before - 1; i >= 0; i--) {
            if (!wait[i + 1].revents || serve(&clients[i], echoes) == 0) continue;
            close(clients[i].fd);
            free(clients[i].in);
            clients[i] = clients[--count];
        }
        if (wait[0].revents && count < MAX_CLIENTS) {
            int fd = accept(listener, NULL, NULL);
            if (fd < 0) continue;
            int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            clients[count++] = (struct client){.fd = fd, .version = 4, .in = malloc(ROOM)};
            had = 1;
        }
    }
}

// --- flood

static size_t read_packet(int fd, uint8_t *into) {
    size_t have = 0;
    for (;;) {
        size_t length;
        int header = have >= 2 ? decode_length(into, have, &length) : 0;
        if (header > 0 && have >= (size_t)header + length) return have;
        size_t want = header > 0 ? (size_t)header + length - have : 1;
        ssize_t n = read(fd, into + have, want);
        if (n <= 0) exit(0);
        have += (size_t)n;
    }
}

static void take_subscription(const uint8_t *packet, int version) {
    size_t length;
    int header = decode_length(packet, 5, &length);
    const uint8_t *at = packet + header + 2, *end = packet + header + length;
    if (version == 5) {
        size_t properties;
        int bytes = decode_length(at - 1, 5, &properties) - 1;
        at += (size_t)bytes + properties;
    }
    while (at + 2 < end) {
        size_t name = (size_t)at[0] << 8 | at[1];
        char *topic = topics[subscribed++ & 65535];
        size_t kept = name < 31 ? name : 31;
        memcpy(topic, at + 2, kept);
        topic[kept] = 0;
        for (char *p = topic; *p; p++)
            if (*p == '#' || *p == '+') *p = 'x';
        at += name + 3;
    }
}

static void flood(int listener) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) fail("accept");
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    uint8_t *in = malloc(ROOM), *out = malloc(ROOM + (size_t)size + 128);
    struct client c = {.fd = fd, .version = 4};
    while (subscribed < filters) {
        read_packet(fd, in);
        size_t length;
        int header = decode_length(in, 5, &length);
        uint8_t reply[16];
        size_t n = answer(&c, in, header, length, reply, 0);
        if (in[0] >> 4 == 8) {
            take_subscription(in, c.version);
            reply[n - 1] = (uint8_t)qos;
        }
        put(fd, reply, n);
    }
    long sent = 0, done = 0;
    uint16_t id = 0;
    size_t have = 0;
    while (sent < messages || done < (qos ? messages : 0)) {
        size_t filled = 0;
        while (sent < messages && filled < ROOM - 128 && (!qos || sent - done < window)) {
            if (qos && ++id == 0) id = 1;
            const char *topic = topics[(uint64_t)sent * 7919 % (uint64_t)subscribed];
            filled += publish(out + filled, c.version, (int)qos, topic, id, (size_t)size);
            sent++;
        }
        if (!qos) {
            put(fd, out, filled);
            continue;
        }
        ssize_t n;
        if (filled) put(fd, out, filled);
        filled = 0;
        if ((n = read(fd, in + have, ROOM - have)) <= 0) exit(0);
        have += (size_t)n;
        size_t at = 0, length;
        int header;
        while (have - at >= 2 && (header = decode_length(in + at, have - at, &length)) > 0 &&
               have - at >= (size_t)header + length) {
            int kind = in[at] >> 4;
            if (kind == 4 || kind == 7) done++;
            if (kind == 5) {
                const uint8_t release[] = {0x62, 2, in[at + 2], in[at + 3]};
                memcpy(out + filled, release, 4);
                filled += 4;
            }
            at += (size_t)header + length;
        }
        if (filled) put(fd, out, filled);
        memmove(in, in + at, have - at);
        have -= at;
    }
    put(fd, out, publish(out, c.version, 0, topics[0], 0, (size_t)size));
    while (read(fd, in, ROOM) > 0) {
    }
}

static long number(int argc, char **argv, const char *key, long standard) {
    size_t length = strlen(key);
    for (int i = 2; i < argc; i++)
        if (!strncmp(argv[i], key, length) && argv[i][length] == '=') return atol(argv[i] + length + 1);
    return standard;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    const char *mode = argc > 1 ? argv[1] : "sink";
    messages = number(argc, argv, "n", messages);
    size = number(argc, argv, "size", size);
    qos = number(argc, argv, "qos", qos);
    window = number(argc, argv, "window", window);
    filters = number(argc, argv, "filters", filters);
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t room = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, room) || listen(listener, 1024)) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &room);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    if (!strcmp(mode, "flood")) flood(listener);
    else serve_all(listener, !strcmp(mode, "echo"));
    return 0;
}
