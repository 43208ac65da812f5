//! lstm_forward — projections → gates, h and c, for t = t_begin … t_end − 1.
//! Twin: src/reference/lstm.rs. One workgroup per (four batch rows, LANES hidden units, replica); an invocation owns a
//! hidden unit of four batch rows, and finds their h in workgroup memory as one vec4.
//! R replicas, B batch, T steps, H hidden. Gates in PyTorch's order i, f, g, o; projections before, activated after.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations

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
    weights_row: u32,    // in vec4
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;   // [R, H to a multiple of 4 (k), H (unit)] (i, f, g, o)
@group(0) @binding(3) var<storage, read_write> gates: array<f32>;     // [R, B, T, 4, H]
@group(0) @binding(4) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]
@group(0) @binding(5) var<storage, read_write> cells: array<f32>;     // [R, B, T+1, H]

const MAX_LANES: u32 = 256u;

var<workgroup> sh_h: array<vec4<f32>, MAX_LANES>;  // h_{t−1} of four batch rows, of LANES hidden units

@compute @workgroup_size(LANES)
fn lstm_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = group.x * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let states_first = replica * p.states_row + first * (p.steps + 1u) * p.hidden;
    let states_stride = (p.steps + 1u) * p.hidden;
    let cells_first = replica * p.cells_row + first * states_stride + unit;
    let gates_first = replica * p.gates_row + first * p.steps * 4u * p.hidden + unit;
    let gates_stride = p.steps * 4u * p.hidden;

    var c = vec4<f32>(0.0);
    var bias = vec4<f32>(0.0);
    if (unit < p.hidden) {
        for (var g = 0u; g < 4u; g = g + 1u) {
            bias[g] = params[replica * p.params_row + p.b_hh + g * p.hidden + unit];
        }
        for (var r = 0u; r < rows; r = r + 1u) {
            if (p.t_begin == 0u) {
                states[states_first + r * states_stride + unit] = 0.0;
                cells[cells_first + r * states_stride] = 0.0;
            } else {
                c[r] = cells[cells_first + r * states_stride + p.t_begin * p.hidden];
            }
        }
    }

    for (var t = p.t_begin; t < p.t_end; t = t + 1u) {
        var a_i = vec4<f32>(0.0);
        var a_f = vec4<f32>(0.0);
        var a_g = vec4<f32>(0.0);
        var a_o = vec4<f32>(0.0);
        if (unit < p.hidden) {
            for (var r = 0u; r < rows; r = r + 1u) {
                let word = gates_first + r * gates_stride + t * 4u * p.hidden;
                a_i[r] = gates[word] + bias.x;
                a_f[r] = gates[word + p.hidden] + bias.y;
                a_g[r] = gates[word + 2u * p.hidden] + bias.z;
                a_o[r] = gates[word + 3u * p.hidden] + bias.w;
            }
        }
        for (var k0 = 0u; k0 < p.hidden; k0 = k0 + LANES) {
            // Later steps of a dispatch find the h that this workgroup left there.
            if (t == p.t_begin) {
                workgroupBarrier();
                var h = vec4<f32>(0.0);
                if (t > 0u && k0 + lane < p.hidden) {
                    for (var r = 0u; r < rows; r = r + 1u) {
                        h[r] = states[states_first + r * states_stride + t * p.hidden + k0 + lane];
                    }
                }
                sh_h[lane] = h;
                workgroupBarrier();
            }
            if (unit < p.hidden) {
                let end = min(LANES, p.hidden - k0);
                var w = replica * p.weights_row + k0 * p.hidden + unit;
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
            for (var r = 0u; r < rows; r = r + 1u) {
                let word = gates_first + r * gates_stride + t * 4u * p.hidden;
                gates[word] = i[r];
                gates[word + p.hidden] = f[r];
                gates[word + 2u * p.hidden] = g[r];
                gates[word + 3u * p.hidden] = o[r];
                let state = r * states_stride + (t + 1u) * p.hidden;
                states[states_first + state + unit] = h[r];
                cells[cells_first + state] = c[r];
            }
        }
        workgroupBarrier();
        sh_h[lane] = h;
        workgroupBarrier();
    }
}
