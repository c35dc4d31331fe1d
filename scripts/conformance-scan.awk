# Reads Swift test files; prints, for every id in `.sends("…")`, `.receives("…")` or `.serves("…")` of an @Test or @Suite attribute:
# id, side, suite, test, place. What stands in comments and literals is passed over.

FNR == 1 {
    depth = 0; attribute = ""; collecting = ""; comment = 0; literal = 0; pending = 0; suite = "?"
}

{ scan($0) }

function scan(rest,    token, name, before) {
    if (literal && !leaveLiteral(rest)) return
    if (literal) { rest = remainder; literal = 0 }
    while (rest != "") {
        if (comment) {
            if (!match(rest, /\*\//)) return
            rest = substr(rest, RSTART + 2); comment = 0
            continue
        }
        if (depth > 0) found = match(rest, /"""|"|\/\/|\/\*|\.sends *\(|\.receives *\(|\.serves *\(|\(|\)/)
        else found = match(rest, /"""|"|\/\/|\/\*|@Test|@Suite|func +|(struct|class|enum|actor|extension) +[A-Za-z0-9_.]+/)
        if (!found) return
        before = substr(rest, 1, RSTART - 1)
        token = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        if (token == "//") return
        if (token == "/*") { comment = 1; continue }
        if (token == "\"\"\"") {
            if (!leaveLiteral(rest)) { literal = 1; return }
            rest = remainder
        } else if (token == "\"") {
            rest = readString(rest)
            if (collecting != "" && depth == collectingDepth) note(text)
        } else if (depth > 0) inAttribute(token)
        else if (token == "@Test" || token == "@Suite") {
            attribute = token
            if (substr(rest, 1, 1) == "(") { depth = 1; rest = substr(rest, 2) }
        } else if (before ~ /[A-Za-z0-9_.`]$/) continue
        else if (token ~ /^func/) {
            if (substr(rest, 1, 1) == "`") { name = substr(rest, 2); sub(/`.*/, "", name) }
            else { name = rest; sub(/[^A-Za-z0-9_].*/, "", name) }
            if (attribute == "@Test") flush(name)
            attribute = ""
        } else {
            name = token; sub(/^[a-z]+ +/, "", name)
            # Types inside a suite are indented.
            if ($0 !~ /^ /) suite = name
            if (attribute == "@Suite") flush("the whole suite")
            attribute = ""
        }
    }
}

function inAttribute(token) {
    if (token == ")") {
        depth--
        if (collecting != "" && depth < collectingDepth) collecting = ""
        return
    }
    depth++
    if (token ~ /^\.sends/) { collecting = "sends"; collectingDepth = depth }
    else if (token ~ /^\.receives/) { collecting = "receives"; collectingDepth = depth }
    else if (token ~ /^\.serves/) { collecting = "serves"; collectingDepth = depth }
}

function note(id) {
    pending++
    pendingID[pending] = id; pendingSide[pending] = collecting; pendingPlace[pending] = FILENAME ":" FNR
}

function flush(name,    i) {
    for (i = 1; i <= pending; i++)
        print pendingID[i] "\t" pendingSide[i] "\t" suite "\t" name "\t" pendingPlace[i]
    pending = 0
}

# Goes behind the end of a literal of several lines; false when it does not end in this line.
function leaveLiteral(rest) {
    if (!match(rest, /"""/)) return 0
    remainder = substr(rest, RSTART + 3)
    return 1
}

# Reads a literal whose first quotation mark has been read: leaves it in `text`, and gives what is behind it.
function readString(rest,    out, c, nested) {
    out = ""; nested = 0
    while (rest != "") {
        c = substr(rest, 1, 1)
        if (c == "\\") {
            if (substr(rest, 2, 1) == "(") { nested = 1; rest = substr(rest, 3); rest = leaveInterpolation(rest) }
            else { out = out substr(rest, 1, 2); rest = substr(rest, 3) }
            continue
        }
        rest = substr(rest, 2)
        if (c == "\"") break
        out = out c
    }
    text = out
    return rest
}

function leaveInterpolation(rest,    c, level) {
    level = 1
    while (rest != "" && level > 0) {
        c = substr(rest, 1, 1)
        rest = substr(rest, 2)
        if (c == "(") level++
        else if (c == ")") level--
        else if (c == "\"") rest = readString(rest)
    }
    return rest
}
