#!/usr/bin/env bash
# The parts of the client that every message goes through, one by one: nanoseconds, and allocations per thousand operations.
# Fails when one is above its line in Benchmarks/thresholds.txt.
# usage: bench-micro.sh                  times and allocations
#        bench-micro.sh instructions     instructions per operation, counted by valgrind (a minute)
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(swift build -c release --package-path Benchmarks --show-bin-path)
# SwiftPM does not see that a module this one uses without naming its product has changed.
rm -f "$bin"/micro.build/*.o
swift build -c release --package-path Benchmarks --product micro >&2
if [ "${1:-}" != instructions ]; then
    printf '%-57s%6s%13s\n' "operation" "each" "allocs/1000"
    exec "$bin/micro" runs=200 thresholds=Benchmarks/thresholds.txt
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# valgrind cannot read the debug information of Swift.
strip -g -o "$work/micro" "$bin/micro"

# counted RUNS NAME: instructions of a whole run of the program
counted() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/micro" "runs=$1" "only=$2" 2>&1 >/dev/null \
        | sed -nE 's/.*Collected *: *([0-9]+).*/\1/p'
}

printf '%-60s%12s\n' "operation" "instructions"
while IFS='|' read -r name _; do
    name=${name%"${name##*[! ]}"}
    # What one run of a thousand operations adds, so that the program's start is not in it.
    few=$(counted 1 "$name")
    many=$(counted 11 "$name")
    printf '%-60s%12s\n' "$name" $(((many - few) / 10000))
done < <(grep -v '^#' Benchmarks/thresholds.txt)
