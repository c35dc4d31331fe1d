#!/usr/bin/env bash
# Cost against the size of the work: subscriptions, connections, windows, a hundred thousand filters, ten million messages,
# the largest payload, and system calls per message where strace is. Three minutes. usage: bench-scale.sh [part...]
# parts: subscriptions connections windows filters flat payload syscalls
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/bench-lib.sh
source scripts/bench-lib.sh
build_benchmarks
parts=" ${*:-subscriptions connections windows filters flat payload syscalls} "
client=$bin/bench-client

wants() { [[ $parts == *" $1 "* ]]; }

# figures BROKER WORDS KEY...: runs once and prints the figures in columns. cpu is CPU seconds per million messages.
figures() {
    local broker=$1 words=$2
    shift 2
    one "$client" "$broker" "$words" | awk -v keys="$*" '
        function field(key) {
            if (!match($0, "\"" key "\":[-+.0-9e]+")) return 0
            return substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0
        }
        {
            n = split(keys, key, " ")
            for (i = 1; i <= n; i++) {
                if (key[i] == "user") printf "%14.3f", field("user") / field("n") * 1e6
                else if (key[i] == "cpu") printf "%14.3f", (field("user") + field("sys")) / field("n") * 1e6
                else if (key[i] ~ /_kb$/) printf "%14.1f", field(key[i]) / 1024
                else printf "%14.1f", field(key[i])
            }
            printf "\n"
        }'
}

# head TITLE COLUMN...
head_line() {
    printf '\n%-34s' "$1"
    shift
    printf '%14s' "$@"
    printf '\n'
}

# row NAME BROKER WORDS KEY...
row() {
    printf '%-34s' "$1"
    shift
    figures "$@" || printf '%14s\n' failed
}

if wants subscriptions; then
    head_line "received, per subscription" "CPU s/M" "RSS MB"
    for count in 1 10 100 1000 10000; do
        row "$count, a consumer each" flood "mode=sub exec=on n=1000000 filters=$count" cpu rss_kb
    done
    for count in 10 100 1000 10000; do
        row "1 with $count filters" flood "mode=sub exec=on n=1000000 filters=$count subs=1" cpu rss_kb
    done
fi

if wants connections; then
    head_line "connections, 50 messages at a time" "CPU s/M" "RSS MB"
    for count in 1 10 100 1000 5000; do
        # Each connection receives its share.
        row "receive over $count" flood "mode=sub conns=$count burst=50 n=$((2000000 / count))" cpu rss_kb
    done
    for count in 1 10 100 1000 5000; do
        row "publish over $count" sink "mode=pub conns=$count n=2000000" cpu rss_kb
    done
    head_line "connecting" "ms" "KB each"
    for count in 1000 5000; do
        row "$count clients" sink "mode=conns conns=$count" ms kb_each
    done
    row "1000 bare channels of NIO" sink "mode=channels conns=1000" ms
fi

if wants windows; then
    # System calls are shared by as many messages as the window allows; "user" is what the client's own code takes.
    head_line "publish QoS 1, on the executor" "CPU s/M" "user s/M"
    for window in 10 30 100 300 1000; do
        row "window $window, receipts" sink "mode=pub qos=1 exec=on n=300000 window=$window" cpu user
    done
    for window in 10 30 100 300 1000; do
        row "window $window, contentsOf" sink "mode=pub qos=1 exec=on face=batches n=300000 window=$window" cpu user
    done
fi

if wants filters; then
    head_line "100,000 wildcard filters" "CPU s/M" "subscribe ms" "subscribe MB" "RSS MB"
    words="mode=sub exec=on wild=1 filters=100000 n=300000"
    row "a subscription and a consumer each" flood "$words" cpu subscribe_ms subscribed_kb rss_kb
    row "the same, MQTT 5" flood "$words proto=5" cpu subscribe_ms subscribed_kb rss_kb
    row "declared before connecting" flood "$words declare=1" cpu subscribe_ms subscribed_kb rss_kb
    row "100 subscriptions" flood "$words subs=100" cpu subscribe_ms subscribed_kb rss_kb
    row "one subscription" flood "$words subs=1" cpu subscribe_ms subscribed_kb rss_kb
fi

if wants flat; then
    head_line "through one subscription" "CPU s/M" "RSS MB" "peak MB"
    for count in 1000000 10000000; do
        row "$count messages" flood "mode=sub n=$count" cpu rss_kb peak_kb
        row "$count messages, QoS 1" flood "mode=sub qos=1 n=$count" cpu rss_kb peak_kb
    done
fi

if wants payload; then
    # What is left of 268,435,455 bytes behind the topic "bench/xt0", its length and a packet identifier.
    size=$((268435455 - 2 - 9 - 2))
    head_line "a payload of $size bytes" "peak MB"
    row "published, QoS 0" sink "mode=pub n=1 size=$size" peak_kb
    row "published, QoS 1" sink "mode=pub qos=1 n=1 window=1 size=$size" peak_kb
    row "received, QoS 0" flood "mode=sub n=1 size=$size" peak_kb
    row "received, QoS 1" flood "mode=sub qos=1 n=1 size=$size" peak_kb
fi

if wants syscalls && command -v strace >/dev/null 2>&1; then
    # calls BROKER WORDS: of a whole run
    calls() {
        one "strace -f -c -o $work/strace $client" "$1" "$2" >/dev/null
        awk '$NF == "total" { print $4 ~ /^[0-9]+$/ ? $4 : $3 }' "$work/strace"
    }
    head_line "system calls per message" "off" "on"
    for line in "W1 sink mode=pub" "W2 sink mode=pub qos=1" "W4 flood mode=sub" "W5 flood mode=sub qos=1"; do
        read -r name broker words <<<"$line"
        printf '%-34s' "$name"
        for executor in off on; do
            few=$(calls "$broker" "$words exec=$executor n=10000")
            many=$(calls "$broker" "$words exec=$executor n=90000")
            awk -v few="$few" -v many="$many" 'BEGIN { printf "%14.4f", (many - few) / 80000 }'
        done
        printf '\n'
    done
fi
