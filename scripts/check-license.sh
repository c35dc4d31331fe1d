#!/usr/bin/env bash
# Every Swift file begins with the lines of .license_header_template. (A Package.swift has to begin with its tools version.)
set -euo pipefail
cd "$(dirname "$0")/.."
header=$(cat .license_header_template)
lines=$(wc -l <.license_header_template)
folders=()
for folder in Sources Tests Examples Benchmarks Snippets; do
    if [ -d "$folder" ]; then folders+=("$folder"); fi
done
failed=0
while IFS= read -r file; do
    if [ "$(head -n "$lines" "$file")" != "$header" ]; then
        echo "$file: does not begin with .license_header_template"
        failed=1
    fi
done < <(find "${folders[@]}" -name '*.swift' -not -name Package.swift -not -path '*/.build/*' | sort)
[ "$failed" = 0 ] && echo "check-license: ok"
exit "$failed"
