//! linear_forward_tiled — output[n, o] = Σ_i input[n, i] · weight[o, i] + bias[o], or skip[n, o] + dropout of that.
//! With ACTIVATION also after[n, o] = dropout(activation(output[n, o])).
//! Variant of: linear_forward. For real GPUs: both operands come by in workgroup memory.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, slot, replica_step, rng, drops, drop_block, normal_cdf, rows, block, operands, along_steps, linear_rows, tile, skip_rows, residual, activated_forward

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
    column_lanes: u32,   // 8 or 16
    column_groups: u32,  // workgroups side by side
    fours: u32,          // 1 where rows of input and weight start at multiples of four words and are whole fours
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, slots]
@group(0) @binding(3) var<storage, read> params: array<vec4<f32>>;   // [R, P]
@group(0) @binding(4) var<storage, read> input: array<vec4<f32>>;    // [R, N, I]
@group(0) @binding(5) var<storage, read> skip: array<f32>;           // [R, N, O]
@group(0) @binding(6) var<storage, read_write> output: array<f32>;   // [R, N, O]
@group(0) @binding(7) var<storage, read_write> after: array<f32>;    // [R, N, O]

fn fours_of(side: u32, four: u32) -> vec4<f32> {
    if (side == LEFT) {
        return input[four];
    }
    return params[four];
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    output[word.x] = value.x;
    output[word.y] = value.y;
    output[word.z] = value.z;
    output[word.w] = value.w;
}

fn store_after(word: vec4<u32>, value: vec4<f32>) {
    after[word.x] = value.x;
    after[word.y] = value.y;
    after[word.z] = value.z;
    after[word.w] = value.w;
}

@compute @workgroup_size(128)
fn linear_forward_tiled(
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
    let columns = four_columns(column, p.output.width);
    let weight = replica * p.params_row + p.weight;
    let steps = p.input.width;
    let last = vec4<u32>(p.input.count - 1u);
    var sum = block_of(words_of(RIGHT, replica * p.params_row + p.bias + columns));
    for (var begin = 0u; begin < steps; begin = begin + DEPTH) {
        workgroupBarrier();
        for (var i = lane; i < patches(); i = i + LANES) {
            let four = i / 4u;
            let step = begin + (i % 4u) * 4u;
            if (four < tile_fours()) {
                let rows = min(tile_row + four * 4u + vec4<u32>(0u, 1u, 2u, 3u), last);
                stage_left(four, i % 4u, along_steps(LEFT, four_rows(p.input, replica, rows), step, steps));
            } else {
                let at = four - tile_fours();
                let rows = weight + four_columns(tile_column + at * 4u, p.output.width) * steps;
                stage_right(at, i % 4u, along_steps(RIGHT, rows, step, steps));
            }
        }
        workgroupBarrier();
        sum = add_tile(sum, lane);
    }
    if (column < p.output.width && first < p.output.count) {
        store_block(row_starts(p.output, replica, first), columns, add_residual(sum, replica, first, columns));
        store_activated(sum, replica, first, columns);
    }
}
