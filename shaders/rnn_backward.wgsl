//! rnn_backward — d_output → d_projected, for t = t_end − 1 … t_begin:
//! d_pre_t = act'(h_t) · (d_output_t + w_hhᵀ · d_pre_{t+1}).
//! Twin: src/reference/rnn.rs. One workgroup per (four batch rows, LANES hidden units, replica); an invocation owns a
//! hidden unit of four batch rows, and finds their d_pre of step t + 1 in workgroup memory as one vec4.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.

override LANES: u32 = 64u;

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
    weights_row: u32,      // in vec4
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;        // [R, ceil(H/4) (fours of d_pre's units), H]
@group(0) @binding(2) var<storage, read> states: array<f32>;               // [R, B, T+1, H]
@group(0) @binding(3) var<storage, read> d_output: array<f32>;             // [R, B, D, H]
@group(0) @binding(4) var<storage, read_write> d_projected: array<f32>;    // [R, B, T, H]

const MAX_LANES: u32 = 256u;

var<workgroup> sh_d: array<vec4<f32>, MAX_LANES>;  // d_pre_{t+1} of four batch rows, of LANES hidden units

@compute @workgroup_size(LANES)
fn rnn_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = group.x * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let states_stride = (p.steps + 1u) * p.hidden;
    let states_first = replica * p.states_row + first * states_stride + unit;
    let d_projected_stride = p.steps * p.hidden;
    let d_projected_first = replica * p.d_projected_row + first * d_projected_stride;
    let d_output_stride = p.output_steps * p.hidden;
    let d_output_first = replica * p.d_output_row + first * d_output_stride + unit;

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
                // Later steps of a dispatch find the d_pre that this workgroup left there.
                if (after == p.t_end) {
                    workgroupBarrier();
                    var d = vec4<f32>(0.0);
                    if (k0 + lane < p.hidden) {
                        for (var r = 0u; r < rows; r = r + 1u) {
                            d[r] = d_projected[d_projected_first + r * d_projected_stride + after * p.hidden + k0 + lane];
                        }
                    }
                    sh_d[lane] = d;
                    workgroupBarrier();
                }
                if (unit < p.hidden) {
                    let end = min(LANES, p.hidden - k0);
                    var w = replica * p.weights_row + (k0 / 4u) * p.hidden + unit;
                    for (var k = 0u; k < end; k = k + 4u) {
                        let four = weights[w];
                        d_h = d_h + four.x * sh_d[k] + four.y * sh_d[k + 1u] + four.z * sh_d[k + 2u] + four.w * sh_d[k + 3u];
                        w = w + p.hidden;
                    }
                }
            }
        }
        var d_pre = vec4<f32>(0.0);
        if (unit < p.hidden) {
            var h = vec4<f32>(0.0);
            for (var r = 0u; r < rows; r = r + 1u) {
                h[r] = states[states_first + r * states_stride + after * p.hidden];
            }
            if (p.activation == 0u) {
                d_pre = (1.0 - h * h) * d_h;
            } else {
                d_pre = select(vec4<f32>(0.0), d_h, h > vec4<f32>(0.0));
            }
            for (var r = 0u; r < rows; r = r + 1u) {
                d_projected[d_projected_first + r * d_projected_stride + t * p.hidden + unit] = d_pre[r];
            }
        }
        workgroupBarrier();
        sh_d[lane] = d_pre;
        workgroupBarrier();
    }
}
