// The outputs of a value but the first, counted from 0.
fn other_word(at: Place, j: u32) -> u32 {
    return at.other + j * p.forecast.other_output_stride;
}

fn other_output(replica: u32, at: Place, j: u32) -> f32 {
    return head[replica * p.forecast.head_row + other_word(at, j)];
}
