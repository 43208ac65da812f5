//! rnn_forward — projections → h, for t = t_begin … t_end − 1: h_t = act(projected_t + w_hh · h_{t−1} + b_hh).
//! Twin: src/reference/rnn.rs. One workgroup per (four batch rows, LANES hidden units, replica). For w_hh · h_{t−1} an
//! invocation sums a quarter of the terms of four units; for the rest it owns one unit. Both of four batch rows.
//! R replicas, B batch, T steps, H hidden.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations, recurrent, rnn_activation

override LANES: u32 = 64u;
override CELLS: u32 = 4u * LANES;

struct Params {
    activation: u32,     // 0 tanh, 1 relu
    batch: u32,          // B
    steps: u32,          // T
    hidden: u32,         // H
    t_begin: u32,
    t_end: u32,
    b_hh: u32,           // word offset of b_hh [H] in a replica's row
    params_row: u32,     // words per replica row of each tensor
    projected_row: u32,
    states_row: u32,
    weights: u32,        // vec4 offset of w_hh transposed [H (k), H to a multiple of 4 (unit)] in a replica's row
    weights_row: u32,    // in vec4
    first_tile: u32,     // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;   // [R, row]
@group(0) @binding(3) var<storage, read> projected: array<f32>;       // [R, B, T, H]
@group(0) @binding(4) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]

// h_{t−1} of four batch rows, of LANES hidden units, in its first part. Between barriers, the quarters' sums by unit.
var<workgroup> sh_h: array<vec4<f32>, CELLS>;

fn load_states(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(states[word.x], states[word.y], states[word.z], states[word.w]);
}

fn store_states(word: vec4<u32>, value: vec4<f32>) {
    states[word.x] = value.x;
    states[word.y] = value.y;
    states[word.z] = value.z;
    states[word.w] = value.w;
}

@compute @workgroup_size(LANES)
fn rnn_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = (p.first_tile + group.x) * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let states_stride = (p.steps + 1u) * p.hidden;
    let projected_stride = p.steps * p.hidden;
    let state_rows = row_offsets(rows, states_stride) + (replica * p.states_row + first * states_stride);
    let projected_rows =
        row_offsets(rows, projected_stride) + (replica * p.projected_row + first * projected_stride + unit);
    // The part that this invocation sums: a quarter of the terms, four units side by side.
    let part = lane / (LANES / 4u);
    let block = lane % (LANES / 4u);
    let block_unit = group.y * LANES + block * 4u;
    let weights_stride = (p.hidden + 3u) / 4u;
    let block_weights = replica * p.weights_row + p.weights + block_unit / 4u;

    var bias = 0.0;
    if (unit < p.hidden) {
        bias = params[replica * p.params_row + p.b_hh + unit];
        if (p.t_begin == 0u) {
            store_states(state_rows + unit, vec4<f32>(0.0));
        }
    }

    for (var t = p.t_begin; t < p.t_end; t = t + 1u) {
        var a = vec4<f32>(0.0);
        if (unit < p.hidden) {
            let word = projected_rows + t * p.hidden;
            a = vec4<f32>(projected[word.x], projected[word.y], projected[word.z], projected[word.w]) + bias;
        }
        if (t > 0u) {
            // By unit of the block.
            var s_0 = vec4<f32>(0.0);
            var s_1 = vec4<f32>(0.0);
            var s_2 = vec4<f32>(0.0);
            var s_3 = vec4<f32>(0.0);
            for (var k0 = 0u; k0 < p.hidden; k0 = k0 + LANES) {
                // Later steps of a dispatch find the h that this workgroup left there.
                if (t == p.t_begin) {
                    workgroupBarrier();
                    if (k0 + lane < p.hidden) {
                        sh_h[lane] = load_states(state_rows + (t * p.hidden + k0 + lane));
                    }
                    workgroupBarrier();
                }
                if (block_unit < p.hidden) {
                    let end = min(LANES, p.hidden - k0);
                    let quarter = (end + 3u) / 4u;
                    let from_k = min(part * quarter, end);
                    let to_k = min(from_k + quarter, end);
                    var w = block_weights + (k0 + from_k) * weights_stride;
                    for (var k = from_k; k < to_k; k = k + 1u) {
                        let four = weights[w];
                        let h = sh_h[k];
                        s_0 = s_0 + four.x * h;
                        s_1 = s_1 + four.y * h;
                        s_2 = s_2 + four.z * h;
                        s_3 = s_3 + four.w * h;
                        w = w + weights_stride;
                    }
                }
            }
            workgroupBarrier();
            sh_h[part * LANES + block * 4u] = s_0;
            sh_h[part * LANES + block * 4u + 1u] = s_1;
            sh_h[part * LANES + block * 4u + 2u] = s_2;
            sh_h[part * LANES + block * 4u + 3u] = s_3;
            workgroupBarrier();
            let sum = (sh_h[lane] + sh_h[LANES + lane]) + (sh_h[2u * LANES + lane] + sh_h[3u * LANES + lane]);
            workgroupBarrier();
            a = a + sum;
        }
        if (unit < p.hidden) {
            var h = relu4(a);
            if (p.activation == TANH) {
                h = tanh4(a);
            }
            store_states(state_rows + ((t + 1u) * p.hidden + unit), h);
            sh_h[lane] = h;
        }
        workgroupBarrier();
    }
}
