# Whether compilers took every kernel well: awk -f statistics_check.awk INDEX FIGURES NEW, the index of examples/kernel_code and two
# tables of scripts/gpu-statistics. No kernel may spill or use scratch memory, but for the broken ones, which must.

# A kernel may take so much more than the figures, in percent: compilers schedule by fine margins.
BEGIN {
    FS = "\t"
    slack = 3
    least[8] = "waves"
    most[4] = "registers"
    most[7] = "bytes of workgroup memory"
    most[9] = "instructions"
    most[10] = "cycles"
}

function complain(what) {
    print $2 " on " $1 ": " what
    bad++
}

FILENAME == ARGV[1] { broken[$1] = $5; next }
FNR == 1 { mesa[FILENAME] = $0; next }
FNR == 2 { next }
FILENAME == ARGV[2] {
    for (i in least) kept_least[$1, $2, i] = $i
    for (i in most) kept_most[$1, $2, i] = $i
    kept[$1, $2]
    measured[$1]
    next
}

$2 in broken && broken[$2] != "nobody" {
    if (broken[$2] !~ /statistics/) next
    if ($5 + $6 > 0) caught[$1]
    else complain("the compiler tells of no scratch memory, and there is some")
    next
}
{
    count++
    compilers[$1]
    if ($5 > 0) complain("spills " $5 " registers")
    if ($6 > 0) complain("keeps " $6 " bytes in scratch memory")
    if (!($1 in measured) || mesa[ARGV[2]] != mesa[ARGV[3]]) next
    if (!(($1, $2) in kept)) { complain("has no figures: scripts/gpu-statistics --update"); next }
    delete kept[$1, $2]
    for (i in least) if ($i < kept_least[$1, $2, i]) complain($i " " least[i] ", not " kept_least[$1, $2, i])
    for (i in most)
        if ($i > kept_most[$1, $2, i] * (1 + slack / 100)) complain($i " " most[i] ", not " kept_most[$1, $2, i])
}

END {
    for (compiler in compilers)
        if (!(compiler in caught)) { print "no broken kernel shows on " compiler; bad++ }
    if (mesa[ARGV[2]] != mesa[ARGV[3]])
        print "another Mesa (" mesa[ARGV[3]] ") than the figures (" mesa[ARGV[2]] "): spills and scratch memory alone were checked"
    else
        for (key in kept) { split(key, part, SUBSEP); print part[2] " on " part[1] ": is made no more: scripts/gpu-statistics --update"; bad++ }
    if (!count) { print "no kernel was compiled"; bad++ }
    if (bad) exit 1
    print count " compilations: no spill, no scratch memory, none worse than its figures"
}
