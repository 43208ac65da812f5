//! rnn_forward — projections → h, for t = t_begin … t_end − 1: h_t = act(projected_t + w_hh · h_{t−1} + b_hh).
//! Twin: src/reference/rnn.rs. One workgroup per (four batch rows, LANES hidden units, replica); an invocation owns a
//! hidden unit of four batch rows, and finds their h in workgroup memory as one vec4.
//! R replicas, B batch, T steps, H hidden.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations

override LANES: u32 = 64u;

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
    weights_row: u32,    // in vec4
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;   // [R, ceil(H/4) (fours of k), H (unit)]
@group(0) @binding(3) var<storage, read> projected: array<f32>;       // [R, B, T, H]
@group(0) @binding(4) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]

const MAX_LANES: u32 = 256u;

var<workgroup> sh_h: array<vec4<f32>, MAX_LANES>;  // h_{t−1} of four batch rows, of LANES hidden units

@compute @workgroup_size(LANES)
fn rnn_forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = group.x * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let states_stride = (p.steps + 1u) * p.hidden;
    let states_first = replica * p.states_row + first * states_stride;
    let projected_stride = p.steps * p.hidden;
    let projected_first = replica * p.projected_row + first * projected_stride + unit;

    var bias = 0.0;
    if (unit < p.hidden) {
        bias = params[replica * p.params_row + p.b_hh + unit];
        if (p.t_begin == 0u) {
            for (var r = 0u; r < rows; r = r + 1u) {
                states[states_first + r * states_stride + unit] = 0.0;
            }
        }
    }

    for (var t = p.t_begin; t < p.t_end; t = t + 1u) {
        var a = vec4<f32>(0.0);
        if (unit < p.hidden) {
            for (var r = 0u; r < rows; r = r + 1u) {
                a[r] = projected[projected_first + r * projected_stride + t * p.hidden] + bias;
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
                var w = replica * p.weights_row + (k0 / 4u) * p.hidden + unit;
                for (var k = 0u; k < end; k = k + 4u) {
                    let four = weights[w];
                    a = a + four.x * sh_h[k] + four.y * sh_h[k + 1u] + four.z * sh_h[k + 2u] + four.w * sh_h[k + 3u];
                    w = w + p.hidden;
                }
            }
        }
        var h = vec4<f32>(0.0);
        if (unit < p.hidden) {
            if (p.activation == 0u) {
                h = tanh4(a);
            } else {
                h = relu4(a);
            }
            for (var r = 0u; r < rows; r = r + 1u) {
                states[states_first + r * states_stride + (t + 1u) * p.hidden + unit] = h[r];
            }
        }
        workgroupBarrier();
        sh_h[lane] = h;
        workgroupBarrier();
    }
}
