//! gru_forward_held — projections → gates and h, for t = t_begin … t_end − 1.
//! Variant of: gru_forward. For cards and up to 64 hidden units: w_hh is read once and stays in registers from step to step.
//! One workgroup per (ROWS batch rows, replica). For w_hh · h_{t−1} an invocation sums a quarter of the terms of one unit's
//! gates, for every row; for the rest it owns one unit of one row, if any.
//! R replicas, B batch, T steps, H hidden. Gates in PyTorch's order r, z, n, with s = w_hh · h_{t−1} + b_hh. `gates` are
//! projections, after which n is activated in its place; `recurrent` becomes r, z and n's part of s.
//! Uses: activations, add_terms, held, gru_cell_forward

override UNITS: u32 = 64u;  // H or more: 32 or 64
override ROWS: u32 = 2u;    // up to 2
override LANES: u32 = 4u * UNITS;
override FOURS: u32 = UNITS;
override OUTPUTS: u32 = 4u * UNITS;
override PARTS: u32 = 4u;
override TERMS: u32 = UNITS;
override BLOCKS: u32 = UNITS / 16u;
override VECTOR: u32 = ROWS * TERMS;
override SUMS: u32 = ROWS * PARTS * OUTPUTS;

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
    weights: u32,        // word offset of w_hh [3H, H] in a replica's row
    weights_row: u32,
    first_tile: u32,     // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<f32>;         // [R, P]  params again
@group(0) @binding(3) var<storage, read_write> gates: array<f32>;     // [R, B, T, 3, H]
@group(0) @binding(4) var<storage, read_write> recurrent: array<f32>; // [R, B, T, 3, H]
@group(0) @binding(5) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]

// w_hh[gate, unit, term] of the three gates.
fn weights_of(term: u32, unit: u32, replica: u32) -> vec4<f32> {
    if (term >= p.hidden || unit >= p.hidden) {
        return vec4<f32>(0.0);
    }
    let word = replica * p.weights_row + p.weights + unit * p.hidden + term;
    let gate = p.hidden * p.hidden;
    return vec4<f32>(weights[word], weights[word + gate], weights[word + 2u * gate], 0.0);
}

@compute @workgroup_size(LANES)
fn gru_forward_held(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let row = lane / UNITS;
    let unit = lane % UNITS;
    let batch_row = (p.first_tile + group.x) * ROWS + row;
    let owns = row < ROWS && unit < p.hidden && batch_row < p.batch;
    let state_row = replica * p.states_row + batch_row * (p.steps + 1u) * p.hidden + unit;
    let in_gates = batch_row * p.steps * 3u * p.hidden + unit;
    let gate_row = replica * p.gates_row + in_gates;
    let recurrent_row = replica * p.recurrent_row + in_gates;
    let w = hold(lane, replica);

    var bias = vec3<f32>(0.0);
    var h = 0.0;
    if (owns) {
        let b = replica * p.params_row + p.b_hh + unit;
        bias = vec3<f32>(params[b], params[b + p.hidden], params[b + 2u * p.hidden]);
        if (p.t_begin == 0u) {
            states[state_row] = 0.0;
        } else {
            h = states[state_row + p.t_begin * p.hidden];
        }
    }
    if (row < ROWS) {
        sh_vector[lane] = h;
    }
    workgroupBarrier();

    for (var t = p.t_begin; t < p.t_end; t = t + 1u) {
        let gate = gate_row + t * 3u * p.hidden;
        var x = vec3<f32>(0.0);
        // Under way while the product is summed.
        if (owns) {
            x = vec3<f32>(gates[gate], gates[gate + p.hidden], gates[gate + 2u * p.hidden]);
        }
        if (t > 0u) {
            leave_sums(w, lane);
            workgroupBarrier();
        }
        if (owns) {
            var s = bias;
            if (t > 0u) {
                let output = 4u * unit;
                s = s + vec3<f32>(sum_of(row, output), sum_of(row, output + 1u), sum_of(row, output + 2u));
            }
            let cell = gru_cell(x, s, h);
            h = cell.h;
            gates[gate + 2u * p.hidden] = cell.gates.z;
            let kept = recurrent_row + t * 3u * p.hidden;
            recurrent[kept] = cell.gates.x;
            recurrent[kept + p.hidden] = cell.gates.y;
            recurrent[kept + 2u * p.hidden] = s.z;
            states[state_row + (t + 1u) * p.hidden] = h;
            sh_vector[lane] = h;
        }
        workgroupBarrier();
    }
}
