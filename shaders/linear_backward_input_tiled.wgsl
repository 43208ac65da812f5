//! linear_backward_input_tiled — d_input[n, i] = Σ_o d_output[n, o] · weight[o, i] + skip[n, i].
//! With ACTIVATION the gradient before an activation, whose values before it are `skip`.
//! Variant of: linear_backward_input. For real GPUs: both operands come by in workgroup memory.
//! R replicas, N rows, I inputs, O outputs.
//! Uses: grid, slot, replica_step, rng, drops, drop_block, normal_cdf, rows, block, operands, linear_rows, linear_backward_input, skip_rows, tile, along, across, activated_backward, activation

struct Params {
    d_output: Rows,
    d_input: Rows,
    skip: Rows,          // has no rows where nothing is added; with ACTIVATION the values before it
    first: u32,          // row that dropout counts from
    site: u32,
    steps_row: u32,      // slots per replica row of the step table
    weight: u32,         // word offset of weight [O, I] in a replica's row
    params_row: u32,     // words per replica row
    column_groups: u32,  // workgroups side by side
    first_group: u32,
}

// What an invocation brings: rows of d_output by their starts, in units, and four columns of the weight by the first.
struct Sources {
    left: u32,
    second: u32,
    column: u32,
}

// Of a quarter, and of the row of the weight that starts at `right`.
fn bring(sources: Sources, quarter: u32, right: u32) -> Brought {
    return Brought(
        along(LEFT, sources.left, quarter, p.d_output.width),
        across(RIGHT, right, sources.column, p.d_input.width),
    );
}

@compute @workgroup_size(LANES)
fn linear_backward_input_tiled(
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
    let columns = four_columns(column, p.d_input.width);
    let steps = p.d_output.width;
    let weight = replica * p.params_row + p.weight;
    let last = p.d_output.count - 1u;
    let row = tile_row + along_row(lane);
    let sources = Sources(
        units(LEFT, row_start(p.d_output, replica, min(row, last))),
        units(LEFT, row_start(p.d_output, replica, min(row + 4u, last))),
        min(tile_column + across_column(lane), p.d_input.width - 1u),
    );
    let places = Places(along_left(lane), along_left(lane) + 4u * PLANE, lane);
    var quarter = lane % 2u;
    // Past the last row of the weight it stays there, and what it brings are zeros: whatever there is of d_output adds nothing.
    let output_ = across_row(lane);
    var there = output_ < steps;
    let hop = units(RIGHT, DEPTH * p.d_input.width);
    var right = across_start(RIGHT, weight + min(output_, steps - 1u) * p.d_input.width, sources.column);
    var sum = started_block(replica, first, columns);
    var half = 0u;
    var brought = bring(sources, quarter, right);
    if (PANELS == 1u) {
        put_first(half, places, brought.left);
        brought.left = along(LEFT, sources.second, quarter, steps);
    }
    put(half, places, Brought(brought.left, select(vec4<f32>(0.0), brought.right, there)));
    for (var begin = 0u; begin < steps; begin = begin + DEPTH) {
        workgroupBarrier();
        quarter = quarter + 2u;
        there = begin + DEPTH + output_ < steps;
        right = right + select(0u, hop, there);
        brought = bring(sources, quarter, right);
        let left_at = half + own.left;
        let right_at = right_half(half) + own.right;
        half = half ^ LEFT_HALF;
        sum = add_quarter(sum, left_at, right_planes(right_at));
        if (PANELS == 1u) {
            put_first(half, places, brought.left);
            brought.left = along(LEFT, sources.second, quarter, steps);
        }
        sum = add_quarter(sum, left_at + 8u * PLANE, right_planes(right_at + 4u * PLANE));
        put(half, places, Brought(brought.left, select(vec4<f32>(0.0), brought.right, there)));
    }
    if (column < p.d_input.width && first < p.d_input.count) {
        end_block(sum, replica, first, columns);
    }
}
