# The figures of scripts/gpu-statistics as Markdown: a row for each kernel, a column for each compiler.
FNR <= 2 { next }
!($1 in compilers) { compilers[$1]; order[++columns] = $1 }
!($2 in kernels) { kernels[$2]; rows[++count] = $2 }
{
    cell = $4 != "-" ? $4 " registers" : "SIMD" $3
    if ($8 != "-") cell = cell ", " $8 " waves"
    if ($7 != "-" && $7 > 0) cell = cell ", " $7 " B"
    cell = cell ", " $9 " instructions"
    if ($5 > 0) cell = cell ", **" $5 " spills**"
    if ($6 > 0) cell = cell ", **" $6 " B scratch**"
    cells[$2, $1] = cell
}
END {
    line = "| kernel |"; rule = "|---|"
    for (c = 1; c <= columns; c++) { line = line " " order[c] " |"; rule = rule "---|" }
    print line; print rule
    for (k = 1; k <= count; k++) {
        line = "| `" rows[k] "` |"
        for (c = 1; c <= columns; c++) line = line " " cells[rows[k], order[c]] " |"
        print line
    }
}
