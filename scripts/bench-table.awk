# Prints the results of bench-lib.sh as a table: medians. Input: the rows file's lines, then "id TAB name TAB json" lines.
# A client of the name "raw" is the practical limit: round trips are given relative to it, and it is not the best of the
# others. Set -v style=text (one other client, with rates and goals) or -v style=markdown; -v names="ours a b".
function field(text, key,    at) {
    if (!match(text, "\"" key "\":[-+.0-9e]+")) return ""
    return substr(text, RSTART + length(key) + 3, RLENGTH - length(key) - 3) + 0
}
function add(key, value) { if (value != "") values[key, ++counts[key]] = value }
function median(key,    n, i, j, swap) {
    n = counts[key]
    if (!n) return ""
    for (i = 1; i < n; i++) for (j = i + 1; j <= n; j++) if (values[key, j] < values[key, i]) {
        swap = values[key, i]; values[key, i] = values[key, j]; values[key, j] = swap
    }
    return n % 2 ? values[key, (n + 1) / 2] : (values[key, n / 2] + values[key, n / 2 + 1]) / 2
}
function short(x) { return x == "" ? "" : x < 0.9995 ? sprintf("%.3f", x) : x < 99.5 ? sprintf("%.2f", x) : sprintf("%.0f", x) }
function cell(id, name,    limit, text) {
    if (counts[id, name, "ms"]) return short(median(id SUBSEP name SUBSEP "ms")) " ms, " short(median(id SUBSEP name SUBSEP "kb")) " KB"
    if (counts[id, name, "p50"]) {
        limit = median("W6" SUBSEP "raw" SUBSEP "p50")
        text = short(median(id SUBSEP name SUBSEP "p50")) " us"
        return limit ? text " (" short(median(id SUBSEP name SUBSEP "p50") / limit) ")" : text
    }
    return short(median(id SUBSEP name SUBSEP "cpu"))
}
function rate(id, name,    x) {
    if (counts[id, name, "ms"] || counts[id, name, "p50"]) return ""
    x = median(id SUBSEP name SUBSEP "rate")
    return x == "" ? "" : sprintf("%.0f", x)
}
FNR == NR {
    if ($0 ~ /^#/) next
    n = split($0, part, / *[|] */)
    if (n >= 7) { what[part[1]] = part[2]; goal[part[1]] = part[7]; order[++rows] = part[1] }
    next
}
{
    split($0, part, "\t")
    id = part[1]; name = part[2]; json = part[3]
    seen[id] = 1
    n = field(json, "n"); secs = field(json, "secs")
    add(id SUBSEP name SUBSEP "cpu", (field(json, "user") + field(json, "sys")) / n * 1e6)
    if (secs > 0) add(id SUBSEP name SUBSEP "rate", n / secs)
    add(id SUBSEP name SUBSEP "p50", field(json, "p50_us"))
    if (json ~ /"base_kb"/) {
        add(id SUBSEP name SUBSEP "ms", secs * 1e3)
        add(id SUBSEP name SUBSEP "kb", (field(json, "rss_kb") - field(json, "base_kb")) / n)
    }
}
END {
    others = split(names, client, " ")
    if (style == "markdown") {
        head = "| row | 16 B unless said; CPU s per million | goal |"; line = "|---|---|---|"
        for (i = 1; i <= others; i++) { head = head " " client[i] " |"; line = line "---|" }
        head = head " rate of " client[1] " | best rate of the others |"
        print head; print line "---|---|"
    } else {
        printf "%-9s%-46s%18s%12s%10s", "row", "16 B unless said", "CPU s/M", "messages/s", "goal"
        for (i = 2; i <= others; i++) printf "%18s%12s", client[i], "messages/s"
        printf "\n"
    }
    for (r = 1; r <= rows; r++) {
        id = order[r]
        if (!(id in seen)) continue
        if (style == "markdown") {
            text = "| " id " | " what[id] " | " goal[id] " |"
            best = ""
            for (i = 1; i <= others; i++) {
                text = text " " cell(id, client[i]) " |"
                x = rate(id, client[i])
                if (i > 1 && client[i] != "raw" && x != "" && x + 0 > best + 0) best = x
            }
            print text " " rate(id, client[1]) " | " best " |"
        } else {
            printf "%-9s%-46s%18s%12s%10s", id, what[id], cell(id, "ours"), rate(id, "ours"), goal[id]
            for (i = 2; i <= others; i++) printf "%18s%12s", cell(id, client[i]), rate(id, client[i])
            printf "\n"
        }
    }
}
