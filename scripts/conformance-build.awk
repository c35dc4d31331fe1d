# Reads the tables of the standards, the exemptions and what conformance-scan.awk found; prints docs/CONFORMANCE.md.
# Variables: problems and summary, the files for what is missing and for the counts.

BEGIN { FS = "\t"; count = 0 }

FILENAME ~ /\.tsv$/ && FILENAME !~ /exemptions\.tsv$/ {
    if (FNR == 1) {
        standard++
        prefix = FILENAME ~ /mqtt5\.tsv$/ ? "5:" : FILENAME ~ /mqtt311\.tsv$/ ? "3.1.1:" : ""
        key = FILENAME ~ /mqtt5\.tsv$/ ? "5" : FILENAME ~ /mqtt311\.tsv$/ ? "311" : "U5"
        next
    }
    if ($1 == "") next
    id = prefix $1
    order[++count] = id
    table[id] = key; shown[id] = $1; binds[id] = $2; rule[id] = $4
    # A server's rule whose breach is the client's business, in the table of rules that bind a client.
    duty = $5 ~ /^(RECV|SEND|STATE)/
    kind[id] = $2 == "both" ? "both" : $2 == "client" || (key == "U5" && duty) ? "client" : "server"
    # What the broker in the box has to keep: the rules with a number.
    served[id] = key != "U5" && $2 != "client"
    next
}

FILENAME ~ /exemptions\.tsv$/ {
    if (FNR == 1 || $1 == "" || $1 ~ /^#/) next
    if (!($1 in kind)) { problem("exemptions.tsv:" FNR ": there is no row " $1); next }
    if ($2 !~ /^(sends|receives|serves|all)$/) { problem("exemptions.tsv:" FNR ": no side: " $2); next }
    if ($3 == "") { problem("exemptions.tsv:" FNR ": no reason"); next }
    if ($2 == "all") { reason[$1, "sends"] = $3; reason[$1, "receives"] = $3 } else reason[$1, $2] = $3
    next
}

{
    if (!($1 in kind)) { problem($5 ": there is no row " $1); next }
    if (($1, $2, $3, $4) in seen) next
    seen[$1, $2, $3, $4] = 1
    tests[$1, $2] = tests[$1, $2] (tests[$1, $2] == "" ? "" : "<br>") "`" $3 "`: " escape($4)
    uses++
    if (!(($3, $4) in distinct)) { distinct[$3, $4] = 1; proving++ }
}

END {
    for (i = 1; i <= count; i++) judge(order[i])
    head()
    part("5", "MQTT 5.0, numbered statements")
    part("U5", "MQTT 5.0, rules without a number")
    part("311", "MQTT 3.1.1, numbered statements")
    servers()
    broker()
    printf "conformance: %d of %d rows have their tests (%d tests name %d rows and sides)", \
        good, required, proving, uses > summary
    printf ", %d are exempt\n", exempt > summary
    printf "conformance of the broker: %d of %d rows have their tests, %d are exempt\n", \
        serving, servable, spared > summary
}

function problem(words) { print words > problems }

function judge(id,    sends, receives) {
    judgeBroker(id)
    for (side = 1; side <= 2; side++) {
        name = side == 1 ? "sends" : "receives"
        if (tests[id, name] != "" && reason[id, name] != "")
            problem(id ": exempt from a test that " name ", and has one")
    }
    if (kind[id] == "server") {
        if (reason[id, "sends"] != "" || reason[id, "receives"] != "")
            problem(id ": binds servers, and needs no exemption")
        return
    }
    required++
    sends = tests[id, "sends"] != "" || reason[id, "sends"] != ""
    receives = tests[id, "receives"] != "" || reason[id, "receives"] != ""
    if (kind[id] == "both") {
        if (!sends) problem(id ": no test of what we send (" rule[id] ")")
        if (!receives) problem(id ": no test of what we do with what we receive (" rule[id] ")")
        if (sends && receives) good++
    } else if (!sends && !receives) problem(id ": no test (" rule[id] ")")
    else good++
    if (tests[id, "sends"] == "" && tests[id, "receives"] == "" && sends + receives > 0) exempt++
    tally[table[id]]++
}

function judgeBroker(id) {
    if (!served[id]) {
        if (reason[id, "serves"] != "") problem(id ": binds no server, and needs no exemption")
        return
    }
    servable++
    if (tests[id, "serves"] != "" && reason[id, "serves"] != "")
        problem(id ": exempt from a test of the broker, and has one")
    if (tests[id, "serves"] != "") serving++
    else if (reason[id, "serves"] != "") { serving++; spared++ }
    else problem(id ": no test of the broker (" rule[id] ")")
}

function head() {
    print "# What the tests prove of the standards\n"
    print "This file is written by `scripts/conformance --write`; do not edit it. It puts together"
    print "the tables in `Tests/Conformance/Tables`, which list every numbered statement of MQTT 5.0 (251) and 3.1.1 (141)"
    print "and 61 rules of 5.0 that have no number, each in our own words, and the tests that name them:"
    print "`@Test(.sends(\"5:MQTT-3.1.2-20\"))` says that the test fails when the client sends, or keeps, what the statement"
    print "forbids, `@Test(.receives(\"5:MQTT-1.5.4-1\"))` that it fails when the client does not react to a peer as the"
    print "statement says. A row that binds both ends needs both. Where a row or one of its sides cannot apply to a client,"
    print "`Tests/Conformance/Tables/exemptions.tsv` says why; the reason stands in the place of the test, in italics.\n"
    print "`@Test(.serves(\"5:MQTT-3.2.0-1\"))` says the same of the broker in the box (`MQTTBroker`), for the numbered rules that"
    print "bind a server; the last part of this page.\n"
    print "`scripts/conformance` without an option compares all this, and fails when a row has no test, when a test names"
    print "a row that does not exist, or when this file is not up to date. `make test` begins with it.\n"
    print "Quirks of the standards: 5.0 prints MQTT-4.2-1 in its body and MQTT-4.2.0-1 in its appendix; 3.1.1 prints"
    print "MQTT-3-8.3-4 for MQTT-3.8.3-4. Ids that begin with U5 are ours."
}

function part(wanted, title,    i, id) {
    print "\n## " title "\n"
    print "| id | rule | sending | receiving |"
    print "| --- | --- | --- | --- |"
    for (i = 1; i <= count; i++) {
        id = order[i]
        if (table[id] == wanted && kind[id] != "server")
            print "| " shown[id] " | " escape(rule[id]) " | " cell(id, "sends") " | " cell(id, "receives") " |"
    }
}

function cell(id, side) {
    if (tests[id, side] != "") return tests[id, side]
    if (reason[id, side] != "") return "*" escape(reason[id, side]) "*"
    return kind[id] == "both" ? "none" : ""
}

function servers(    i, id) {
    print "\n## What binds servers\n"
    print "Where a test looks at what the client does when a server breaks such a rule, it is named here.\n"
    print "| id | rule | test |"
    print "| --- | --- | --- |"
    for (i = 1; i <= count; i++) {
        id = order[i]
        if (kind[id] != "server" || tests[id, "sends"] tests[id, "receives"] == "") continue
        both = tests[id, "sends"] != "" && tests[id, "receives"] != "" ? "<br>" : ""
        print "| " id " | " escape(rule[id]) " | " tests[id, "sends"] both tests[id, "receives"] " |"
    }
    others("5", "5.0")
    others("U5", "5.0, without a number")
    others("311", "3.1.1")
}

function others(wanted, title,    i, id, line) {
    line = ""
    for (i = 1; i <= count; i++) {
        id = order[i]
        if (table[id] == wanted && kind[id] == "server" && tests[id, "sends"] tests[id, "receives"] == "")
            line = line (line == "" ? "" : ", ") shown[id]
    }
    if (line != "") print "\nBinds servers, " title ": " line "."
}

function broker() {
    print "\n## The broker in the box"
    brokerPart("5", "MQTT 5.0")
    brokerPart("311", "MQTT 3.1.1")
}

function brokerPart(wanted, title,    i, id) {
    print "\n### " title "\n"
    print "| id | rule | test of the broker |"
    print "| --- | --- | --- |"
    for (i = 1; i <= count; i++) {
        id = order[i]
        if (table[id] != wanted || !served[id]) continue
        print "| " shown[id] " | " escape(rule[id]) " | " \
            (tests[id, "serves"] != "" ? tests[id, "serves"] : reason[id, "serves"] != "" ? \
            "*" escape(reason[id, "serves"]) "*" : "none") " |"
    }
}

function escape(words) {
    gsub(/[|*_]/, "\\\\&", words)
    gsub(/</, "\\&lt;", words)
    return words
}
