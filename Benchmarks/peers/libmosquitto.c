// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// The workloads of bench-client on libmosquitto, in one thread with a loop of its own, for `make bench`.
// cc -O2 libmosquitto.c -lmosquitto; the words are those of bench-client.
#include <mosquitto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct moment {
    double wall, user, system;
};

static char **words;
static long connected, granted, acknowledged, received;
static struct moment start;

static long number(const char *key, long standard) {
    size_t length = strlen(key);
    for (char **word = words; *word; word++)
        if (!strncmp(*word, key, length) && (*word)[length] == '=') return atol(*word + length + 1);
    return standard;
}

static int is(const char *word) {
    for (char **at = words; *at; at++)
        if (!strcmp(*at, word)) return 1;
    return 0;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct moment moment(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (struct moment){now(), (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
                           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6};
}

static long resident(void) {
    long all = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld %ld", &all, &pages) != 2) pages = 0;
    if (file) fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void report(long n, const char *more) {
    struct moment end = moment();
    printf("{\"n\":%ld,\"secs\":%.6f,\"user\":%.6f,\"sys\":%.6f,\"rss_kb\":%ld%s}\n", n, end.wall - start.wall,
           end.user - start.user, end.system - start.system, resident(), more);
}

static void on_connect(struct mosquitto *m, void *user, int code) {
    (void)m, (void)user;
    if (code == 0) connected++;
}

static void on_subscribe(struct mosquitto *m, void *user, int id, int count, const int *qos) {
    (void)m, (void)user, (void)id, (void)qos;
    granted += count;
}

static void on_publish(struct mosquitto *m, void *user, int id) {
    (void)m, (void)user, (void)id;
    acknowledged++;
}

static void on_message(struct mosquitto *m, void *user, const struct mosquitto_message *message) {
    (void)m, (void)user, (void)message;
    if (received++ == 0) start = moment();
}

static struct mosquitto *dial(long number_of_client) {
    char name[32];
    snprintf(name, sizeof name, "peer-%ld", number_of_client);
    struct mosquitto *m = mosquitto_new(name, true, NULL);
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, number("proto", 4) == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(m, (unsigned)number("window", 100));
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_publish_callback_set(m, on_publish);
    mosquitto_message_callback_set(m, on_message);
    if (mosquitto_connect(m, "127.0.0.1", (int)number("port", 1883), 60) != MOSQ_ERR_SUCCESS) {
        fprintf(stderr, "libmosquitto: cannot connect\n");
        exit(1);
    }
    return m;
}

static void publish(struct mosquitto *m, long n, int qos, int size, const char *payload) {
    long sent = 0, window = number("window", 100);
    start = moment();
    while (qos && acknowledged < n) {
        for (; sent < n && sent - acknowledged < window; sent++)
            mosquitto_publish(m, NULL, "bench/t0", size, payload, qos, false);
        mosquitto_loop(m, 1000, 100);
    }
    if (!qos) {
        for (; sent < n; sent++) {
            mosquitto_publish(m, NULL, "bench/t0", size, payload, 0, false);
            while (mosquitto_want_write(m)) mosquitto_loop(m, 1000, 1);
        }
        mosquitto_publish(m, NULL, "bench/end", size, payload, 1, false);
        while (acknowledged < n + 1) mosquitto_loop(m, 1000, 1);
    }
    report(n, "");
}

static void subscribe(struct mosquitto *m, long n, int qos) {
    long filters = number("filters", 1);
    for (long i = 0; i < filters; i++) {
        char filter[32];
        snprintf(filter, sizeof filter, filters == 1 ? "bench/#" : number("wild", 0) ? "bench/t%ld/+" : "bench/t%ld", i);
        mosquitto_subscribe(m, NULL, filter, qos);
    }
    while (received < n + 1) mosquitto_loop(m, 1000, 100);
    report(n, "");
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void round_trips(struct mosquitto *m, long n, int size, const char *payload) {
    double *times = calloc((size_t)n, sizeof *times);
    mosquitto_subscribe(m, NULL, "bench/reply", 0);
    while (!granted) mosquitto_loop(m, 1000, 1);
    for (long i = -1000; i < n; i++) {
        if (i == 0) start = moment();
        double from = now();
        long before = received;
        mosquitto_publish(m, NULL, "bench/t0", size, payload, 0, false);
        while (received == before) mosquitto_loop(m, 1000, 1);
        if (i >= 0) times[i] = now() - from;
    }
    qsort(times, (size_t)n, sizeof *times, ascending);
    char more[64];
    snprintf(more, sizeof more, ",\"p50_us\":%.2f,\"p99_us\":%.2f", times[n / 2] * 1e6, times[n * 99 / 100] * 1e6);
    report(n, more);
}

static void connections(long count) {
    struct pollfd *wait = calloc((size_t)count, sizeof *wait);
    struct mosquitto **all = calloc((size_t)count, sizeof *all);
    long base = resident();
    start = moment();
    for (long i = 0; i < count; i++) {
        all[i] = dial(i);
        wait[i] = (struct pollfd){.fd = mosquitto_socket(all[i]), .events = POLLIN};
    }
    while (connected < count) {
        poll(wait, (nfds_t)count, -1);
        for (long i = 0; i < count; i++)
            if (wait[i].revents) mosquitto_loop_read(all[i], 1);
    }
    char more[64];
    snprintf(more, sizeof more, ",\"base_kb\":%ld", base);
    report(count, more);
}

int main(int argc, char **argv) {
    (void)argc;
    words = argv + 1;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    mosquitto_lib_init();
    long n = number("n", 100000), size = number("size", 16);
    int qos = (int)number("qos", 0);
    char *payload = malloc((size_t)size + 1);
    memset(payload, 'x', (size_t)size);
    if (is("mode=conns")) {
        connections(number("conns", 1000));
        return 0;
    }
    struct mosquitto *m = dial(0);
    while (!connected) mosquitto_loop(m, 1000, 1);
    if (is("mode=sub")) subscribe(m, n, qos);
    else if (is("mode=rtt")) round_trips(m, n, (int)size, payload);
    else publish(m, n, qos, (int)size, payload);
    return 0;
}
