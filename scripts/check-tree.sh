#!/usr/bin/env bash
# What must not be in the tree: build products, whitespace errors, shell scripts that do not parse, tests that sleep.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

complain() {
    printf '%s\n' "$1"
    failed=1
}

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    tracked=$(git ls-files -- Package.resolved '*/Package.resolved' .build '*/.build' .swiftpm)
    if [ -n "$tracked" ]; then complain "committed, and must not be: $tracked"; fi

    # Against the empty tree, so that every line counts and not only the latest change.
    spaces=$(git diff --check "$(git hash-object -t tree /dev/null)" -- . | head -n 20) || true
    if [ -n "$spaces" ]; then complain "$spaces"; fi
else
    echo "check-tree: not a git checkout, so nothing is said about what is committed"
fi

while IFS= read -r file; do
    case $(head -n 1 "$file") in
    '#!'*bash | '#!'*sh) ;;
    *) continue ;;
    esac
    bash -n "$file" || complain "$file: does not parse"
    if [ ! -x "$file" ]; then complain "$file: has a first line for a shell but is not executable"; fi
done < <(find scripts .ci Examples -type f 2>/dev/null)

if [ -d Tests ]; then
    sleeps=$(grep -rnE 'Task\.sleep|Thread\.sleep|usleep\(|(^|[^a-zA-Z.])sleep\(' Tests --include='*.swift') || true
    if [ -n "$sleeps" ]; then complain "a test waits for a condition, it does not sleep: $sleeps"; fi
fi

[ "$failed" = 0 ] && echo "check-tree: ok"
exit "$failed"
