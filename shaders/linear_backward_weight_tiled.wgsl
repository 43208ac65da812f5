//! linear_backward_weight_tiled — d_weight[o, i] = Σ_n d_output[n, o] · input[n, i] and d_bias[o] = Σ_n d_output[n, o].
//! Variant of: linear_backward_weight. For real GPUs: both operands come by in workgroup memory, `split_rows` of the rows.
//! With BESIDE, the same of a second input: its columns come after the first's, each input's in whole fours.
//! Where the rows are split, `sums` is working memory, which linear_weight_sum adds up.
//! R replicas, N rows, I inputs, J inputs of the second, O outputs, S splits.
//! Uses: grid, rows, block, operands, across_steps, linear_rows, tile

// Whether there is a second input: left open, so that products of one carry none of this code.
override BESIDE: u32 = 0u;

struct Params {
    input: Rows,
    beside: Rows,         // read where BESIDE is 1
    d_output: Rows,
    d_weight: u32,        // word offset of d_weight [O, I] in a row of sums
    d_bias: u32,          // word offset of d_bias [O]
    beside_weight: u32,   // word offset of the second weight's gradient [O, J]
    beside_bias: u32,     // word offset of the second bias's gradient [O]
    sums_row: u32,        // words per replica row
    sums_split: u32,      // words from one split's sums to the next
    split_rows: u32,
    blocks: u32,          // workgroups that share a split
    column_lanes: u32,    // 8 or 16
    column_groups: u32,   // workgroups side by side
    d_output_fours: u32,  // 1 where its rows start at multiples of four words and are whole fours
    input_fours: u32,
    beside_fours: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;     // [R, N, I]
@group(0) @binding(2) var<storage, read> beside: array<vec4<f32>>;    // [R, N, J]
@group(0) @binding(3) var<storage, read> d_output: array<vec4<f32>>;  // [R, N, O]
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;      // [R, S, O·I + O + O·J + O], or the gradients [R, P]

// The side of the second input, after LEFT and RIGHT.
const SECOND: u32 = 2u;

fn fours_of(side: u32, four: u32) -> vec4<f32> {
    if (side == LEFT) {
        return d_output[four];
    }
    if (side == SECOND) {
        return beside[four];
    }
    return input[four];
}

fn in_fours(side: u32) -> bool {
    if (side == LEFT) {
        return p.d_output_fours == 1u;
    }
    return select(p.input_fours, p.beside_fours, side == SECOND) == 1u;
}

// Fours of columns of the first input: those after them are the second's.
fn own_fours() -> u32 {
    return (p.input.width + 3u) / 4u;
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
                let column = tile_input / 4u + four;
                if (BESIDE == 0u || column < own_fours()) {
                    let columns = four_columns(column * 4u, p.input.width);
                    stage_right(four, quarter, across_steps(RIGHT, four_rows(p.input, replica, rows), columns, there));
                } else {
                    let columns = four_columns((column - own_fours()) * 4u, p.beside.width);
                    stage_right(four, quarter, across_steps(SECOND, four_rows(p.beside, replica, rows), columns, there));
                }
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
    let column = tile_input / 4u + lane % p.column_lanes;
    if (begin >= p.input.count) {
        return;
    }
    let second = BESIDE == 1u && column >= own_fours();
    let width = select(p.input.width, p.beside.width, second);
    let input_ = 4u * select(column, column - own_fours(), second);
    if (output < p.d_output.width && input_ < width) {
        let weight = to + select(p.d_weight, p.beside_weight, second);
        let low = weight + four_columns(output, p.d_output.width) * width;
        let high = weight + four_columns(output + 4u, p.d_output.width) * width;
        store_block(RowStarts(low, high), four_columns(input_, width), sum);
    }
    let outputs = tile_output + lane * 4u;
    if (tile_input == 0u && lane < tile_fours() && outputs < p.d_output.width) {
        store(to + p.d_bias + four_columns(outputs, p.d_output.width), bias);
        if (BESIDE == 1u) {
            store(to + p.beside_bias + four_columns(outputs, p.d_output.width), bias);
        }
    }
}
