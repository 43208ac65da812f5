//! lstm_forward — projections → gates, h and c, for t = t_begin … t_end − 1.
//! Twin: src/reference/lstm.rs. One workgroup per (four batch rows, LANES hidden units, replica); an invocation owns a
//! hidden unit of four batch rows, and finds their h in workgroup memory as one vec4.
//! R replicas, B batch, T steps, H hidden. Gates in PyTorch's order i, f, g, o; projections before, activated after.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations, recurrent

override LANES: u32 = 64u;

struct Params {
    batch: u32,          // B
    steps: u32,          // T
    hidden: u32,         // H
    t_begin: u32,
    t_end: u32,
    b_hh: u32,           // word offset of b_hh [4H] in a replica's row
    params_row: u32,     // words per replica row of each tensor
    gates_row: u32,
    states_row: u32,
    cells_row: u32,
    weights: u32,        // vec4 offset of the rearranged w_hh in a replica's row
    weights_row: u32,    // in vec4
    first_tile: u32,     // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;   // [R, H to a multiple of 4 (k), H (unit)] (i, f, g, o)
@group(0) @binding(3) var<storage, read_write> gates: array<f32>;     // [R, B, T, 4, H]
@group(0) @binding(4) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]
@group(0) @binding(5) var<storage, read_write> cells: array<f32>;     // [R, B, T+1, H]

var<workgroup> sh_h: array<vec4<f32>, LANES>;  // h_{t−1} of four batch rows, of LANES hidden units

fn load_gates(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(gates[word.x], gates[word.y], gates[word.z], gates[word.w]);
}

fn store_gates(word: vec4<u32>, value: vec4<f32>) {
    gates[word.x] = value.x;
    gates[word.y] = value.y;
    gates[word.z] = value.z;
    gates[word.w] = value.w;
}

fn store_states(word: vec4<u32>, value: vec4<f32>) {
    states[word.x] = value.x;
    states[word.y] = value.y;
    states[word.z] = value.z;
    states[word.w] = value.w;
}

fn store_cells(word: vec4<u32>, value: vec4<f32>) {
    cells[word.x] = value.x;
    cells[word.y] = value.y;
    cells[word.z] = value.z;
    cells[word.w] = value.w;
}

@compute @workgroup_size(LANES)
fn lstm_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = (p.first_tile + group.x) * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let states_stride = (p.steps + 1u) * p.hidden;
    let gates_stride = p.steps * 4u * p.hidden;
    let state_rows = row_offsets(rows, states_stride);
    let states_first = replica * p.states_row + first * states_stride;
    let cell_rows = state_rows + (replica * p.cells_row + first * states_stride + unit);
    let gate_rows = row_offsets(rows, gates_stride) + (replica * p.gates_row + first * gates_stride + unit);

    var c = vec4<f32>(0.0);
    var bias = vec4<f32>(0.0);
    if (unit < p.hidden) {
        let b = replica * p.params_row + p.b_hh + unit;
        bias = vec4<f32>(params[b], params[b + p.hidden], params[b + 2u * p.hidden], params[b + 3u * p.hidden]);
        if (p.t_begin == 0u) {
            store_states(state_rows + (states_first + unit), vec4<f32>(0.0));
            store_cells(cell_rows, vec4<f32>(0.0));
        } else {
            let word = cell_rows + p.t_begin * p.hidden;
            c = vec4<f32>(cells[word.x], cells[word.y], cells[word.z], cells[word.w]);
        }
    }

    for (var t = p.t_begin; t < p.t_end; t = t + 1u) {
        let gate_i = gate_rows + t * 4u * p.hidden;
        let gate_f = gate_i + p.hidden;
        let gate_g = gate_f + p.hidden;
        let gate_o = gate_g + p.hidden;
        var a_i = vec4<f32>(0.0);
        var a_f = vec4<f32>(0.0);
        var a_g = vec4<f32>(0.0);
        var a_o = vec4<f32>(0.0);
        if (unit < p.hidden) {
            a_i = load_gates(gate_i) + bias.x;
            a_f = load_gates(gate_f) + bias.y;
            a_g = load_gates(gate_g) + bias.z;
            a_o = load_gates(gate_o) + bias.w;
        }
        for (var k0 = 0u; t > 0u && k0 < p.hidden; k0 = k0 + LANES) {
            // Later steps of a dispatch find the h that this workgroup left there.
            if (t == p.t_begin) {
                workgroupBarrier();
                var h = vec4<f32>(0.0);
                if (t > 0u && k0 + lane < p.hidden) {
                    let word = state_rows + (states_first + t * p.hidden + k0 + lane);
                    h = vec4<f32>(states[word.x], states[word.y], states[word.z], states[word.w]);
                }
                sh_h[lane] = h;
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
                    a_i = a_i + w0.x * h0 + w1.x * h1 + w2.x * h2 + w3.x * h3;
                    a_f = a_f + w0.y * h0 + w1.y * h1 + w2.y * h2 + w3.y * h3;
                    a_g = a_g + w0.z * h0 + w1.z * h1 + w2.z * h2 + w3.z * h3;
                    a_o = a_o + w0.w * h0 + w1.w * h1 + w2.w * h2 + w3.w * h3;
                    w = w + 4u * p.hidden;
                }
            }
        }
        var h = vec4<f32>(0.0);
        if (unit < p.hidden) {
            let i = sigmoid4(a_i);
            let f = sigmoid4(a_f);
            let g = tanh4(a_g);
            let o = sigmoid4(a_o);
            c = f * c + i * g;
            h = o * tanh4(c);
            store_gates(gate_i, i);
            store_gates(gate_f, f);
            store_gates(gate_g, g);
            store_gates(gate_o, o);
            let next = (t + 1u) * p.hidden;
            store_states(state_rows + (states_first + next + unit), h);
            store_cells(cell_rows + next, c);
        }
        workgroupBarrier();
        sh_h[lane] = h;
        workgroupBarrier();
    }
}
