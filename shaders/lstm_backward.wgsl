//! lstm_backward — d_output → d_gates, for t = t_end − 1 … t_begin.
//! Twin: src/reference/lstm.rs. One workgroup per (four batch rows, LANES hidden units, replica); an invocation owns a
//! hidden unit of four batch rows, and finds their d_gates of step t + 1 in workgroup memory as four vec4.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden. Gates in PyTorch's order i, f, g, o.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations

override LANES: u32 = 64u;

struct Params {
    batch: u32,           // B
    steps: u32,           // T
    output_steps: u32,    // D
    hidden: u32,          // H
    t_begin: u32,
    t_end: u32,
    gates_row: u32,       // words per replica row of each tensor
    cells_row: u32,
    d_output_row: u32,
    d_gates_row: u32,
    carry_row: u32,
    weights_row: u32,     // in vec4
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;    // [R, H to a multiple of 4 (unit of d_gates), H] (i, f, g, o)
@group(0) @binding(2) var<storage, read> gates: array<f32>;            // [R, B, T, 4, H]  activated
@group(0) @binding(3) var<storage, read> cells: array<f32>;            // [R, B, T+1, H]
@group(0) @binding(4) var<storage, read> d_output: array<f32>;         // [R, B, D, H]
@group(0) @binding(5) var<storage, read_write> d_gates: array<f32>;    // [R, B, T, 4, H]
@group(0) @binding(6) var<storage, read_write> carry: array<f32>;      // [R, B, H]  d_c of the step before

const MAX_LANES: u32 = 256u;

// d_gates_{t+1} of four batch rows, of LANES hidden units, by gate: all the 16 KiB there are.
var<workgroup> sh_d: array<array<vec4<f32>, MAX_LANES>, 4>;

@compute @workgroup_size(LANES)
fn lstm_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = group.x * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let step_words = 4u * p.hidden;
    let gates_stride = p.steps * step_words;
    let gates_first = replica * p.gates_row + first * gates_stride + unit;
    let d_gates_first = replica * p.d_gates_row + first * gates_stride;
    let cells_stride = (p.steps + 1u) * p.hidden;
    let cells_first = replica * p.cells_row + first * cells_stride + unit;
    let d_output_stride = p.output_steps * p.hidden;
    let d_output_first = replica * p.d_output_row + first * d_output_stride + unit;
    let carry_first = replica * p.carry_row + first * p.hidden + unit;

    var d_c = vec4<f32>(0.0);
    if (unit < p.hidden && p.t_end < p.steps) {
        for (var r = 0u; r < rows; r = r + 1u) {
            d_c[r] = carry[carry_first + r * p.hidden];
        }
    }

    for (var after = p.t_end; after > p.t_begin; after = after - 1u) {
        let t = after - 1u;
        var d_h = vec4<f32>(0.0);
        if (unit < p.hidden && t + p.output_steps >= p.steps) {
            let d = t + p.output_steps - p.steps;
            for (var r = 0u; r < rows; r = r + 1u) {
                d_h[r] = d_output[d_output_first + r * d_output_stride + d * p.hidden];
            }
        }
        if (after < p.steps) {
            for (var k0 = 0u; k0 < p.hidden; k0 = k0 + LANES) {
                // Later steps of a dispatch find the d_gates that this workgroup left there.
                if (after == p.t_end) {
                    workgroupBarrier();
                    for (var g = 0u; g < 4u; g = g + 1u) {
                        var d = vec4<f32>(0.0);
                        if (k0 + lane < p.hidden) {
                            let word = d_gates_first + after * step_words + g * p.hidden + k0 + lane;
                            for (var r = 0u; r < rows; r = r + 1u) {
                                d[r] = d_gates[word + r * gates_stride];
                            }
                        }
                        sh_d[g][lane] = d;
                    }
                    workgroupBarrier();
                }
                if (unit < p.hidden) {
                    let end = min(LANES, p.hidden - k0);
                    var w = replica * p.weights_row + k0 * p.hidden + unit;
                    var d_i = vec4<f32>(0.0);
                    var d_f = vec4<f32>(0.0);
                    var d_g = vec4<f32>(0.0);
                    var d_o = vec4<f32>(0.0);
                    for (var k = 0u; k < end; k = k + 2u) {
                        let w0 = weights[w];
                        let w1 = weights[w + p.hidden];
                        d_i = d_i + w0.x * sh_d[0][k] + w1.x * sh_d[0][k + 1u];
                        d_f = d_f + w0.y * sh_d[1][k] + w1.y * sh_d[1][k + 1u];
                        d_g = d_g + w0.z * sh_d[2][k] + w1.z * sh_d[2][k + 1u];
                        d_o = d_o + w0.w * sh_d[3][k] + w1.w * sh_d[3][k + 1u];
                        w = w + 2u * p.hidden;
                    }
                    d_h = d_h + ((d_i + d_f) + (d_g + d_o));
                }
            }
        }
        var d_i = vec4<f32>(0.0);
        var d_f = vec4<f32>(0.0);
        var d_g = vec4<f32>(0.0);
        var d_o = vec4<f32>(0.0);
        if (unit < p.hidden) {
            var i = vec4<f32>(0.0);
            var f = vec4<f32>(0.0);
            var g = vec4<f32>(0.0);
            var o = vec4<f32>(0.0);
            var c = vec4<f32>(0.0);
            var c_before = vec4<f32>(0.0);
            for (var r = 0u; r < rows; r = r + 1u) {
                let word = gates_first + r * gates_stride + t * step_words;
                i[r] = gates[word];
                f[r] = gates[word + p.hidden];
                g[r] = gates[word + 2u * p.hidden];
                o[r] = gates[word + 3u * p.hidden];
                let cell = cells_first + r * cells_stride + t * p.hidden;
                c_before[r] = cells[cell];
                c[r] = cells[cell + p.hidden];
            }
            // h = o·tanh(c), c = f·c' + i·g
            let tanh_c = tanh4(c);
            d_c = d_c + d_h * o * (1.0 - tanh_c * tanh_c);
            d_i = d_c * g * (i * (1.0 - i));
            d_f = d_c * c_before * (f * (1.0 - f));
            d_g = d_c * i * (1.0 - g * g);
            d_o = d_h * tanh_c * (o * (1.0 - o));
            d_c = d_c * f;
            for (var r = 0u; r < rows; r = r + 1u) {
                let word = d_gates_first + r * gates_stride + t * step_words + unit;
                d_gates[word] = d_i[r];
                d_gates[word + p.hidden] = d_f[r];
                d_gates[word + 2u * p.hidden] = d_g[r];
                d_gates[word + 3u * p.hidden] = d_o[r];
            }
        }
        workgroupBarrier();
        sh_d[0][lane] = d_i;
        sh_d[1][lane] = d_f;
        sh_d[2][lane] = d_g;
        sh_d[3][lane] = d_o;
        workgroupBarrier();
    }

    if (unit < p.hidden) {
        for (var r = 0u; r < rows; r = r + 1u) {
            carry[carry_first + r * p.hidden] = d_c[r];
        }
    }
}
