//! linear_backward_weight — d_weight[o, i] = Σ_n d_output[n, o] · input[n, i] and d_bias[o] = Σ_n d_output[n, o].
//! Twin: src/reference/linear.rs. An invocation owns 8 outputs of 8 inputs, in registers, over `split_rows` of the rows;
//! a workgroup is `output_lanes` such blocks wide. Where the rows are split, `sums` is working memory, which
//! linear_weight_sum adds up. Blocks that reach past an edge repeat the last output or input: they come to the same
//! numbers again and store them in the same place.
//! R replicas, N rows, I inputs, O outputs, S splits.
//! Uses: grid, rows

struct Params {
    input: Rows,
    d_output: Rows,
    d_weight: u32,       // word offset of d_weight [O, I] in a row of sums
    d_bias: u32,         // word offset of d_bias [O]
    sums_row: u32,       // words per replica row
    sums_split: u32,     // words from one split's sums to the next
    split_rows: u32,
    blocks: u32,         // workgroups that share a split
    output_lanes: u32,   // a power of two, at most 64
    output_groups: u32,  // workgroups side by side
    fours: u32,          // 1 where rows of input and d_output start at multiples of four words and are whole fours
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;     // [R, N, I]
@group(0) @binding(2) var<storage, read> d_output: array<vec4<f32>>;  // [R, N, O]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;      // [R, S, O·I + O], or the gradients [R, P]

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

fn input_words(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(
        input[word.x / 4u][word.x % 4u],
        input[word.y / 4u][word.y % 4u],
        input[word.z / 4u][word.z % 4u],
        input[word.w / 4u][word.w % 4u],
    );
}

fn d_output_words(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(
        d_output[word.x / 4u][word.x % 4u],
        d_output[word.y / 4u][word.y % 4u],
        d_output[word.z / 4u][word.z % 4u],
        d_output[word.w / 4u][word.w % 4u],
    );
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    sums[word.x] = value.x;
    sums[word.y] = value.y;
    sums[word.z] = value.z;
    sums[word.w] = value.w;
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
    let output = ((block % p.output_groups) * p.output_lanes + lane % p.output_lanes) * 8u;
    let first = ((block / p.output_groups) * (64u / p.output_lanes) + lane / p.output_lanes) * 8u;
    let begin = split * p.split_rows;
    if (output >= p.d_output.width || first >= p.input.width || begin >= p.input.count) {
        return;
    }
    let end = min(begin + p.split_rows, p.input.count);
    let low = vec4<u32>(0u, 1u, 2u, 3u);
    let outputs_a = min(output + low, vec4<u32>(p.d_output.width - 1u));
    let outputs_b = min(output + 4u + low, vec4<u32>(p.d_output.width - 1u));
    let inputs_a = min(first + low, vec4<u32>(p.input.width - 1u));
    let inputs_b = min(first + 4u + low, vec4<u32>(p.input.width - 1u));
    var x = walk_from(p.input, replica, begin);
    var d = walk_from(p.d_output, replica, begin);
    // By output, over the first and the last four inputs.
    var a0 = vec4<f32>(0.0);
    var b0 = vec4<f32>(0.0);
    var a1 = vec4<f32>(0.0);
    var b1 = vec4<f32>(0.0);
    var a2 = vec4<f32>(0.0);
    var b2 = vec4<f32>(0.0);
    var a3 = vec4<f32>(0.0);
    var b3 = vec4<f32>(0.0);
    var a4 = vec4<f32>(0.0);
    var b4 = vec4<f32>(0.0);
    var a5 = vec4<f32>(0.0);
    var b5 = vec4<f32>(0.0);
    var a6 = vec4<f32>(0.0);
    var b6 = vec4<f32>(0.0);
    var a7 = vec4<f32>(0.0);
    var b7 = vec4<f32>(0.0);
    var bias_a = vec4<f32>(0.0);
    var bias_b = vec4<f32>(0.0);
    if (p.fours == 1u) {
        for (var n = begin; n < end; n = n + 1u) {
            let d_a = d_output[(d.word + outputs_a.x) / 4u];
            let d_b = d_output[(d.word + outputs_b.x) / 4u];
            let x_a = input[(x.word + inputs_a.x) / 4u];
            let x_b = input[(x.word + inputs_b.x) / 4u];
            a0 = a0 + d_a.x * x_a;
            b0 = b0 + d_a.x * x_b;
            a1 = a1 + d_a.y * x_a;
            b1 = b1 + d_a.y * x_b;
            a2 = a2 + d_a.z * x_a;
            b2 = b2 + d_a.z * x_b;
            a3 = a3 + d_a.w * x_a;
            b3 = b3 + d_a.w * x_b;
            a4 = a4 + d_b.x * x_a;
            b4 = b4 + d_b.x * x_b;
            a5 = a5 + d_b.y * x_a;
            b5 = b5 + d_b.y * x_b;
            a6 = a6 + d_b.z * x_a;
            b6 = b6 + d_b.z * x_b;
            a7 = a7 + d_b.w * x_a;
            b7 = b7 + d_b.w * x_b;
            bias_a = bias_a + d_a;
            bias_b = bias_b + d_b;
            x = walk_on(p.input, x);
            d = walk_on(p.d_output, d);
        }
    } else {
        for (var n = begin; n < end; n = n + 1u) {
            let d_a = d_output_words(d.word + outputs_a);
            let d_b = d_output_words(d.word + outputs_b);
            let x_a = input_words(x.word + inputs_a);
            let x_b = input_words(x.word + inputs_b);
            a0 = a0 + d_a.x * x_a;
            b0 = b0 + d_a.x * x_b;
            a1 = a1 + d_a.y * x_a;
            b1 = b1 + d_a.y * x_b;
            a2 = a2 + d_a.z * x_a;
            b2 = b2 + d_a.z * x_b;
            a3 = a3 + d_a.w * x_a;
            b3 = b3 + d_a.w * x_b;
            a4 = a4 + d_b.x * x_a;
            b4 = b4 + d_b.x * x_b;
            a5 = a5 + d_b.y * x_a;
            b5 = b5 + d_b.y * x_b;
            a6 = a6 + d_b.z * x_a;
            b6 = b6 + d_b.z * x_b;
            a7 = a7 + d_b.w * x_a;
            b7 = b7 + d_b.w * x_b;
            bias_a = bias_a + d_a;
            bias_b = bias_b + d_b;
            x = walk_on(p.input, x);
            d = walk_on(p.d_output, d);
        }
    }
    let to = replica * p.sums_row + split * p.sums_split;
    let weights = to + p.d_weight;
    let row0 = weights + outputs_a.x * p.input.width;
    store(row0 + inputs_a, a0);
    store(row0 + inputs_b, b0);
    let row1 = weights + outputs_a.y * p.input.width;
    store(row1 + inputs_a, a1);
    store(row1 + inputs_b, b1);
    let row2 = weights + outputs_a.z * p.input.width;
    store(row2 + inputs_a, a2);
    store(row2 + inputs_b, b2);
    let row3 = weights + outputs_a.w * p.input.width;
    store(row3 + inputs_a, a3);
    store(row3 + inputs_b, b3);
    let row4 = weights + outputs_b.x * p.input.width;
    store(row4 + inputs_a, a4);
    store(row4 + inputs_b, b4);
    let row5 = weights + outputs_b.y * p.input.width;
    store(row5 + inputs_a, a5);
    store(row5 + inputs_b, b5);
    let row6 = weights + outputs_b.z * p.input.width;
    store(row6 + inputs_a, a6);
    store(row6 + inputs_b, b6);
    let row7 = weights + outputs_b.w * p.input.width;
    store(row7 + inputs_a, a7);
    store(row7 + inputs_b, b7);
    if (first == 0u) {
        store(to + p.d_bias + outputs_a, bias_a);
        store(to + p.d_bias + outputs_b, bias_b);
    }
}
