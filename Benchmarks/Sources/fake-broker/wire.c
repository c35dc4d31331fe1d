// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#include "broker.h"
#include <string.h>

int put_length(uint8_t *out, size_t length) {
    int i = 0;
    do {
        out[i] = length & 127;
        length >>= 7;
        if (length) out[i] |= 128;
        i++;
    } while (length);
    return i;
}

int take_length(const uint8_t *at, const uint8_t *end, uint32_t *length) {
    *length = 0;
    for (int i = 0; i < 4 && at + i < end; i++) {
        *length |= (uint32_t)(at[i] & 127) << (7 * i);
        if (!(at[i] & 128)) return i + 1;
    }
    return 0;
}

int next_packet(const uint8_t *at, size_t have, struct packet *packet) {
    uint32_t length;
    if (have < 2) return 0;
    int bytes = take_length(at + 1, at + have, &length);
    if (bytes == 0) return 0;
    *packet = (struct packet){at[0] >> 4, at[0] & 15, at + 1 + bytes, length, 1 + (size_t)bytes + length};
    return 1;
}

// What a sensor's reading might carry, and the identifier of the subscription.
static size_t put_properties(uint8_t *out, uint32_t identifier, int props) {
    static const uint8_t usual[] = {1,    1,                                                     // payload format
                                    2,    0,   0,   0x0e, 0x10,                                  // expiry: an hour
                                    3,    0,   10,  't',  'e', 'x', 't', '/', 'p', 'l', 'a', 'i', 'n',  // content type
                                    0x26, 0,   4,   'u',  'n', 'i', 't', 0,   7,   'c', 'e', 'l', 's', 'i', 'u', 's'};
    uint8_t body[64];
    size_t length = 0;
    if (props) {
        memcpy(body, usual, sizeof usual);
        length = sizeof usual;
    }
    if (identifier) {
        body[length++] = 0x0b;
        length += (size_t)put_length(body + length, identifier);
    }
    int bytes = put_length(out, length);
    memcpy(out + bytes, body, length);
    return (size_t)bytes + length;
}

size_t put_publish(uint8_t *out, int version, const char *topic, uint32_t identifier, uint16_t id, int qos, int props,
                   size_t payload) {
    uint8_t properties[80];
    size_t name = strlen(topic), at = 0;
    size_t extra = version == 5 ? put_properties(properties, identifier, props) : 0;
    out[at++] = (uint8_t)(0x30 | qos << 1);
    at += (size_t)put_length(out + at, 2 + name + (qos ? 2 : 0) + extra + payload);
    out[at++] = (uint8_t)(name >> 8);
    out[at++] = (uint8_t)name;
    memcpy(out + at, topic, name);
    at += name;
    if (qos) {
        out[at++] = (uint8_t)(id >> 8);
        out[at++] = (uint8_t)id;
    }
    memcpy(out + at, properties, extra);
    at += extra;
    memset(out + at, 'x', payload);
    return at + payload;
}

int read_connect(const struct packet *connect, long *receive_maximum) {
    const uint8_t *at = connect->body + 2 + connect->body[1], *limit = connect->body + connect->length;
    int version = at[0];
    *receive_maximum = 65535;
    if (version != 5) return version;
    uint32_t length;
    at += 4;
    at += take_length(at, limit, &length);
    const uint8_t *end = at + length;
    while (at < end) {
        switch (*at++) {
        case 0x11: case 0x27: at += 4; break;
        case 0x21:
            *receive_maximum = at[0] << 8 | at[1];
            at += 2;
            break;
        case 0x22: at += 2; break;
        case 0x17: case 0x19: at += 1; break;
        default: return version;
        }
    }
    return version;
}

size_t put_connack(uint8_t *out, int version) {
    static const uint8_t five[] = {0x20, 3, 0, 0, 0}, before[] = {0x20, 2, 0, 0};
    memcpy(out, version == 5 ? five : before, 5 - (version != 5));
    return version == 5 ? 5 : 4;
}

// The answer to a SUBSCRIBE (a byte of options behind each filter) or an UNSUBSCRIBE (none).
static size_t put_answer(uint8_t *out, const struct packet *packet, int version, int options,
                         void (*took)(const uint8_t *, size_t, uint32_t)) {
    const uint8_t *at = packet->body + 2, *end = packet->body + packet->length;
    uint32_t identifier = 0, length = 0;
    if (version == 5) {
        at += take_length(at, end, &length);
        if (length > 1 && *at == 0x0b) take_length(at + 1, end, &identifier);
        at += length;
    }
    uint8_t reasons[16384];
    size_t count = 0;
    while (at + 2 < end && count < sizeof reasons) {
        size_t name = (size_t)at[0] << 8 | at[1];
        if (took) took(at + 2, name, identifier);
        at += 2 + name;
        reasons[count++] = options ? *at & 3 : 0;
        at += options;
    }
    // Before 5.0 an UNSUBACK says nothing of the filters (MQTT 3.1.1, 3.11).
    if (!options && version != 5) count = 0;
    size_t filled = 0;
    out[filled++] = options ? 0x90 : 0xb0;
    filled += (size_t)put_length(out + filled, 2 + (version == 5) + count);
    out[filled++] = packet->body[0];
    out[filled++] = packet->body[1];
    if (version == 5) out[filled++] = 0;
    memcpy(out + filled, reasons, count);
    return filled + count;
}

size_t put_suback(uint8_t *out, const struct packet *subscribe, int version,
                  void (*took)(const uint8_t *, size_t, uint32_t)) {
    return put_answer(out, subscribe, version, 1, took);
}

size_t put_unsuback(uint8_t *out, const struct packet *unsubscribe, int version) {
    return put_answer(out, unsubscribe, version, 0, NULL);
}
