//! linear_forward_tiled — output[n, o] = Σ_i input[n, i] · weight[o, i] + bias[o], or skip[n, o] + dropout of that.
//! With ACTIVATION also after[n, o] = dropout(activation(output[n, o])).
//! Variant of: linear_forward. For real GPUs: both operands come by in workgroup memory.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, slot, replica_step, rng, drops, drop_block, normal_cdf, rows, block, operands, linear_rows, linear_forward, tile, along, skip_rows, residual, activated_forward, activation

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
    column_groups: u32,  // workgroups side by side
    first_group: u32,
}

// Where an invocation finds what it brings: the starts of its rows, in units.
struct Sources {
    left: u32,
    second: u32,
    right: u32,
}

// Of a quarter a vec4 of each operand.
fn bring(sources: Sources, quarter: u32) -> Brought {
    let steps = p.input.width;
    return Brought(along(LEFT, sources.left, quarter, steps), along(RIGHT, sources.right, quarter, steps));
}

// Zeros past the last step. Where rows of the weight are whole fours so are all steps, and what there is of the input past the
// last is multiplied by zeros.
fn left_ended(value: vec4<f32>, quarter: u32) -> vec4<f32> {
    if (in_fours(RIGHT)) {
        return value;
    }
    return select(vec4<f32>(0.0), value, 4u * quarter + COUNT < vec4<u32>(p.input.width));
}

fn right_ended(value: vec4<f32>, quarter: u32) -> vec4<f32> {
    let step = 4u * quarter + select(COUNT, vec4<u32>(0u), in_fours(RIGHT));
    return select(vec4<f32>(0.0), value, step < vec4<u32>(p.input.width));
}

fn put_ended(half: u32, places: Places, brought: Brought, quarter: u32) {
    put(half, places, Brought(left_ended(brought.left, quarter), right_ended(brought.right, quarter)));
}

@compute @workgroup_size(LANES)
fn linear_forward_tiled(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let index = group_index(group, groups);
    let tile_row = (index / p.column_groups) * 64u;
    let tile_column = (index % p.column_groups) * 32u * PANELS;
    let own = own_block(lane);
    let first = tile_row + own.row * 8u;
    let column = tile_column + own.column * 4u;
    let columns = four_columns(column, p.output.width);
    let steps = p.input.width;
    let weight = replica * p.params_row + p.weight;
    let last = p.input.count - 1u;
    let row = tile_row + along_row(lane);
    let output_ = min(tile_column + along_column(lane), p.output.width - 1u);
    let sources = Sources(
        units(LEFT, row_start(p.input, replica, min(row, last))),
        units(LEFT, row_start(p.input, replica, min(row + 4u, last))),
        units(RIGHT, weight + output_ * steps),
    );
    let places = Places(along_left(lane), along_left(lane) + 4u * PLANE, along_right(lane));
    var quarter = lane % 2u;
    var sum = block_of(words_of(RIGHT, replica * p.params_row + p.bias + columns));
    var half = 0u;
    var brought = bring(sources, quarter);
    if (PANELS == 1u) {
        put_first(half, places, left_ended(brought.left, quarter));
        brought.left = along(LEFT, sources.second, quarter, steps);
    }
    put_ended(half, places, brought, quarter);
    for (var begin = 0u; begin < steps; begin = begin + DEPTH) {
        workgroupBarrier();
        quarter = quarter + 2u;
        brought = bring(sources, quarter);
        let left = half + own.left;
        let right = right_half(half) + own.right;
        half = half ^ LEFT_HALF;
        sum = add_quarter(sum, left, transpose(right_planes(right)));
        if (PANELS == 1u) {
            put_first(half, places, left_ended(brought.left, quarter));
            brought.left = along(LEFT, sources.second, quarter, steps);
        }
        sum = add_quarter(sum, left + 8u * PLANE, transpose(right_planes(right + 4u * PLANE)));
        put_ended(half, places, brought, quarter);
    }
    if (column < p.output.width && first < p.output.count) {
        end_block(sum, replica, first, columns);
    }
}
