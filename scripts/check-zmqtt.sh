#!/usr/bin/env bash
# docs/ZMQTT.md: every name of Tests/Conformance/Tables/zmqtt.tsv has its row, every row names a test that exists, and its line
# of code stands in the file of that test. usage: check-zmqtt.sh [page]
set -euo pipefail
cd "$(dirname "$0")/.."
page=${1:-docs/ZMQTT.md}
find Tests -name '*.swift' | sort | awk -v page="$page" -v table=Tests/Conformance/Tables/zmqtt.tsv '
function problem(words) { print "check-zmqtt: " words; failed = 1 }
# The inside of a table cell, without spaces and backquotes around it.
function inside(cell) { gsub(/^ *`?|`? *$/, "", cell); return cell }
# Whether the line of code stands in a file that has the test.
function stands(code, test,   count, files, i) {
    count = split(where[test], files, "\n")
    for (i = 1; i <= count; i++) if (index(text[files[i]], code)) return 1
    return 0
}
{
    file = $0
    while ((getline line < file) > 0) {
        text[file] = text[file] line "\n"
        if (match(line, /func `[^`]*`/)) {
            name = substr(line, RSTART + 6, RLENGTH - 7)
            where[name] = where[name] (where[name] == "" ? "" : "\n") file
        }
    }
    close(file)
    if (file ~ /^Tests\/CompileFail\//) where[substr(file, 7)] = file
}
END {
    while ((getline line < page) > 0) {
        if (line ~ /^## /) { section = substr(line, 4); continue }
        if (line !~ /^\| `/) continue
        count = split(line, cell, "|")
        if (count != 7) { problem("not five cells: " line); continue }
        name = inside(cell[2]); code = inside(cell[4]); test = inside(cell[5])
        what = section ": " name
        rows++
        if (seen[section, name]++) problem(what ": has two rows")
        if (inside(cell[3]) == "" || code == "" || test == "") { problem(what ": a cell is empty"); continue }
        if (!(test in where)) { problem(what ": there is no test \"" test "\""); continue }
        if (!stands(code, test)) problem(what ": the line is not where its test is: " code)
    }
    while ((getline line < table) > 0) {
        split(line, field, "\t")
        if (field[1] == "page") continue
        if (field[3] == "name") names++
        listed[field[1], field[2]] = 1
        if (!((field[1], field[2]) in seen)) problem(field[1] ": " field[2] ": has no row")
    }
    for (key in seen) if (!(key in listed)) {
        split(key, field, SUBSEP)
        problem(field[1] ": " field[2] ": is not in the list")
    }
    if (names != 157) problem("the list has " names + 0 " names, not 157")
    if (!failed) print "check-zmqtt: ok, " rows " rows"
    exit failed
}'
