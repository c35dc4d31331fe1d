#!/usr/bin/env bash
# Sources that must not compile, each with the words the compiler has to say; type-checked against the modules of the last
# debug build. usage: check-compile-fail.sh [build folder]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-.build/debug}
[ -d "$build/Modules/MQTT.swiftmodule" ] || [ -f "$build/Modules/MQTT.swiftmodule" ] || {
    echo "no modules in $build: run 'swift build' first"
    exit 1
}
flags=(-typecheck -swift-version 6 -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility)
flags+=(-I "$build/Modules")
while IFS= read -r map; do flags+=(-Xcc "-fmodule-map-file=$map"); done < <(
    find "$build"/*.build -maxdepth 1 -name module.modulemap
    find .build/checkouts -path '*/include/module.modulemap' -not -path '*/Tests/*'
)
passed=0
failed=0
complain() {
    failed=$((failed + 1))
    echo "$1: $2"
    sed 's/^/    /' <<<"$3" | head -n 12
}
for file in Tests/CompileFail/Legal/*.swift; do
    if output=$(swiftc "${flags[@]}" "$file" 2>&1); then passed=$((passed + 1)); else complain "$file" "must compile" "$output"; fi
done
for file in Tests/CompileFail/*.swift; do
    expected=$(sed -n 's,^// Expect: ,,p' "$file")
    if output=$(swiftc "${flags[@]}" "$file" 2>&1); then
        complain "$file" "compiles, but must not" ""
    elif grep -qE "$expected" <<<"$output"; then
        passed=$((passed + 1))
    else
        complain "$file" "fails without the words \"$expected\"" "$output"
    fi
done
echo "compile-fail: $passed passed, $failed failed"
[ "$failed" = 0 ]
