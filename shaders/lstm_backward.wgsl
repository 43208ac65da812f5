//! lstm_backward — d_output → d_gates, over the gates, for t = t_end − 1 … t_begin.
//! Twin: src/reference/lstm.rs. One workgroup per (four batch rows, LANES hidden units, replica). For w_hhᵀ · d_gates_{t+1}
//! an invocation sums one gate's part of four units; for the rest it owns one unit. Both of four batch rows.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden. Gates in PyTorch's order i, f, g, o.
//! Where H > LANES several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations, recurrent

override LANES: u32 = 64u;
override CELLS: u32 = 4u * LANES;

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
    carry_row: u32,
    weights: u32,         // vec4 offset of w_hh [4, H, H to a multiple of 4] in a replica's row
    weights_row: u32,     // in vec4
    first_tile: u32,      // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;    // [R, row]
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;      // [R, B, T, 4, H]  activated, then d_gates
@group(0) @binding(3) var<storage, read> cells: array<f32>;            // [R, B, T+1, H]
@group(0) @binding(4) var<storage, read> d_output: array<f32>;         // [R, B, D, H]
@group(0) @binding(5) var<storage, read_write> carry: array<f32>;      // [R, B, H]  d_c of the step before

// d_gates_{t+1} of four batch rows, of LANES hidden units, by gate. Between barriers it also
// holds the gates' parts of d_h.
var<workgroup> sh_d: array<vec4<f32>, CELLS>;

fn load_gates(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(gates[word.x], gates[word.y], gates[word.z], gates[word.w]);
}

fn load_cells(word: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(cells[word.x], cells[word.y], cells[word.z], cells[word.w]);
}

fn store_gates(word: vec4<u32>, value: vec4<f32>) {
    gates[word.x] = value.x;
    gates[word.y] = value.y;
    gates[word.z] = value.z;
    gates[word.w] = value.w;
}

@compute @workgroup_size(LANES)
fn lstm_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let first = (p.first_tile + group.x) * 4u;
    let rows = min(4u, p.batch - first);
    let unit = group.y * LANES + lane;
    let step_words = 4u * p.hidden;
    let gates_stride = p.steps * step_words;
    let cells_stride = (p.steps + 1u) * p.hidden;
    let d_output_stride = p.output_steps * p.hidden;
    let gate_rows = row_offsets(rows, gates_stride) + (replica * p.gates_row + first * gates_stride);
    let cell_rows = row_offsets(rows, cells_stride) + (replica * p.cells_row + first * cells_stride + unit);
    let d_output_rows = row_offsets(rows, d_output_stride) + (replica * p.d_output_row + first * d_output_stride + unit);
    let carry_rows = row_offsets(rows, p.hidden) + (replica * p.carry_row + first * p.hidden + unit);

    // The part that this invocation sums: one gate, four units side by side.
    let part = lane / (LANES / 4u);
    let block = lane % (LANES / 4u);
    let block_unit = group.y * LANES + block * 4u;
    let weights_stride = (p.hidden + 3u) / 4u;
    let part_weights = replica * p.weights_row + p.weights + part * p.hidden * weights_stride + block_unit / 4u;

    var d_c = vec4<f32>(0.0);
    if (unit < p.hidden && p.t_end < p.steps) {
        d_c = vec4<f32>(carry[carry_rows.x], carry[carry_rows.y], carry[carry_rows.z], carry[carry_rows.w]);
    }

    for (var after = p.t_end; after > p.t_begin; after = after - 1u) {
        let t = after - 1u;
        var d_h = vec4<f32>(0.0);
        if (unit < p.hidden && t + p.output_steps >= p.steps) {
            let word = d_output_rows + (t + p.output_steps - p.steps) * p.hidden;
            d_h = vec4<f32>(d_output[word.x], d_output[word.y], d_output[word.z], d_output[word.w]);
        }
        if (after < p.steps) {
            // w_hhᵀ · d_gates_{t+1}, by unit of the block.
            var d_0 = vec4<f32>(0.0);
            var d_1 = vec4<f32>(0.0);
            var d_2 = vec4<f32>(0.0);
            var d_3 = vec4<f32>(0.0);
            for (var k0 = 0u; k0 < p.hidden; k0 = k0 + LANES) {
                // Later steps of a dispatch find the d_gates that this workgroup left there.
                if (after == p.t_end) {
                    workgroupBarrier();
                    if (k0 + lane < p.hidden) {
                        let word = gate_rows + (after * step_words + k0 + lane);
                        sh_d[lane] = load_gates(word);
                        sh_d[LANES + lane] = load_gates(word + p.hidden);
                        sh_d[2u * LANES + lane] = load_gates(word + 2u * p.hidden);
                        sh_d[3u * LANES + lane] = load_gates(word + 3u * p.hidden);
                    }
                    workgroupBarrier();
                }
                if (block_unit < p.hidden) {
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
            sh_d[part * LANES + block * 4u] = d_0;
            sh_d[part * LANES + block * 4u + 1u] = d_1;
            sh_d[part * LANES + block * 4u + 2u] = d_2;
            sh_d[part * LANES + block * 4u + 3u] = d_3;
            workgroupBarrier();
            d_h = d_h + ((sh_d[lane] + sh_d[LANES + lane]) + (sh_d[2u * LANES + lane] + sh_d[3u * LANES + lane]));
            workgroupBarrier();
        }
        if (unit < p.hidden) {
            let gate = gate_rows + (t * step_words + unit);
            let i = load_gates(gate);
            let f = load_gates(gate + p.hidden);
            let g = load_gates(gate + 2u * p.hidden);
            let o = load_gates(gate + 3u * p.hidden);
            let c_before = load_cells(cell_rows + t * p.hidden);
            // h = o·tanh(c), c = f·c' + i·g
            let tanh_c = tanh4(load_cells(cell_rows + after * p.hidden));
            d_c = d_c + d_h * o * (1.0 - tanh_c * tanh_c);
            let d_i = d_c * g * (i * (1.0 - i));
            let d_f = d_c * c_before * (f * (1.0 - f));
            let d_g = d_c * i * (1.0 - g * g);
            let d_o = d_h * tanh_c * (o * (1.0 - o));
            d_c = d_c * f;
            store_gates(gate, d_i);
            store_gates(gate + p.hidden, d_f);
            store_gates(gate + 2u * p.hidden, d_g);
            store_gates(gate + 3u * p.hidden, d_o);
            sh_d[lane] = d_i;
            sh_d[LANES + lane] = d_f;
            sh_d[2u * LANES + lane] = d_g;
            sh_d[3u * LANES + lane] = d_o;
        }
        workgroupBarrier();
    }

    if (unit < p.hidden) {
        carry[carry_rows.x] = d_c.x;
        carry[carry_rows.y] = d_c.y;
        carry[carry_rows.z] = d_c.z;
        carry[carry_rows.w] = d_c.w;
    }
}
