//! linear_backward_input_tiled — d_input[n, i] = Σ_o d_output[n, o] · weight[o, i] + skip[n, i].
//! With ACTIVATION the gradient before an activation, whose values before it are `skip`.
//! Variant of: linear_backward_input. For real GPUs: both operands come by in workgroup memory.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, slot, replica_step, rng, drops, drop_block, normal_cdf, rows, block, operands, along_steps, across_steps, linear_rows, skip_rows, tile, activated_backward

struct Params {
    d_output: Rows,
    d_input: Rows,
    skip: Rows,          // has no rows where nothing is added; with ACTIVATION the values before it
    first: u32,          // row that dropout counts from
    site: u32,
    steps_row: u32,      // slots per replica row of the step table
    weight: u32,         // word offset of weight [O, I] in a replica's row
    params_row: u32,     // words per replica row
    column_lanes: u32,   // 8 or 16
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

fn in_fours(side: u32) -> bool {
    return p.fours == 1u;
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    d_input[word.x] = value.x;
    d_input[word.y] = value.y;
    d_input[word.z] = value.z;
    d_input[word.w] = value.w;
}

@compute @workgroup_size(128)
fn linear_backward_input_tiled(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let index = group_index(group, groups);
    let tile_row = (index / p.column_groups) * tile_fours() * 4u;
    let tile_column = (index % p.column_groups) * p.column_lanes * 4u;
    let column = tile_column + (lane % p.column_lanes) * 4u;
    let first = tile_row + (lane / p.column_lanes) * 8u;
    let columns = four_columns(column, p.d_input.width);
    let weight = replica * p.params_row + p.weight;
    let steps = p.d_output.width;
    let last = vec4<u32>(p.d_output.count - 1u);
    let count = vec4<u32>(0u, 1u, 2u, 3u);
    var sum = started_block(replica, first, columns);
    for (var begin = 0u; begin < steps; begin = begin + DEPTH) {
        workgroupBarrier();
        for (var i = lane; i < patches(); i = i + LANES) {
            if (i < 4u * tile_fours()) {
                let four = i / 4u;
                let rows = four_rows(p.d_output, replica, min(tile_row + four * 4u + count, last));
                stage_left(four, i % 4u, along_steps(LEFT, rows, begin + (i % 4u) * 4u, steps));
            } else {
                let at = i - 4u * tile_fours();
                let four = at % p.column_lanes;
                let quarter = at / p.column_lanes;
                let step = begin + quarter * 4u;
                let rows = weight + (step + count) * p.d_input.width;
                let across = four_columns(tile_column + four * 4u, p.d_input.width);
                stage_right(four, quarter, across_steps(RIGHT, rows, across, max(steps, step) - step));
            }
        }
        workgroupBarrier();
        sum = add_tile(sum, lane);
    }
    if (column < p.d_input.width && first < p.d_input.count) {
        let found = through_activation(sum, replica, first, columns);
        store_block(row_starts(p.d_input, replica, first), columns, found);
    }
}
