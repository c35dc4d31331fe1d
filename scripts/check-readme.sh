#!/usr/bin/env bash
# The program in the README is the one in Examples/Hello, which is built and run by the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
readme=$(awk '/^```swift$/ { inside = 1; next } /^```$/ && inside { exit } inside' README.md)
example=$(sed '1,/^$/d' Examples/Hello/main.swift)
if [ "$readme" != "$example" ]; then
    echo "the program in README.md is not the one in Examples/Hello/main.swift:"
    diff <(echo "$readme") <(echo "$example") || true
    exit 1
fi
echo "check-readme: ok"
