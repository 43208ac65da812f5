# What a judge answered, against what it was asked: awk -v judge=NAME -v form=FOLDER -f judges_verdict.awk ASKED INDEX ANSWERS.
# Every pipeline must be accepted, but for the broken ones, which must not; Direct3D's X4714 is a warning that counts as a rejection.

BEGIN { FS = "\t" }
FILENAME == ARGV[1] { asked[++count] = $1; next }
FILENAME == ARGV[2] { if ($5 != "nobody") broken[form "/" $1]; next }
{
    answered[$1]
    said[$1] = said[$1] "\n    " $3
    if ($2 == "rejected" || $3 ~ /X4714/) rejected[$1]
}

function complain(what) {
    print "  " what
    bad++
}

END {
    for (i = 1; i <= count; i++) {
        path = asked[i]
        if (!(path in broken)) all++
        if (!(path in answered)) complain(path ": no answer")
        else if (path in broken && path in rejected) known++
        else if (path in broken) complain(path ": ACCEPTED, and is broken")
        else if (path in rejected) complain(path ": REJECTED" said[path])
        else accepted++
    }
    if (!known) complain("no broken shader was rejected")
    if (!all) complain("no pipeline was judged")
    printf "%s, %s: %d of %d pipelines accepted, %d broken rejected\n", judge, form, accepted, all, known
    exit bad > 0
}
