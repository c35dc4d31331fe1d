// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// A broker that only pretends, as fast as it can, so that the client is what a benchmark measures.
//   fake-broker sink    takes PUBLISH and acknowledges a read's worth in one write
//   fake-broker echo    sends every PUBLISH back on bench/reply
//   fake-broker flood   sends n PUBLISH to each subscriber once there are all; words:
//       n= size= qos=   how many, how large, at which QoS
//       window=         at most so many unacknowledged, or the client's receive maximum
//       filters=        begins when so many filters are subscribed; each has a topic of its own, taken in scattered order
//       topics=         of one filter that ends in a wildcard: t0, t1 and so on in its place
//       props=1         with the properties a sensor's message might have (MQTT 5)
//       conns=          so many subscribers
//       burst=          at most so many packets in one write (as many as fit into 256 KiB)
// Prints its port, ends when the last client has gone, and then prints a line of JSON with its counts.
#include "broker.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct settings settings;

static long number(int argc, char **argv, const char *key, long standard) {
    size_t length = strlen(key);
    for (int i = 2; i < argc; i++)
        if (!strncmp(argv[i], key, length) && argv[i][length] == '=') return atol(argv[i] + length + 1);
    return standard;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    const char *mode = argc > 1 ? argv[1] : "sink";
    settings = (struct settings){
        .n = number(argc, argv, "n", 1000000),
        .size = number(argc, argv, "size", 16),
        .qos = number(argc, argv, "qos", 0),
        .window = number(argc, argv, "window", 100),
        .filters = number(argc, argv, "filters", 1),
        .topics = number(argc, argv, "topics", 1),
        .props = number(argc, argv, "props", 0),
        .conns = number(argc, argv, "conns", 1),
        .burst = number(argc, argv, "burst", 0),
    };
    int listener = listen_locally();
    if (!strcmp(mode, "flood")) flood(listener);
    else sink(listener, !strcmp(mode, "echo"));
    return 0;
}
