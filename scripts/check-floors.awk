# Reads floors.txt first, then Swift sources; prints what breaks the table. See check-floors.sh.

function complain(text) {
    printf "%s:%d: %s\n", shown, FNR, text
    failed = 1
}

# Shell patterns with a trailing star are all that the table uses.
function matches(module, pattern) {
    if (pattern ~ /\*$/) return index(module, substr(pattern, 1, length(pattern) - 1)) == 1
    return module == pattern
}

function checkImport(module,   i, count, words) {
    gsub(/`/, "", module)
    sub(/[^A-Za-z0-9_].*$/, "", module)
    if (tests) {
        count = split(denied[target], words, " ")
        for (i = 1; i <= count; i++)
            if (matches(module, words[i])) complain("a test in " target " may not import " module)
        return
    }
    if (!((target, module) in allowed))
        complain(target " may not import " module "; it may import: " row[target])
}

# The statement with literals and comments taken out.
function code(text) {
    gsub(/\\"/, "", text)
    gsub(/"[^"]*"/, "\"\"", text)
    while (match(text, /\/\*[^*]*\*\//)) text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
    sub(/\/\/.*$/, "", text)
    if (text ~ /\/\*/) { sub(/\/\*.*$/, "", text); inComment = 1 }
    return text
}

function unsafe(text) {
    if (text ~ /@unchecked[ \t]+Sendable/) return "@unchecked Sendable"
    if (text ~ /(^|[^A-Za-z0-9_])try[ \t]*!/) return "try!"
    if (text ~ /(^|[^A-Za-z0-9_])as[ \t]*!/) return "as!"
    if (text ~ /(^|[^A-Za-z0-9_])fatalError[ \t]*\(/) return "fatalError"
    return ""
}

FILENAME == table {
    if ($1 == "floor") {
        floor[$3] = $2
        row[$3] = $0
        sub(/^floor[ \t]+[0-9]+[ \t]+[^ \t]+[ \t]+/, "", row[$3])
        for (i = 4; i <= NF; i++) allowed[$3, $i] = 1
        targets[++targetCount] = $3
    } else if ($1 == "deny") {
        for (i = 3; i <= NF; i++) denied[$2] = denied[$2] " " $i
    }
    next
}

FNR == 1 {
    shown = FILENAME
    if (index(shown, root "/") == 1) shown = substr(shown, length(root) + 2)
    split(shown, parts, "/")
    tests = parts[1] == "Tests"
    target = parts[2]
    inComment = inString = pending = safe = 0
    if (!tests && !(target in floor)) complain("target " target " is not in the floor table")
}

!tests && !(target in floor) { next }

{
    line = $0
    if (inComment) {
        if (line !~ /\*\//) next
        sub(/^.*\*\//, "", line)
        inComment = 0
    }
    quotes = gsub(/"""/, "\"\"\"", line)
    if (inString) {
        if (quotes % 2) inString = 0
        next
    }
    if (quotes % 2) {
        inString = 1
        sub(/"""[^"]*$/, "", line)
    }

    excused = safe
    safe = line ~ /^[ \t]*\/\/ Safe:/
    text = code(line)

    if (!tests) {
        what = unsafe(text)
        if (what != "" && !excused) complain(what " needs a line above it that says why: // Safe: ...")
    }

    count = split(text, statements, ";")
    for (i = 1; i <= count; i++) {
        statement = statements[i]
        sub(/^[ \t]+/, "", statement)
        if (pending && statement != "") {
            pending = 0
            statement = "import " statement
        }
        # Attributes and access levels in front, a kind behind (`import struct NIOCore.ByteBuffer`).
        while (sub(/^(@[A-Za-z_]+(\([^)]*\))?|public|package|internal|fileprivate|private)[ \t]+/, "", statement)) {}
        if (statement ~ /^import[ \t]*$/) pending = 1
        if (statement !~ /^import[ \t]/) continue
        sub(/^import[ \t]+/, "", statement)
        sub(/^(typealias|struct|class|enum|protocol|let|var|func|actor)[ \t]+/, "", statement)
        checkImport(statement)
    }
}

END {
    # The table itself: our own targets only ever look down.
    for (i = 1; i <= targetCount; i++)
        for (j = 1; j <= targetCount; j++) {
            if (!((targets[i], targets[j]) in allowed) || floor[targets[j]] < floor[targets[i]]) continue
            printf "the floor table lets %s import %s, which is not on a lower floor\n", targets[i], targets[j]
            failed = 1
        }
    exit failed
}
