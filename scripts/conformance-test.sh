#!/usr/bin/env bash
# Shows that scripts/conformance fails where it must and only there. Works in a folder of its own.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
package=$scratch/package
served='"5:A-2", "5:A-3", "3.1.1:A-1"'
cases=0
failures=0

# expect ok|refused NAME SOURCE EXEMPTIONS [TEXT]: a package of one test file; TEXT must stand in the complaint.
expect() {
    local wanted=$1 name=$2 source=$3 exemptions=$4 text=${5:-} got=ok output
    rm -rf "$package"
    mkdir -p "$package/Tests/Conformance/Tables" "$package/Tests/SomeTests"
    printf 'id\tbinds\tsection\tsummary\tclient_duty\n%b' \
        'A-1\tclient\tx\tone\tSEND\nA-2\tboth\tx\ttwo\tSEND. RECV\nA-3\tserver\tx\tthree\tRECV\n' \
        >"$package/Tests/Conformance/Tables/mqtt5.tsv"
    printf 'id\tbinds\tsection\tsummary\tclient_duty\n%b' 'U5-1?\tserver\tx\tfour\tRECV: close\n' \
        >"$package/Tests/Conformance/Tables/mqtt5-unnumbered.tsv"
    printf 'id\tbinds\tsection\tsummary\tclient_duty\n%b' 'A-1\tserver\tx\tfive\tN/A\n' \
        >"$package/Tests/Conformance/Tables/mqtt311.tsv"
    printf 'id\tside\treason\n%b' "$exemptions" >"$package/Tests/Conformance/Tables/exemptions.tsv"
    printf '%b' "$source" >"$package/Tests/SomeTests/A.swift"
    printf '@Test(.serves(%s))\nfunc `broker`() {}\n' "$served" >"$package/Tests/SomeTests/B.swift"
    "$scripts/conformance" --write "$package" >/dev/null 2>&1 || true
    if [ "$name" = "a page that is old" ]; then echo more >>"$package/docs/CONFORMANCE.md"; fi
    output=$("$scripts/conformance" "$package" 2>&1) || got=refused
    cases=$((cases + 1))
    if [ "$got" != "$wanted" ] || { [ -n "$text" ] && [[ "$output" != *"$text"* ]]; }; then
        failures=$((failures + 1))
        printf 'conformance-test: %s: wanted %s %s, got %s:\n%s\n' "$name" "$wanted" "$text" "$got" "$output"
    fi
}

one='@Test(.sends("5:A-1"))\nfunc `one`() {}\n'
two='@Test(\n  .sends("5:A-2"),\n  .receives(\n    "5:A-2",\n    "U5-1?"\n  ),\n  arguments: ["a)", "\\(b("c"))"]\n)\nfunc `two`(a: Int) {}\n'

expect ok "every row has its tests" "$one$two" ''
expect ok "a suite that names a row" "@Suite(.sends(\"5:A-1\"))\nstruct Suite {\n  @Test func \`x\`() {}\n}\n$two" ''
expect ok "a server's row may have a test" "$one$two@Test(.receives(\"5:A-3\", \"3.1.1:A-1\")) func \`s\`() {}\n" ''
expect refused "a row without a test" "$two" '' '5:A-1: no test'
expect refused "a row with one of its sides" "$one@Test(.sends(\"5:A-2\"), .receives(\"U5-1?\")) func \`x\`() {}\n" '' \
    '5:A-2: no test of what we do with what we receive'
expect refused "a server's rule in the table of rules for clients" \
    "$one@Test(.sends(\"5:A-2\"), .receives(\"5:A-2\")) func \`x\`() {}\n" '' 'U5-1?: no test'
expect refused "an unknown id" "$one$two@Test(.sends(\"5:A-9\")) func \`x\`() {}\n" '' 'A.swift:12: there is no row 5:A-9'
expect refused "an id without its version" "$one$two@Test(.sends(\"A-1\")) func \`x\`() {}\n" '' 'there is no row A-1'
expect refused "a test that is commented out" "// $one$two" '' '5:A-1: no test'
expect refused "outside of an attribute" "let a = x.sends(\"5:A-1\")\nfunc \`one\`() {}\n$two" '' '5:A-1: no test'
expect refused "in a literal" "let a = \"\"\"\n$one\"\"\"\n$two" '' '5:A-1: no test'
expect ok "an exemption" "$two" '5:A-1\tall\tcannot be\n'
expect ok "an exemption of one side" "$one@Test(.sends(\"5:A-2\"), .receives(\"U5-1?\")) func \`x\`() {}\n" \
    '5:A-2\treceives\tcannot be\n'
expect refused "an exemption of what has a test" "$one$two" '5:A-1\tsends\tcannot be\n' '5:A-1: exempt from a test that sends'
expect refused "an exemption of an unknown row" "$one$two" '5:A-8\tsends\tcannot be\n' 'there is no row 5:A-8'
expect refused "an exemption without a reason" "$two" '5:A-1\tall\t\n' 'no reason'
expect refused "a page that is old" "$one$two" '' 'run scripts/conformance --write'

served='"5:A-2", "3.1.1:A-1"'
expect refused "a server's row without a test of the broker" "$one$two" '' '5:A-3: no test of the broker'
expect ok "a server's row the broker need not keep" "$one$two" '5:A-3\tserves\tcannot be\n'
served='"5:A-1", "5:A-2", "5:A-3", "3.1.1:A-1"'
expect refused "an exemption of a row that binds no server" "$one$two" '5:A-1\tserves\tcannot be\n' 'binds no server'
expect refused "an exemption of what the broker has a test for" "$one$two" '5:A-3\tserves\tcannot be\n' \
    '5:A-3: exempt from a test of the broker'

if [ "$failures" != 0 ]; then
    echo "conformance-test: $failures of $cases cases fail" >&2
    exit 1
fi
echo "conformance-test: ok, $cases cases"
