//! rnn_backward_held — d_output → d_projected, for t = t_end − 1 … t_begin:
//! d_pre_t = act'(h_t) · (d_output_t + w_hhᵀ · d_pre_{t+1}).
//! Variant of: rnn_backward. For cards and up to 64 hidden units: w_hh is read once and stays in registers from step to step.
//! One workgroup per (ROWS batch rows, replica). For w_hhᵀ · d_pre_{t+1} an invocation sums an eighth of the terms of four
//! units, for every row; for the rest it owns one unit of one row, if any.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden.
//! Uses: add_terms, four_units, held, rnn_cell_backward, rnn_activation

override UNITS: u32 = 64u;  // H or more: 32 or 64
override ROWS: u32 = 2u;    // up to 2
override LANES: u32 = 2u * UNITS;
override FOURS: u32 = UNITS / 4u;
override OUTPUTS: u32 = UNITS;
override PARTS: u32 = 8u;
override TERMS: u32 = UNITS;
override BLOCKS: u32 = UNITS / 32u;
override VECTOR: u32 = ROWS * TERMS;
override SUMS: u32 = ROWS * PARTS * OUTPUTS;

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
    weights: u32,          // word offset of w_hh [H, H] in a replica's row
    weights_row: u32,
    first_tile: u32,       // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>;            // [R, P]
@group(0) @binding(2) var<storage, read> states: array<f32>;             // [R, B, T+1, H]
@group(0) @binding(3) var<storage, read> d_output: array<f32>;           // [R, B, D, H]
@group(0) @binding(4) var<storage, read_write> d_projected: array<f32>;  // [R, B, T, H]

// w_hh[term, unit] of four units.
fn weights_of(term: u32, four: u32, replica: u32) -> vec4<f32> {
    if (term >= p.hidden) {
        return vec4<f32>(0.0);
    }
    return four_units(replica * p.weights_row + p.weights + term * p.hidden, four);
}

@compute @workgroup_size(LANES)
fn rnn_backward_held(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let row = lane / UNITS;
    let unit = lane % UNITS;
    let batch_row = (p.first_tile + group.x) * ROWS + row;
    let owns = row < ROWS && unit < p.hidden && batch_row < p.batch;
    let state_row = replica * p.states_row + batch_row * (p.steps + 1u) * p.hidden + unit;
    let d_output_row = replica * p.d_output_row + batch_row * p.output_steps * p.hidden + unit;
    let d_projected_row = replica * p.d_projected_row + batch_row * p.steps * p.hidden + unit;
    let w = hold(lane, replica);

    var d_after = 0.0;
    if (owns && p.t_end < p.steps) {
        d_after = d_projected[d_projected_row + p.t_end * p.hidden];
    }
    if (row < ROWS) {
        sh_vector[lane] = d_after;
    }
    workgroupBarrier();

    for (var after = p.t_end; after > p.t_begin; after = after - 1u) {
        let t = after - 1u;
        var h = 0.0;
        var d_h = 0.0;
        // Under way while the product is summed.
        if (owns) {
            h = states[state_row + after * p.hidden];
            if (t + p.output_steps >= p.steps) {
                d_h = d_output[d_output_row + (t + p.output_steps - p.steps) * p.hidden];
            }
        }
        if (after < p.steps) {
            leave_sums(w, lane);
            workgroupBarrier();
        }
        if (owns) {
            if (after < p.steps) {
                d_h = d_h + sum_of(row, unit);
            }
            let d_pre = activation_gradient(h, d_h);
            d_projected[d_projected_row + t * p.hidden] = d_pre;
            sh_vector[lane] = d_pre;
        }
        workgroupBarrier();
    }
}
