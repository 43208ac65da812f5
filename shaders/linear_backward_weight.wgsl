//! linear_backward_weight — d_weight[o, i] = Σ_n d_output[n, o] · input[n, i] and d_bias[o] = Σ_n d_output[n, o].
//! Twin: src/reference/linear/weight.rs. For software adapters: registers alone, no workgroup memory. An invocation owns 8 outputs
//! of 8 inputs over `split_rows` of the rows; a workgroup is `column_lanes` such blocks wide. Where the rows are split,
//! `sums` is working memory, which linear_weight_sum adds up. Past an edge a block repeats the last output or input: it
//! comes to the same numbers again and stores them in the same place.
//! R replicas, N rows, I inputs, O outputs, S splits.
//! Uses: grid, rows, block, operands

struct Params {
    input: Rows,
    d_output: Rows,
    d_weight: u32,       // word offset of d_weight [O, I] in a row of sums
    d_bias: u32,         // word offset of d_bias [O]
    sums_row: u32,       // words per replica row
    sums_split: u32,     // words from one split's sums to the next
    split_rows: u32,
    blocks: u32,         // workgroups that share a split
    column_lanes: u32,   // a power of two, at most 64
    column_groups: u32,  // workgroups side by side
    fours: u32,          // 1 where rows of input and d_output start at multiples of four words and are whole fours
    first_group: u32,
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

fn word_of(side: u32, word: u32) -> f32 {
    if (side == LEFT) {
        return d_output[word / 4u][word % 4u];
    }
    return input[word / 4u][word % 4u];
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    sums[word.x] = value.x;
    sums[word.y] = value.y;
    sums[word.z] = value.z;
    sums[word.w] = value.w;
}

// Where a row of a matrix starts, as n counts up: without a division per row.
struct Walk {
    word: u32,
    outer: u32,
    left: u32,
}

fn walk_from(rows: Rows, replica: u32, n: u32) -> Walk {
    let outer = replica * rows.replica_row + rows.offset + (n / rows.inner) * rows.outer_stride;
    return Walk(outer + (n % rows.inner) * rows.inner_stride, outer, rows.inner - n % rows.inner);
}

fn walk_on(rows: Rows, walk: Walk) -> Walk {
    let wraps = walk.left == 1u;
    let outer = select(walk.outer, walk.outer + rows.outer_stride, wraps);
    return Walk(select(walk.word + rows.inner_stride, outer, wraps), outer, select(walk.left - 1u, rows.inner, wraps));
}

// Eight inputs of a row of gradients.
fn store_eight(row: u32, low: vec4<u32>, high: vec4<u32>, a: vec4<f32>, b: vec4<f32>) {
    store(row + low, a);
    store(row + high, b);
}

@compute @workgroup_size(64)
fn linear_backward_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let index = group_index(group, groups);
    let split = index / p.blocks;
    let block = index % p.blocks;
    let output = ((block % p.column_groups) * p.column_lanes + lane % p.column_lanes) * 8u;
    let first = ((block / p.column_groups) * (64u / p.column_lanes) + lane / p.column_lanes) * 8u;
    let begin = split * p.split_rows;
    if (output >= p.d_output.width || first >= p.input.width || begin >= p.input.count) {
        return;
    }
    let end = min(begin + p.split_rows, p.input.count);
    let count = vec4<u32>(0u, 1u, 2u, 3u);
    let outputs_low = min(output + count, vec4<u32>(p.d_output.width - 1u));
    let outputs_high = min(output + 4u + count, vec4<u32>(p.d_output.width - 1u));
    let inputs_low = min(first + count, vec4<u32>(p.input.width - 1u));
    let inputs_high = min(first + 4u + count, vec4<u32>(p.input.width - 1u));
    var x = walk_from(p.input, replica, begin);
    var d = walk_from(p.d_output, replica, begin);
    // By output, over the first and the last four inputs.
    var a = block_of(vec4<f32>(0.0));
    var b = a;
    var bias_low = vec4<f32>(0.0);
    var bias_high = vec4<f32>(0.0);
    if (p.fours == 1u) {
        for (var n = begin; n < end; n = n + 1u) {
            let d_low = fours_of(LEFT, (d.word + outputs_low.x) / 4u);
            let d_high = fours_of(LEFT, (d.word + outputs_high.x) / 4u);
            a = add_step(a, d_low, d_high, fours_of(RIGHT, (x.word + inputs_low.x) / 4u));
            b = add_step(b, d_low, d_high, fours_of(RIGHT, (x.word + inputs_high.x) / 4u));
            bias_low = bias_low + d_low;
            bias_high = bias_high + d_high;
            x = walk_on(p.input, x);
            d = walk_on(p.d_output, d);
        }
    } else {
        for (var n = begin; n < end; n = n + 1u) {
            let d_low = words_of(LEFT, d.word + outputs_low);
            let d_high = words_of(LEFT, d.word + outputs_high);
            a = add_step(a, d_low, d_high, words_of(RIGHT, x.word + inputs_low));
            b = add_step(b, d_low, d_high, words_of(RIGHT, x.word + inputs_high));
            bias_low = bias_low + d_low;
            bias_high = bias_high + d_high;
            x = walk_on(p.input, x);
            d = walk_on(p.d_output, d);
        }
    }
    let to = replica * p.sums_row + split * p.sums_split;
    let low = to + p.d_weight + outputs_low * p.input.width;
    let high = to + p.d_weight + outputs_high * p.input.width;
    store_eight(low.x, inputs_low, inputs_high, a.r0, b.r0);
    store_eight(low.y, inputs_low, inputs_high, a.r1, b.r1);
    store_eight(low.z, inputs_low, inputs_high, a.r2, b.r2);
    store_eight(low.w, inputs_low, inputs_high, a.r3, b.r3);
    store_eight(high.x, inputs_low, inputs_high, a.r4, b.r4);
    store_eight(high.y, inputs_low, inputs_high, a.r5, b.r5);
    store_eight(high.z, inputs_low, inputs_high, a.r6, b.r6);
    store_eight(high.w, inputs_low, inputs_high, a.r7, b.r7);
    if (first == 0u) {
        store(to + p.d_bias + outputs_low, bias_low);
        store(to + p.d_bias + outputs_high, bias_high);
    }
}
