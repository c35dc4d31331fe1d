#!/usr/bin/env bash
# What the bench scripts share; they source it. Needs `set -euo pipefail` and the root of the package as the folder.

# shellcheck disable=SC2034
rows_file=Benchmarks/rows.txt
work=$(mktemp -d)
broker_pid=
finish() {
    if [ -n "$broker_pid" ]; then kill "$broker_pid" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap finish EXIT

# Builds the benchmarks and sets `bin`.
build_benchmarks() {
    bin=$(swift build -c release --package-path Benchmarks --show-bin-path)
    # SwiftPM does not see that a module behind the one that a program names has changed.
    rm -f "$bin"/bench_client.build/*.o "$bin"/micro.build/*.o
    swift build -c release --package-path Benchmarks >&2
}

# one COMMAND BROKER WORDS: one run against a broker of its own; prints the client's line of JSON.
one() {
    local command=$1 broker=$2 words=$3 status=0
    : >"$work/port"
    # shellcheck disable=SC2086
    "$bin/fake-broker" "$broker" $words >"$work/port" &
    broker_pid=$!
    until [ -s "$work/port" ]; do kill -0 "$broker_pid"; done
    # shellcheck disable=SC2086
    timeout "${BENCH_TIMEOUT:-120}" $command port="$(head -n 1 "$work/port")" $words >"$work/out" 2>"$work/err" || status=$?
    kill "$broker_pid" 2>/dev/null || true
    wait "$broker_pid" 2>/dev/null || true
    broker_pid=
    if [ "$status" != 0 ] || ! grep -q '^{' "$work/out"; then
        echo "failed ($status): $command $words" >&2
        tail -n 3 "$work/err" >&2
        return 1
    fi
    grep '^{' "$work/out" | tail -n 1
}

# rows ID...: the rows of the table, all without an ID, as id|what|broker|words|n|n of the others|goal.
rows() {
    awk -F ' *[|] *' -v wanted=" $* " '
        /^#/ || NF < 7 { next }
        wanted ~ /^ *$/ || index(wanted, " " $1 " ") { print $1 "|" $2 "|" $3 "|" $4 "|" $5 "|" $6 "|" $7 }' "$rows_file"
}

# round NUMBER ROW-LINE NAME[@TIMES]=COMMAND...: runs a row with each command, ours first and, in odd rounds, last.
# Appends "id TAB name TAB json" to $work/results.
round() {
    local number=$1 line=$2 id broker words n others name command times count output
    shift 2
    IFS='|' read -r id _ broker words n others _ <<<"$line"
    local order=("$@")
    if [ $((number % 2)) = 1 ]; then
        order=()
        for command in "$@"; do order=("$command" ${order[@]+"${order[@]}"}); done
    fi
    for command in "${order[@]}"; do
        name=${command%%=*}
        command=${command#*=}
        times=${name#*@}
        if [ "$times" = "$name" ]; then times=1; fi
        name=${name%@*}
        count=$n
        if [ "$name" != ours ]; then
            count=$((others * times))
            if [ "$count" -gt "$n" ]; then count=$n; fi
        fi
        if [ "$count" = 0 ]; then continue; fi
        output=$(one "$command" "$broker" "$words n=$count") || continue
        printf '%s\t%s\t%s\n' "$id" "$name" "$output" >>"$work/results"
    done
}
