//! gru_forward — projections → gates and h, for t = t_begin … t_end − 1.
//! Twin: src/reference/gru.rs. One workgroup per (four batch rows, LANES hidden units, replica); an invocation owns a
//! hidden unit of four batch rows, and finds their h in workgroup memory as one vec4.
//! R replicas, B batch, T steps, H hidden. Gates in PyTorch's order r, z, n, with s = w_hh · h_{t−1} + b_hh. `gates` are
//! projections, after which n is activated in its place; `recurrent` becomes r, z and n's part of s.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations, recurrent

override LANES: u32 = 64u;

struct Params {
    batch: u32,          // B
    steps: u32,          // T
    hidden: u32,         // H
    t_begin: u32,
    t_end: u32,
    b_hh: u32,           // word offset of b_hh [3H] in a replica's row
    params_row: u32,     // words per replica row of each tensor
    gates_row: u32,
    recurrent_row: u32,
    states_row: u32,
    weights: u32,        // vec4 offset of the rearranged w_hh in a replica's row
    weights_row: u32,    // in vec4
    first_tile: u32,     // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;   // [R, H to a multiple of 4 (k), H (unit)] (r, z, n, 0)
@group(0) @binding(3) var<storage, read_write> gates: array<f32>;     // [R, B, T, 3, H]
@group(0) @binding(4) var<storage, read_write> recurrent: array<f32>; // [R, B, T, 3, H]
@group(0) @binding(5) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]

var<workgroup> sh_h: array<vec4<f32>, LANES>;  // h_{t−1} of four batch rows, of LANES hidden units

fn load_gates(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(gates[word.x], gates[word.y], gates[word.z], gates[word.w]);
}

fn load_states(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(states[word.x], states[word.y], states[word.z], states[word.w]);
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

fn store_states(word: vec4<u32>, value: vec4<f32>) {
    states[word.x] = value.x;
    states[word.y] = value.y;
    states[word.z] = value.z;
    states[word.w] = value.w;
}

@compute @workgroup_size(LANES)
fn gru_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = (p.first_tile + group.x) * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let states_stride = (p.steps + 1u) * p.hidden;
    let gates_stride = p.steps * 3u * p.hidden;
    let state_rows = row_offsets(rows, states_stride);
    let states_first = replica * p.states_row + first * states_stride;
    let in_gates = row_offsets(rows, gates_stride) + (first * gates_stride + unit);
    let gate_rows = in_gates + replica * p.gates_row;
    let recurrent_rows = in_gates + replica * p.recurrent_row;

    var h = vec4<f32>(0.0);
    var bias = vec3<f32>(0.0);
    if (unit < p.hidden) {
        let b = replica * p.params_row + p.b_hh + unit;
        bias = vec3<f32>(params[b], params[b + p.hidden], params[b + 2u * p.hidden]);
        if (p.t_begin == 0u) {
            store_states(state_rows + (states_first + unit), vec4<f32>(0.0));
        } else {
            h = load_states(state_rows + (states_first + p.t_begin * p.hidden + unit));
        }
    }

    for (var t = p.t_begin; t < p.t_end; t = t + 1u) {
        let gate = gate_rows + t * 3u * p.hidden;
        var s_r = vec4<f32>(bias.x);
        var s_z = vec4<f32>(bias.y);
        var s_n = vec4<f32>(bias.z);
        for (var k0 = 0u; t > 0u && k0 < p.hidden; k0 = k0 + LANES) {
            // Later steps of a dispatch find the h that this workgroup left there.
            if (t == p.t_begin) {
                workgroupBarrier();
                var before = vec4<f32>(0.0);
                if (k0 + lane < p.hidden) {
                    before = load_states(state_rows + (states_first + t * p.hidden + k0 + lane));
                }
                sh_h[lane] = before;
                workgroupBarrier();
            }
            if (unit < p.hidden) {
                let end = min(LANES, p.hidden - k0);
                var w = replica * p.weights_row + p.weights + k0 * p.hidden + unit;
                for (var k = 0u; k < end; k = k + 4u) {
                    let w0 = weights[w];
                    let w1 = weights[w + p.hidden];
                    let w2 = weights[w + 2u * p.hidden];
                    let w3 = weights[w + 3u * p.hidden];
                    let h0 = sh_h[k];
                    let h1 = sh_h[k + 1u];
                    let h2 = sh_h[k + 2u];
                    let h3 = sh_h[k + 3u];
                    s_r = s_r + w0.x * h0 + w1.x * h1 + w2.x * h2 + w3.x * h3;
                    s_z = s_z + w0.y * h0 + w1.y * h1 + w2.y * h2 + w3.y * h3;
                    s_n = s_n + w0.z * h0 + w1.z * h1 + w2.z * h2 + w3.z * h3;
                    w = w + 4u * p.hidden;
                }
            }
        }
        if (unit < p.hidden) {
            let r = sigmoid4(load_gates(gate) + s_r);
            let z = sigmoid4(load_gates(gate + p.hidden) + s_z);
            let n = tanh4(load_gates(gate + 2u * p.hidden) + r * s_n);
            h = (1.0 - z) * n + z * h;
            store_gates(gate + 2u * p.hidden, n);
            let kept = recurrent_rows + t * 3u * p.hidden;
            store_recurrent(kept, r);
            store_recurrent(kept + p.hidden, z);
            store_recurrent(kept + 2u * p.hidden, s_n);
            store_states(state_rows + (states_first + (t + 1u) * p.hidden + unit), h);
        }
        workgroupBarrier();
        sh_h[lane] = h;
        workgroupBarrier();
    }
}
