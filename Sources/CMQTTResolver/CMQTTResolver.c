// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#include "CMQTTResolver.h"

#include <stddef.h>

#if defined(__linux__)
#include <features.h>
#endif

#if defined(__APPLE__) || (defined(__GLIBC__) && !defined(__UCLIBC__))

#include <sys/types.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEADER_LENGTH 12
// Class IN, type SRV.
#define CLASS 1
#define TYPE 33

// The address of a name server; false when it is none.
static int parse(const char *text, int port, struct sockaddr_storage *storage) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
    memset(storage, 0, sizeof *storage);
    if (port < 1 || port > 65535) return 0;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
#if defined(__APPLE__)
        v4->sin_len = sizeof *v4;
#endif
        return 1;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
#if defined(__APPLE__)
        v6->sin6_len = sizeof *v6;
#endif
        return 1;
    }
    return 0;
}

#if defined(__APPLE__)

static int set_server(res_state state, const struct sockaddr_storage *server) {
    union res_sockaddr_union address;
    memset(&address, 0, sizeof address);
    if (server->ss_family == AF_INET) {
        memcpy(&address.sin, server, sizeof address.sin);
    } else {
        memcpy(&address.sin6, server, sizeof address.sin6);
    }
    res_setservers(state, &address, 1);
    return 1;
}

static void finish(res_state state) { res_ndestroy(state); }

#else

static int set_server(res_state state, const struct sockaddr_storage *server) {
    if (server->ss_family == AF_INET) {
        memcpy(&state->nsaddr_list[0], server, sizeof state->nsaddr_list[0]);
    } else {
        // Addresses too long for the list are beside it; res_nclose frees them.
        if (state->_u._ext.nsaddrs[0] == NULL) {
            state->_u._ext.nsaddrs[0] = malloc(sizeof(struct sockaddr_in6));
            if (state->_u._ext.nsaddrs[0] == NULL) return 0;
        }
        memcpy(state->_u._ext.nsaddrs[0], server, sizeof(struct sockaddr_in6));
        memset(&state->nsaddr_list[0], 0, sizeof state->nsaddr_list[0]);
    }
    state->nscount = 1;
    return 1;
}

static void finish(res_state state) { res_nclose(state); }

static long long now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// Waits until a socket is ready; 0, or an error number.
static int wait_for(int socket, short events, long long deadline) {
    for (;;) {
        long long left = deadline - now_ms();
        struct pollfd descriptor = {.fd = socket, .events = events};
        if (left <= 0) return ETIMEDOUT;
        int count = poll(&descriptor, 1, left > 60000 ? 60000 : (int)left);
        if (count > 0) return 0;
        if (count < 0 && errno != EINTR) return errno;
    }
}

// Sends or receives all of it; 0, or an error number.
static int transfer(int socket, unsigned char *bytes, size_t length, int sends, long long deadline) {
    size_t done = 0;
    while (done < length) {
        int error = wait_for(socket, sends ? POLLOUT : POLLIN, deadline);
        if (error != 0) return error;
        ssize_t count = sends ? send(socket, bytes + done, length - done, MSG_NOSIGNAL)
                              : recv(socket, bytes + done, length - done, 0);
        if (count > 0) {
            done += (size_t)count;
        } else if (count == 0) {
            return ECONNRESET;
        } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
            return errno;
        }
    }
    return 0;
}

// Asks one server by TCP; 0, or an error number.
static int exchange(
    int socket, const struct sockaddr *server, socklen_t server_length, const unsigned char *query, int query_length,
    unsigned char *answer, int capacity, int *length, long long deadline
) {
    unsigned char prefixed[2 + 512];
    unsigned char size[2];
    int error = 0;
    socklen_t error_length = sizeof error;
    if (connect(socket, server, server_length) != 0) {
        if (errno != EINPROGRESS) return errno;
        if ((error = wait_for(socket, POLLOUT, deadline)) != 0) return error;
        if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &error_length) != 0) return errno;
        if (error != 0) return error;
    }
    prefixed[0] = (unsigned char)(query_length >> 8);
    prefixed[1] = (unsigned char)query_length;
    memcpy(prefixed + 2, query, (size_t)query_length);
    if ((error = transfer(socket, prefixed, (size_t)query_length + 2, 1, deadline)) != 0) return error;
    if ((error = transfer(socket, size, 2, 0, deadline)) != 0) return error;
    int announced = size[0] << 8 | size[1];
    if (announced < HEADER_LENGTH || announced > capacity) return EMSGSIZE;
    if ((error = transfer(socket, answer, (size_t)announced, 0, deadline)) != 0) return error;
    if (memcmp(answer, query, 2) != 0) return EBADMSG;
    *length = announced;
    return 0;
}

// Asks again by TCP what was too long for UDP: the resolver would wait for a server without end.
static int ask_by_tcp(
    res_state state, const unsigned char *query, int query_length, unsigned char *answer, int capacity, int *length
) {
    int error = ETIMEDOUT;
    for (int index = 0; index < state->nscount && index < MAXNS; index++) {
        struct sockaddr *server = (struct sockaddr *)&state->nsaddr_list[index];
        socklen_t server_length = sizeof state->nsaddr_list[index];
        if (state->nsaddr_list[index].sin_family == 0) {
            server = (struct sockaddr *)state->_u._ext.nsaddrs[index];
            server_length = sizeof(struct sockaddr_in6);
        }
        if (server == NULL) continue;
        int descriptor = socket(server->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (descriptor < 0) return errno;
        long long deadline = now_ms() + 1000LL * (state->retrans > 0 ? state->retrans : RES_TIMEOUT);
        error = exchange(
            descriptor, server, server_length, query, query_length, answer, capacity, length, deadline
        );
        close(descriptor);
        if (error == 0) return 0;
    }
    return error;
}

#endif

// Whether this is an answer to the query, and how it says that it went.
static int is_answer(const unsigned char *answer, const unsigned char *query) {
    return memcmp(answer, query, 2) == 0 && (answer[2] & 0x80) != 0;
}

static enum cmqtt_resolver_result ask(
    res_state state, const char *name, unsigned char *answer, int capacity, int *length, int *system_error
) {
    unsigned char query[512];
    int query_length = res_nmkquery(state, 0, name, CLASS, TYPE, NULL, 0, NULL, query, sizeof query);
    if (query_length < HEADER_LENGTH || query_length > (int)sizeof query) return CMQTT_RESOLVER_BAD_NAME;
    // What a server says that does not answer is found here after a failure.
    memset(answer, 0, HEADER_LENGTH);
    errno = 0;
    int received = res_nsend(state, query, query_length, answer, capacity);
    if (received >= HEADER_LENGTH && received <= capacity) {
        *length = received;
#if !defined(__APPLE__)
        // Cut off.
        if (is_answer(answer, query) && (answer[2] & 0x02) != 0) {
            int error = ask_by_tcp(state, query, query_length, answer, capacity, length);
            if (error == ETIMEDOUT) return CMQTT_RESOLVER_TIMED_OUT;
            *system_error = error;
            return error == 0 ? CMQTT_RESOLVER_ANSWERED : CMQTT_RESOLVER_FAILED;
        }
#endif
        return CMQTT_RESOLVER_ANSWERED;
    }
    *system_error = errno;
    // The resolver takes no for no answer and goes on to the next server; what the last one said is still there.
    if (is_answer(answer, query) && (answer[3] & 0x0F) != 0) {
        *length = HEADER_LENGTH;
        return CMQTT_RESOLVER_ANSWERED;
    }
    return *system_error == 0 || *system_error == ETIMEDOUT ? CMQTT_RESOLVER_TIMED_OUT : CMQTT_RESOLVER_FAILED;
}

enum cmqtt_resolver_result cmqtt_resolver_ask(
    const char *name, const struct cmqtt_resolver_options *options, unsigned char *answer, int capacity, int *length,
    int *system_error
) {
    struct __res_state state;
    struct sockaddr_storage server;
    *length = 0;
    *system_error = 0;
    if (capacity < HEADER_LENGTH || strlen(name) > 255) return CMQTT_RESOLVER_BAD_NAME;
    if (options->server != NULL && !parse(options->server, options->port, &server)) return CMQTT_RESOLVER_BAD_SERVER;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) {
        *system_error = errno;
        return CMQTT_RESOLVER_FAILED;
    }
    enum cmqtt_resolver_result result = CMQTT_RESOLVER_FAILED;
    if (options->server == NULL || set_server(&state, &server)) {
        if (options->attempts > 0) state.retry = options->attempts;
        if (options->timeout_ms > 0) state.retrans = (options->timeout_ms - 1) / 1000 + 1;
#if !defined(__APPLE__)
        state.options |= RES_IGNTC;
#endif
        result = ask(&state, name, answer, capacity, length, system_error);
    } else {
        *system_error = ENOMEM;
    }
    finish(&state);
    return result;
}

#else

enum cmqtt_resolver_result cmqtt_resolver_ask(
    const char *name, const struct cmqtt_resolver_options *options, unsigned char *answer, int capacity, int *length,
    int *system_error
) {
    (void)name;
    (void)options;
    (void)answer;
    (void)capacity;
    *length = 0;
    *system_error = 0;
    return CMQTT_RESOLVER_UNSUPPORTED;
}

#endif
