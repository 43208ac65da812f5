# Of each kernel's listing by AMD's compiler the inner loop with the most multiply-adds: its instructions, the multiply-adds of f32
# among them, and their share in percent. awk -v compiler=NAME -f inner_loops.awk LISTING... A loop reaches from the block
# that is jumped back to, to the last jump to it; an inner one holds no other. All it lists is counted, branches not taken too.

FNR == 1 && NR > 1 { tell() }
FNR == 1 { kernel = FILENAME; sub(/.*\//, "", kernel); sub(/\.Assembly$/, "", kernel); count = loops = 0; split("", block) }
/^BB[0-9]+:/ { name = $1; sub(/:/, "", name); block[name] = count; next }
/^\t[a-z]/ {
    fused[++count] = fused[count - 1] + ($1 ~ /^v_(pk_)?(fma|fmac|mac|mad|fmaak|fmamk|madak|madmk)_(legacy_)?f32/)
    target = $2
    if ($1 ~ /^s_c?branch/ && target in block) {
        for (i = 1; i <= loops && start[i] != block[target]; i++);
        if (i > loops) { loops = i; start[i] = block[target] }
        end[i] = count
    }
}
END { tell() }

function tell(i, j, inner, best, most, length_of) {
    fused[0] = most = 0
    for (i = 1; i <= loops; i++) {
        inner = 1
        for (j = 1; j <= loops; j++) if (j != i && start[j] >= start[i] && end[j] <= end[i]) inner = 0
        if (inner && fused[end[i]] - fused[start[i]] > most) { best = i; most = fused[end[i]] - fused[start[i]] }
    }
    if (!most) return
    length_of = end[best] - start[best]
    printf "%s %s %d %d %.0f%%\n", compiler, kernel, length_of, most, 100 * most / length_of
}
