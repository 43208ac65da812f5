//! linear_backward_weight_tiled — d_weight[o, i] = Σ_n d_output[n, o] · input[n, i] and d_bias[o] = Σ_n d_output[n, o].
//! Variant of: linear_backward_weight. For real GPUs: both operands come by in workgroup memory, `split_rows` of the rows.
//! Where the rows are split, `sums` is working memory, which linear_weight_sum adds up.
//! R replicas, N rows, I inputs, O outputs, S splits.
//! Uses: grid, rows, block, operands, across_steps, linear_rows, tile

struct Params {
    input: Rows,
    d_output: Rows,
    d_weight: u32,       // word offset of d_weight [O, I] in a row of sums
    d_bias: u32,         // word offset of d_bias [O]
    sums_row: u32,       // words per replica row
    sums_split: u32,     // words from one split's sums to the next
    split_rows: u32,
    blocks: u32,         // workgroups that share a split
    column_lanes: u32,   // 8 or 16
    column_groups: u32,  // workgroups side by side
    fours: u32,          // 1 where rows of input and d_output start at multiples of four words and are whole fours
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;     // [R, N, I]
@group(0) @binding(2) var<storage, read> d_output: array<vec4<f32>>;  // [R, N, O]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;      // [R, S, O·I + O], or the gradients [R, P]

fn fours_of(side: u32, four: u32) -> vec4<f32> {
    if (side == LEFT) {
        return d_output[four];
    }
    return input[four];
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    sums[word.x] = value.x;
    sums[word.y] = value.y;
    sums[word.z] = value.z;
    sums[word.w] = value.w;
}

@compute @workgroup_size(128)
fn linear_backward_weight_tiled(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let index = group_index(group, groups);
    let split = index / p.blocks;
    let block = index % p.blocks;
    let tile_output = (block / p.column_groups) * tile_fours() * 4u;
    let tile_input = (block % p.column_groups) * p.column_lanes * 4u;
    let begin = split * p.split_rows;
    let end = min(begin + p.split_rows, p.input.count);
    let last = vec4<u32>(p.input.count - 1u);
    let count = vec4<u32>(0u, 1u, 2u, 3u);
    var sum = block_of(vec4<f32>(0.0));
    var bias = vec4<f32>(0.0);
    for (var step = begin; step < end; step = step + DEPTH) {
        workgroupBarrier();
        for (var i = lane; i < patches(); i = i + LANES) {
            let left = i < 4u * tile_fours();
            let at = select(i - 4u * tile_fours(), i, left);
            let across = select(p.column_lanes, tile_fours(), left);
            let four = at % across;
            let quarter = at / across;
            let n = step + quarter * 4u;
            let rows = min(n + count, last);
            let there = max(end, n) - n;
            if (left) {
                let columns = four_columns(tile_output + four * 4u, p.d_output.width);
                stage_left(four, quarter, across_steps(LEFT, four_rows(p.d_output, replica, rows), columns, there));
            } else {
                let columns = four_columns(tile_input + four * 4u, p.input.width);
                stage_right(four, quarter, across_steps(RIGHT, four_rows(p.input, replica, rows), columns, there));
            }
        }
        workgroupBarrier();
        sum = add_tile(sum, lane);
        // The first tile across also sums the gradient itself, four outputs an invocation.
        if (tile_input == 0u && lane < tile_fours()) {
            for (var k = 0u; k < DEPTH; k = k + 1u) {
                bias = bias + sh_left[k * LEFT_STRIDE + lane];
            }
        }
    }
    let to = replica * p.sums_row + split * p.sums_split;
    let output = tile_output + (lane / p.column_lanes) * 8u;
    let input_ = tile_input + (lane % p.column_lanes) * 4u;
    if (begin >= p.input.count) {
        return;
    }
    if (output < p.d_output.width && input_ < p.input.width) {
        let width = p.input.width;
        let low = to + p.d_weight + four_columns(output, p.d_output.width) * width;
        let high = to + p.d_weight + four_columns(output + 4u, p.d_output.width) * width;
        store_block(RowStarts(low, high), four_columns(input_, width), sum);
    }
    let outputs = tile_output + lane * 4u;
    if (tile_input == 0u && lane < tile_fours() && outputs < p.d_output.width) {
        store(to + p.d_bias + four_columns(outputs, p.d_output.width), bias);
    }
}
