#!/bin/bash
# Every row of Tests/Conformance/Tables/faults.tsv has a test whose name begins with it, or says where it is treated.
set -euo pipefail
cd "$(dirname "$0")/.."
table=Tests/Conformance/Tables/faults.tsv

names=$(grep -rhoE 'func `(fault|attack) [^`]+`' Tests --include '*.swift' | sed -E 's/^func `//; s/`$//')

printf '%s\n' "$names" | awk -F '\t' -v table="$table" '
    FNR == NR && FILENAME == table {
        if (FNR == 1) next
        if (NF < 2 || $2 == "") { printf "%s:%d: no name and words\n", table, FNR; bad = 1; next }
        if ($3 != "" && $3 !~ /^elsewhere: ./) { printf "%s:%d: \"%s\" is no reason\n", table, FNR, $3; bad = 1 }
        rows[++count] = $1
        reason[$1] = $3
        next
    }
    {
        prefix = $0
        # Further attacks than those of the table may have tests.
        if ($0 ~ /^attack / && sub(/: .*/, "", prefix) && !(prefix in reason)) next
        if ($0 ~ /^fault / && (!sub(/: .*/, "", prefix) || !(prefix in reason))) {
            printf "the test \"%s\" names no row of %s\n", $0, table
            bad = 1
            next
        }
        tests[prefix]++
        total++
    }
    END {
        for (i = 1; i <= count; i++) {
            name = rows[i]
            if (reason[name] == "" && !tests[name]) { printf "%s: no test begins with \"%s: \"\n", table, name; bad = 1 }
        }
        if (bad) exit 1
        printf "faults: ok (%d rows, %d tests)\n", count, total
    }
' "$table" -
