# Makes a part of an upgrade script out of a part of the install script: each CREATE
# becomes CREATE OR REPLACE.  A statement that has no such form is an error, for what it
# makes is there already, or it would touch what was there before.

function fail(message) {
    printf "%s:%d: %s\n", FILENAME, FNR, message > "/dev/stderr"
    failed = 1
    exit 1
}

# Takes the next word of a statement, and returns what is to stand in its place.
function take(word) {
    words++
    if (words == 1) {
        first = word
        if (word != "CREATE" && word != "COMMENT")
            fail("a statement of the second pass is CREATE or COMMENT, not " word)
    } else if (words == 2 && first == "CREATE") {
        if (word !~ /^(FUNCTION|PROCEDURE|TRIGGER|VIEW)$/)
            fail("CREATE " word " has no place in the second pass: an upgrade cannot replace it")
        return "OR REPLACE " word
    } else if (word == "BEGIN" || word == "CASE")
        depth++
    else if (word == "END")
        depth--
    return word
}

# Whatever stands between quotes, in comments too, is copied.  A body of SQL has
# semicolons of its own, between BEGIN ATOMIC and END.
{
    rest = $0
    line = ""
    while (rest != "") {
        if (quote != "") {
            at = index(rest, quote)
            size = at ? at + length(quote) - 1 : length(rest)
            line = line substr(rest, 1, size)
            rest = substr(rest, size + 1)
            if (at)
                quote = ""
            continue
        }
        if (!match(rest, /--|\/\*|['"]|\$[A-Za-z_]*\$|;|[A-Za-z_][A-Za-z_0-9]*/))
            break
        token = substr(rest, RSTART, RLENGTH)
        line = line substr(rest, 1, RSTART - 1)
        rest = substr(rest, RSTART + RLENGTH)
        if (token == "--") {
            rest = token rest
            break
        } else if (token == "/*")
            quote = "*/"
        else if (token ~ /^['"$]/)
            quote = token
        else if (token == ";") {
            if (depth == 0)
                words = 0
        } else if (words < 2 || token ~ /^(BEGIN|CASE|END)$/)
            token = take(token)
        line = line token
    }
    print line rest
}

END {
    if (!failed && (words > 0 || quote != ""))
        fail("a statement does not end")
    exit failed
}
