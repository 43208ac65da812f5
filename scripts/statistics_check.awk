# Whether compilers took every kernel well: awk -F '\t' -f statistics_check.awk INDEX FIGURES NEW, the index of examples/kernel_code and two
# tables of scripts/gpu-statistics. No kernel may spill or use scratch memory, but for the broken ones, which must.

# A kernel may take so much more than the figures, in percent: compilers schedule by fine margins.
BEGIN { slack = 3 }

function complain(what) {
    print $2 " on " $1 ": " what
    bad++
}

FILENAME == ARGV[1] { broken[$1] = $5; next }
FNR == 1 { mesa[FILENAME] = $0; next }
FNR == 2 { next }
FILENAME == ARGV[2] { waves[$1, $2] = $8; cycles[$1, $2] = $10; kept[$1, $2]; measured[$1]; next }

broken[$2] != "nobody" {
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
    if ($8 < waves[$1, $2]) complain($8 " waves, not " waves[$1, $2])
    if ($10 > cycles[$1, $2] * (1 + slack / 100)) complain($10 " cycles, not " cycles[$1, $2])
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
