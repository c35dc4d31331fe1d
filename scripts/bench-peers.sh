#!/usr/bin/env bash
# The benchmarks beside other clients: medians of alternating rounds of all rows, as a Markdown table.
# usage: bench-peers.sh [rounds] [row...] NAME[@TIMES]=COMMAND...
# COMMAND gets the words of bench-client (port= mode= qos= n= size= window= filters= wild= proto= conns=) and prints a line
# of JSON with n, secs, user, sys, rss_kb (mode=rtt: p50_us, mode=conns: base_kb). A bare NAME is a program in the folder
# that BENCH_PEERS names. TIMES: so many times the messages of the column "n of the others", for fast clients.
# Five rounds, alternating within a round and turned round in every second one.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/bench-lib.sh
source scripts/bench-lib.sh
rounds=5
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    rounds=$1
    shift
fi
known=" $(rows | cut -d '|' -f 1 | tr '\n' ' ') "
chosen=()
peers=()
names=ours
for word in "$@"; do
    if [[ $known == *" $word "* ]]; then
        chosen+=("$word")
        continue
    fi
    name=${word%%=*}
    if [[ $word != *=* ]]; then
        word=$word=${BENCH_PEERS:?names the folder of the peers\' programs}/${name%@*}
    fi
    peers+=("$word")
    names="$names ${name%@*}"
done
build_benchmarks
: >"$work/results"
for ((number = 0; number < rounds; number++)); do
    while IFS= read -r line; do
        printf '%s ' "${line%%|*}" >&2
        round "$number" "$line" "ours=$bin/bench-client" ${peers[@]+"${peers[@]}"} </dev/null
    done < <(rows ${chosen[@]+"${chosen[@]}"})
    printf '(round %s)\n' $((number + 1)) >&2
done
awk -v style=markdown -v names="$names" -f scripts/bench-table.awk "$rows_file" "$work/results"
