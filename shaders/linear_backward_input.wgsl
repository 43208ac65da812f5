//! linear_backward_input — d_input[n, i] = Σ_o d_output[n, o] · weight[o, i] + skip[n, i].
//! With ACTIVATION the gradient before an activation, whose values before it are `skip`.
//! Twin: src/reference/linear.rs. For software adapters: registers alone, no workgroup memory. A workgroup is
//! `column_lanes` blocks of 8 rows of 4 columns wide.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, slot, replica_step, rng, drops, drop_block, normal_cdf, rows, block, operands, linear_rows, linear_backward_input, add_rows, skip_rows, activated_backward, activation

struct Params {
    d_output: Rows,
    d_input: Rows,
    skip: Rows,          // has no rows where nothing is added; with ACTIVATION the values before it
    first: u32,          // row that dropout counts from
    site: u32,
    steps_row: u32,      // slots per replica row of the step table
    weight: u32,         // word offset of weight [O, I] in a replica's row
    params_row: u32,     // words per replica row
    column_lanes: u32,   // a power of two, at most 64
    column_groups: u32,  // workgroups side by side
    fours: u32,          // 1 where rows of d_output and weight start at multiples of four words and are whole fours
    first_group: u32,
}

@compute @workgroup_size(64)
fn linear_backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let column = ((block % p.column_groups) * p.column_lanes + lane % p.column_lanes) * 4u;
    let first = ((block / p.column_groups) * (64u / p.column_lanes) + lane / p.column_lanes) * 8u;
    if (column >= p.d_input.width || first >= p.d_input.count) {
        return;
    }
    let columns = four_columns(column, p.d_input.width);
    let d = row_starts(p.d_output, replica, first);
    var w = replica * p.params_row + p.weight + columns;
    let steps = p.d_output.width;
    let inputs = p.d_input.width;
    var sum = started_block(replica, first, columns);
    if (p.fours == 1u) {
        for (var o = 0u; o < steps; o = o + 4u) {
            let right = mat4x4<f32>(
                fours_of(RIGHT, w.x / 4u),
                fours_of(RIGHT, (w.x + inputs) / 4u),
                fours_of(RIGHT, (w.x + 2u * inputs) / 4u),
                fours_of(RIGHT, (w.x + 3u * inputs) / 4u),
            );
            sum = add_rows(sum, RowStarts(d.low + o, d.high + o), right);
            w = w + 4u * inputs;
        }
    } else {
        for (var o = 0u; o < steps; o = o + 1u) {
            sum = add_step(sum, words_of(LEFT, d.low + o), words_of(LEFT, d.high + o), words_of(RIGHT, w));
            w = w + inputs;
        }
    }
    end_block(sum, replica, first, columns);
}
