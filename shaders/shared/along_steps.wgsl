// Four steps from `step` on of four rows in which steps lie side by side: a column per step, 0 past the last of `steps`.
fn along_steps(side: u32, rows: vec4<u32>, step: u32, steps: u32) -> mat4x4<f32> {
    if (p.fours == 1u) {
        if (step >= steps) {
            return mat4x4<f32>();
        }
        return along_fours(side, rows + step);
    }
    var found = mat4x4<f32>();
    if (step < steps) {
        found[0] = words_of(side, rows + step);
    }
    if (step + 1u < steps) {
        found[1] = words_of(side, rows + step + 1u);
    }
    if (step + 2u < steps) {
        found[2] = words_of(side, rows + step + 2u);
    }
    if (step + 3u < steps) {
        found[3] = words_of(side, rows + step + 3u);
    }
    return found;
}
