#!/usr/bin/env bash
# A source file has at most 500 lines, a test file 600. What a generator wrote, in a folder `Generated`, is exempt.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

# ceiling LINES FOLDER...
ceiling() {
    local limit=$1 file lines
    shift
    for folder in "$@"; do
        [ -d "$folder" ] || continue
        while IFS= read -r file; do
            lines=$(wc -l <"$file")
            if [ "$lines" -gt "$limit" ]; then
                echo "$file: $((lines)) lines, the ceiling is $limit"
                failed=1
            fi
        done < <(find "$folder" -name '*.swift' -not -path '*/Generated/*' -not -path '*/.build/*')
    done
}

ceiling 500 Sources Examples Benchmarks
ceiling 600 Tests
[ "$failed" = 0 ] && echo "check-sizes: ok"
exit "$failed"
