#!/usr/bin/env bash
# A short pass of the benchmarks against the project's own fake broker, beside libmosquitto where its headers are: CPU
# seconds per million messages and rates, medians of alternating rounds. About two minutes with three rounds.
# usage: bench.sh [rounds] [row...]      the rows are in Benchmarks/rows.txt
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/bench-lib.sh
source scripts/bench-lib.sh
rounds=3
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    rounds=$1
    shift
fi
build_benchmarks
clients=("ours=$bin/bench-client")
names=ours
if echo '#include <mosquitto.h>' | cc -E - >/dev/null 2>&1; then
    cc -O2 -Wall -Wextra -o "$work/libmosquitto" Benchmarks/peers/libmosquitto.c -lmosquitto
    clients+=("libmosquitto=$work/libmosquitto")
    names="ours libmosquitto"
fi
: >"$work/results"
while IFS= read -r line; do
    printf '%s ' "${line%%|*}" >&2
    for ((number = 0; number < rounds; number++)); do round "$number" "$line" "${clients[@]}" </dev/null; done
done < <(rows "$@")
printf '\n' >&2
awk -v style=text -v names="$names" -f scripts/bench-table.awk "$rows_file" "$work/results"
