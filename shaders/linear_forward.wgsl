//! linear_forward — output[n, o] = Σ_i input[n, i] · weight[o, i] + bias[o], or skip[n, o] + dropout of that.
//! With ACTIVATION also after[n, o] = dropout(activation(output[n, o])).
//! Twin: src/reference/linear.rs. For software adapters: registers alone, no workgroup memory. A workgroup is
//! `column_lanes` blocks of 8 rows of 4 columns wide.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, slot, replica_step, rng, drops, drop_block, normal_cdf, rows, block, operands, linear_rows, linear_forward, add_rows, skip_rows, residual, activated_forward, activation

struct Params {
    input: Rows,
    output: Rows,
    skip: Rows,          // read where RESIDUAL is 1
    after: Rows,         // written where ACTIVATION is not 0
    first: u32,          // row that dropout counts from
    site: u32,
    steps_row: u32,      // slots per replica row of the step table
    weight: u32,         // word offset of weight [O, I] in a replica's row
    bias: u32,           // word offset of bias [O]
    params_row: u32,     // words per replica row
    column_lanes: u32,   // a power of two, at most 64
    column_groups: u32,  // workgroups side by side
    fours: u32,          // 1 where rows of input and weight start at multiples of four words and are whole fours
    first_group: u32,
}

// Four steps of four rows of the weight: a column per step.
fn weights_of(rows: vec4<u32>) -> mat4x4<f32> {
    return transpose(mat4x4<f32>(
        fours_of(RIGHT, rows.x / 4u),
        fours_of(RIGHT, rows.y / 4u),
        fours_of(RIGHT, rows.z / 4u),
        fours_of(RIGHT, rows.w / 4u),
    ));
}

@compute @workgroup_size(64)
fn linear_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let block = group_index(group, groups);
    let column = ((block % p.column_groups) * p.column_lanes + lane % p.column_lanes) * 4u;
    let first = ((block / p.column_groups) * (64u / p.column_lanes) + lane / p.column_lanes) * 8u;
    if (column >= p.output.width || first >= p.output.count) {
        return;
    }
    let columns = four_columns(column, p.output.width);
    let x = row_starts(p.input, replica, first);
    let w = replica * p.params_row + p.weight + columns * p.input.width;
    let steps = p.input.width;
    var sum = block_of(words_of(RIGHT, replica * p.params_row + p.bias + columns));
    if (p.fours == 1u) {
        for (var i = 0u; i < steps; i = i + 4u) {
            sum = add_rows(sum, RowStarts(x.low + i, x.high + i), weights_of(w + i));
        }
    } else {
        for (var i = 0u; i < steps; i = i + 1u) {
            sum = add_step(sum, words_of(LEFT, x.low + i), words_of(LEFT, x.high + i), words_of(RIGHT, w + i));
        }
    }
    end_block(sum, replica, first, columns);
}
