//! rnn_backward — d_output → d_projected, for t = t_end − 1 … t_begin:
//! d_pre_t = act'(h_t) · (d_output_t + w_hhᵀ · d_pre_{t+1}).
//! Twin: src/reference/rnn.rs. One workgroup per (four batch rows, LANES hidden units, replica). For w_hhᵀ · d_pre_{t+1}
//! an invocation sums a quarter of the terms of four units; for the rest it owns one unit. Both of four batch rows.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: recurrent, rnn_activation

override LANES: u32 = 64u;
override CELLS: u32 = 4u * LANES;

struct Params {
    activation: u32,       // 0 tanh, 1 relu
    batch: u32,            // B
    steps: u32,            // T
    output_steps: u32,     // D
    hidden: u32,           // H
    t_begin: u32,
    t_end: u32,
    states_row: u32,       // words per replica row of each tensor
    d_output_row: u32,
    d_projected_row: u32,
    weights: u32,          // vec4 offset of w_hh [H (k), H to a multiple of 4 (unit)] in a replica's row
    weights_row: u32,      // in vec4
    first_tile: u32,       // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;      // [R, row]
@group(0) @binding(2) var<storage, read> states: array<f32>;             // [R, B, T+1, H]
@group(0) @binding(3) var<storage, read> d_output: array<f32>;           // [R, B, D, H]
@group(0) @binding(4) var<storage, read_write> d_projected: array<f32>;  // [R, B, T, H]

// d_pre_{t+1} of four batch rows, of LANES hidden units, in its first part. Between barriers, the quarters' sums by unit.
var<workgroup> sh_d: array<vec4<f32>, CELLS>;

@compute @workgroup_size(LANES)
fn rnn_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = (p.first_tile + group.x) * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let states_stride = (p.steps + 1u) * p.hidden;
    let d_projected_stride = p.steps * p.hidden;
    let d_output_stride = p.output_steps * p.hidden;
    let state_rows = row_offsets(rows, states_stride) + (replica * p.states_row + first * states_stride + unit);
    let d_projected_rows =
        row_offsets(rows, d_projected_stride) + (replica * p.d_projected_row + first * d_projected_stride);
    let d_output_rows = row_offsets(rows, d_output_stride) + (replica * p.d_output_row + first * d_output_stride + unit);
    // The part that this invocation sums: a quarter of the terms, four units side by side.
    let part = lane / (LANES / 4u);
    let block = lane % (LANES / 4u);
    let block_unit = group.y * LANES + block * 4u;
    let weights_stride = (p.hidden + 3u) / 4u;
    let block_weights = replica * p.weights_row + p.weights + block_unit / 4u;

    for (var after = p.t_end; after > p.t_begin; after = after - 1u) {
        let t = after - 1u;
        var d_h = vec4<f32>(0.0);
        if (unit < p.hidden && t + p.output_steps >= p.steps) {
            let word = d_output_rows + (t + p.output_steps - p.steps) * p.hidden;
            d_h = vec4<f32>(d_output[word.x], d_output[word.y], d_output[word.z], d_output[word.w]);
        }
        if (after < p.steps) {
            // By unit of the block.
            var s_0 = vec4<f32>(0.0);
            var s_1 = vec4<f32>(0.0);
            var s_2 = vec4<f32>(0.0);
            var s_3 = vec4<f32>(0.0);
            for (var k0 = 0u; k0 < p.hidden; k0 = k0 + LANES) {
                // Later steps of a dispatch find the d_pre that this workgroup left there.
                if (after == p.t_end) {
                    workgroupBarrier();
                    if (k0 + lane < p.hidden) {
                        let word = d_projected_rows + (after * p.hidden + k0 + lane);
                        sh_d[lane] =
                            vec4<f32>(d_projected[word.x], d_projected[word.y], d_projected[word.z], d_projected[word.w]);
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
                        let d = sh_d[k];
                        s_0 = s_0 + four.x * d;
                        s_1 = s_1 + four.y * d;
                        s_2 = s_2 + four.z * d;
                        s_3 = s_3 + four.w * d;
                        w = w + weights_stride;
                    }
                }
            }
            workgroupBarrier();
            sh_d[part * LANES + block * 4u] = s_0;
            sh_d[part * LANES + block * 4u + 1u] = s_1;
            sh_d[part * LANES + block * 4u + 2u] = s_2;
            sh_d[part * LANES + block * 4u + 3u] = s_3;
            workgroupBarrier();
            let sum = (sh_d[lane] + sh_d[LANES + lane]) + (sh_d[2u * LANES + lane] + sh_d[3u * LANES + lane]);
            workgroupBarrier();
            d_h = d_h + sum;
        }
        if (unit < p.hidden) {
            let state = state_rows + after * p.hidden;
            let h = vec4<f32>(states[state.x], states[state.y], states[state.z], states[state.w]);
            var d_pre = select(vec4<f32>(0.0), d_h, h > vec4<f32>(0.0));
            if (p.activation == TANH) {
                d_pre = (1.0 - h * h) * d_h;
            }
            let word = d_projected_rows + (t * p.hidden + unit);
            d_projected[word.x] = d_pre.x;
            d_projected[word.y] = d_pre.y;
            d_projected[word.z] = d_pre.z;
            d_projected[word.w] = d_pre.w;
            sh_d[lane] = d_pre;
        }
        workgroupBarrier();
    }
}
