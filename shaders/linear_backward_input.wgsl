//! linear_backward_input — d_input[n, i] = Σ_o d_output[n, o] · weight[o, i] + skip[n, i].
//! With ACTIVATION the gradient before an activation, whose values before it are `skip`.
//! Twin: src/reference/linear.rs. For software adapters: registers alone, no workgroup memory. A workgroup is
//! `column_lanes` blocks of 8 rows of 4 columns wide.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, slot, replica_step, rng, drops, drop_block, normal_cdf, rows, block, operands, linear_rows, add_rows, skip_rows, activated_backward, activation

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

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;   // [R, slots]
@group(0) @binding(3) var<storage, read> params: array<vec4<f32>>;    // [R, P]
@group(0) @binding(4) var<storage, read> d_output: array<vec4<f32>>;  // [R, N, O]
@group(0) @binding(5) var<storage, read> skip: array<f32>;            // [R, N, I]
@group(0) @binding(6) var<storage, read_write> d_input: array<f32>;   // [R, N, I]

fn fours_of(side: u32, four: u32) -> vec4<f32> {
    if (side == LEFT) {
        return d_output[four];
    }
    return params[four];
}

fn word_of(side: u32, word: u32) -> f32 {
    if (side == LEFT) {
        return d_output[word / 4u][word % 4u];
    }
    return params[word / 4u][word % 4u];
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    d_input[word.x] = value.x;
    d_input[word.y] = value.y;
    d_input[word.z] = value.z;
    d_input[word.w] = value.w;
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
    let found = through_activation(sum, replica, first, columns);
    store_block(row_starts(p.d_input, replica, first), columns, found);
}
