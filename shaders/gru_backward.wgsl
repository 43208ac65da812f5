//! gru_backward — d_output → d_x, over the gates, and d_s, over the recurrent gates, for t = t_end − 1 … t_begin.
//! Twin: src/reference/gru.rs. One workgroup per (four batch rows, LANES hidden units, replica). For w_hhᵀ · d_s_{t+1}
//! an invocation sums one gate's part of four units (a quarter of them rest); for the rest it owns one unit. Both of four batch
//! rows.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden. Gates in PyTorch's order r, z, n. d_x are the
//! gradients of their projections, d_s those of w_hh · h_{t−1} + b_hh.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: recurrent

override LANES: u32 = 64u;
override CELLS: u32 = 3u * LANES;

struct Params {
    batch: u32,           // B
    steps: u32,           // T
    output_steps: u32,    // D
    hidden: u32,          // H
    t_begin: u32,
    t_end: u32,
    gates_row: u32,       // words per replica row of each tensor
    recurrent_row: u32,
    states_row: u32,
    d_output_row: u32,
    carry_row: u32,
    weights: u32,         // vec4 offset of w_hh [3, H, H to a multiple of 4] in a replica's row
    weights_row: u32,     // in vec4
    first_tile: u32,      // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;    // [R, row]
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;      // [R, B, T, 3, H]  n, then d_x
@group(0) @binding(3) var<storage, read_write> recurrent: array<f32>;  // [R, B, T, 3, H]  r, z and s of n, then d_s
@group(0) @binding(4) var<storage, read> states: array<f32>;           // [R, B, T+1, H]
@group(0) @binding(5) var<storage, read> d_output: array<f32>;         // [R, B, D, H]
@group(0) @binding(6) var<storage, read_write> carry: array<f32>;      // [R, B, H]  d_h of the step before, z's part

// d_s_{t+1} of four batch rows, of LANES hidden units, by gate. Between barriers it also
// holds the gates' parts of d_h.
var<workgroup> sh_d: array<vec4<f32>, CELLS>;

fn load_recurrent(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(recurrent[word.x], recurrent[word.y], recurrent[word.z], recurrent[word.w]);
}

fn store_gates(word: vec4<u32>, value: vec4<f32>) {
    gates[word.x] = value.x;
    gates[word.y] = value.y;
    gates[word.z] = value.z;
    gates[word.w] = value.w;
}

fn store_recurrent(word: vec4<u32>, value: vec4<f32>) {
    recurrent[word.x] = value.x;
    recurrent[word.y] = value.y;
    recurrent[word.z] = value.z;
    recurrent[word.w] = value.w;
}

@compute @workgroup_size(LANES)
fn gru_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = (p.first_tile + group.x) * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let step_words = 3u * p.hidden;
    let gates_stride = p.steps * step_words;
    let states_stride = (p.steps + 1u) * p.hidden;
    let d_output_stride = p.output_steps * p.hidden;
    let in_gates = row_offsets(rows, gates_stride) + first * gates_stride;
    let gate_rows = in_gates + replica * p.gates_row;
    let recurrent_rows = in_gates + replica * p.recurrent_row;
    let state_rows = row_offsets(rows, states_stride) + (replica * p.states_row + first * states_stride + unit);
    let d_output_rows = row_offsets(rows, d_output_stride) + (replica * p.d_output_row + first * d_output_stride + unit);
    let carry_rows = row_offsets(rows, p.hidden) + (replica * p.carry_row + first * p.hidden + unit);

    // The part that this invocation sums: one gate, four units side by side.
    let part = lane / (LANES / 4u);
    let block = lane % (LANES / 4u);
    let block_unit = group.y * LANES + block * 4u;
    let weights_stride = (p.hidden + 3u) / 4u;
    let part_weights = replica * p.weights_row + p.weights + part * p.hidden * weights_stride + block_unit / 4u;

    var carried = vec4<f32>(0.0);
    if (unit < p.hidden && p.t_end < p.steps) {
        carried = vec4<f32>(carry[carry_rows.x], carry[carry_rows.y], carry[carry_rows.z], carry[carry_rows.w]);
    }

    for (var after = p.t_end; after > p.t_begin; after = after - 1u) {
        let t = after - 1u;
        var d_h = carried;
        if (unit < p.hidden && t + p.output_steps >= p.steps) {
            let word = d_output_rows + (t + p.output_steps - p.steps) * p.hidden;
            d_h = d_h + vec4<f32>(d_output[word.x], d_output[word.y], d_output[word.z], d_output[word.w]);
        }
        if (after < p.steps) {
            // w_hhᵀ · d_s_{t+1}, by unit of the block.
            var d_0 = vec4<f32>(0.0);
            var d_1 = vec4<f32>(0.0);
            var d_2 = vec4<f32>(0.0);
            var d_3 = vec4<f32>(0.0);
            for (var k0 = 0u; k0 < p.hidden; k0 = k0 + LANES) {
                // Later steps of a dispatch find the d_s that this workgroup left there.
                if (after == p.t_end) {
                    workgroupBarrier();
                    if (k0 + lane < p.hidden) {
                        let word = recurrent_rows + (after * step_words + k0 + lane);
                        sh_d[lane] = load_recurrent(word);
                        sh_d[LANES + lane] = load_recurrent(word + p.hidden);
                        sh_d[2u * LANES + lane] = load_recurrent(word + 2u * p.hidden);
                    }
                    workgroupBarrier();
                }
                if (part < 3u && block_unit < p.hidden) {
                    let end = min(LANES, p.hidden - k0);
                    var w = part_weights + k0 * weights_stride;
                    for (var k = 0u; k < end; k = k + 1u) {
                        let four = weights[w];
                        let d = sh_d[part * LANES + k];
                        d_0 = d_0 + four.x * d;
                        d_1 = d_1 + four.y * d;
                        d_2 = d_2 + four.z * d;
                        d_3 = d_3 + four.w * d;
                        w = w + weights_stride;
                    }
                }
            }
            workgroupBarrier();
            if (part < 3u) {
                sh_d[part * LANES + block * 4u] = d_0;
                sh_d[part * LANES + block * 4u + 1u] = d_1;
                sh_d[part * LANES + block * 4u + 2u] = d_2;
                sh_d[part * LANES + block * 4u + 3u] = d_3;
            }
            workgroupBarrier();
            d_h = d_h + ((sh_d[lane] + sh_d[LANES + lane]) + sh_d[2u * LANES + lane]);
            workgroupBarrier();
        }
        if (unit < p.hidden) {
            let gate = gate_rows + (t * step_words + unit);
            let kept = recurrent_rows + (t * step_words + unit);
            let r = load_recurrent(kept);
            let z = load_recurrent(kept + p.hidden);
            let s = load_recurrent(kept + 2u * p.hidden);
            let in_n = gate + 2u * p.hidden;
            let n = vec4<f32>(gates[in_n.x], gates[in_n.y], gates[in_n.z], gates[in_n.w]);
            let state = state_rows + t * p.hidden;
            let before = vec4<f32>(states[state.x], states[state.y], states[state.z], states[state.w]);
            // h = (1 − z)·n + z·h', n = tanh(x + r·s)
            let d_n = d_h * (1.0 - z) * (1.0 - n * n);
            let d_r = d_n * s * (r * (1.0 - r));
            let d_z = d_h * (before - n) * (z * (1.0 - z));
            let d_s = d_n * r;
            carried = d_h * z;
            store_gates(gate, d_r);
            store_gates(gate + p.hidden, d_z);
            store_gates(in_n, d_n);
            store_recurrent(kept, d_r);
            store_recurrent(kept + p.hidden, d_z);
            store_recurrent(kept + 2u * p.hidden, d_s);
            sh_d[lane] = d_r;
            sh_d[LANES + lane] = d_z;
            sh_d[2u * LANES + lane] = d_s;
        }
        workgroupBarrier();
    }

    if (unit < p.hidden) {
        carry[carry_rows.x] = carried.x;
        carry[carry_rows.y] = carried.y;
        carry[carry_rows.z] = carried.z;
        carry[carry_rows.w] = carried.w;
    }
}
