#!/usr/bin/env bash
# A short pass of the benchmarks against the project's own fake broker: CPU seconds per million messages and rates, the
# median of three runs. usage: bench.sh [runs]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-3}
swift build -c release --package-path Benchmarks >&2
bin=$(swift build -c release --package-path Benchmarks --show-bin-path)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# one NAME BROKER-WORDS CLIENT-WORDS
one() {
    local name=$1 broker=$2 client=$3 run
    : >"$work/lines"
    for ((run = 0; run < runs; run++)); do
        # shellcheck disable=SC2086
        "$bin/fake-broker" $broker >"$work/port" &
        local pid=$!
        until [ -s "$work/port" ]; do :; done
        # shellcheck disable=SC2086
        "$bin/bench-client" port="$(cat "$work/port")" $client >>"$work/lines"
        wait "$pid"
        : >"$work/port"
    done
    awk -v name="$name" '
        function field(key) { match($0, "\"" key "\":[-+.0-9e]+"); return substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) }
        { n = field("n"); cpu[NR] = (field("user") + field("sys")) / n * 1e6; rate[NR] = n / field("secs") }
        function median(values, count,   i, j, swap) {
            for (i = 1; i < count; i++) for (j = i + 1; j <= count; j++)
                if (values[j] < values[i]) { swap = values[i]; values[i] = values[j]; values[j] = swap }
            return values[int((count + 1) / 2)]
        }
        END { printf "%-44s %10.3f %12.0f\n", name, median(cpu, NR), median(rate, NR) }' "$work/lines"
}

printf '%-44s %10s %12s\n' "workload (16 bytes unless said)" "CPU s/M" "messages/s"
one "publish QoS 0" "sink" "mode=pub qos=0 n=2000000"
one "publish QoS 0, on the client's executor" "sink" "mode=pub qos=0 n=2000000 exec=on"
one "publish QoS 0, MQTT 5" "sink" "mode=pub qos=0 n=2000000 proto=5"
one "publish QoS 1, receipts, window 100" "sink" "mode=pub qos=1 n=500000"
one "publish QoS 1, contentsOf, window 100" "sink" "mode=pub qos=1 n=500000 face=batches"
one "publish QoS 2, receipts, window 100" "sink" "mode=pub qos=2 n=300000"
one "receive QoS 0, for await" "flood n=3000000" "mode=sub n=3000000"
one "receive QoS 0, for await, executor" "flood n=3000000" "mode=sub n=3000000 exec=on"
one "receive QoS 0, batches" "flood n=3000000" "mode=sub n=3000000 face=batches"
one "receive QoS 0, 256 bytes" "flood n=1000000 size=256" "mode=sub n=1000000"
one "receive QoS 1, acknowledged on hand-over" "flood n=500000 qos=1" "mode=sub qos=1 n=500000"
one "receive QoS 2, acknowledged on hand-over" "flood n=300000 qos=2" "mode=sub qos=2 n=300000"
