#!/usr/bin/env bash
# Compares every import in Sources with scripts/floors.txt, since SwiftPM alone lets an undeclared import through; and
# refuses `@unchecked Sendable`, `try!`, `as!` and `fatalError` that no `// Safe:` line above explains.
# usage: check-floors.sh [folder of the package]
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
root=${1:-$(dirname "$scripts")}
root=${root%/}
table=$scripts/floors.txt
failed=0

# A target without any Swift source (C) has to be in the table too.
for folder in "$root"/Sources/*/; do
    [ -d "$folder" ] || continue
    target=$(basename "$folder")
    if ! grep -qE "^floor +[0-9]+ +$target( |\$)" "$table"; then
        echo "Sources/$target: target $target is not in the floor table, scripts/floors.txt"
        failed=1
    fi
done

folders=("$root/Sources")
for target in $(awk '$1 == "deny" { print $2 }' "$table"); do
    if [ -d "$root/Tests/$target" ]; then folders+=("$root/Tests/$target"); fi
done
find "${folders[@]}" -name '*.swift' -exec awk -v table="$table" -v root="$root" -f "$scripts/check-floors.awk" "$table" {} + \
    || failed=1

if [ "$failed" != 0 ]; then
    echo "The floors are broken; docs/ARCHITECTURE.md says why they are there." >&2
    exit 1
fi
echo "check-floors: ok"
