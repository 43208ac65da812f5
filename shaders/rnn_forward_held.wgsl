//! rnn_forward_held — projections → h, for t = t_begin … t_end − 1: h_t = act(projected_t + w_hh · h_{t−1} + b_hh).
//! Variant of: rnn_forward. For cards and up to 64 hidden units: w_hh is read once and stays in registers from step to step.
//! One workgroup per (ROWS batch rows, replica). For w_hh · h_{t−1} an invocation sums an eighth of the terms of four units,
//! for every row; for the rest it owns one unit of one row, if any.
//! R replicas, B batch, T steps, H hidden.
//! Uses: activations, add_terms, held, rnn_cell_forward, rnn_activation

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
    weights: u32,        // word offset of w_hh [H, H] in a replica's row
    weights_row: u32,
    first_tile: u32,     // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<f32>;         // [R, P]  params again
@group(0) @binding(3) var<storage, read> projected: array<f32>;       // [R, B, T, H]
@group(0) @binding(4) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]

// w_hh[unit, term] of four units.
fn weights_of(term: u32, four: u32, replica: u32) -> vec4<f32> {
    let unit = vec4<u32>(0u, 1u, 2u, 3u) + 4u * four;
    let at = replica * p.weights_row + p.weights + min(unit, vec4<u32>(p.hidden - 1u)) * p.hidden + min(term, p.hidden - 1u);
    let value = vec4<f32>(weights[at.x], weights[at.y], weights[at.z], weights[at.w]);
    return select(vec4<f32>(0.0), value, (unit < vec4<u32>(p.hidden)) & vec4<bool>(term < p.hidden));
}

@compute @workgroup_size(LANES)
fn rnn_forward_held(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let row = lane / UNITS;
    let unit = lane % UNITS;
    let batch_row = (p.first_tile + group.x) * ROWS + row;
    let owns = row < ROWS && unit < p.hidden && batch_row < p.batch;
    let state_row = replica * p.states_row + batch_row * (p.steps + 1u) * p.hidden + unit;
    let projected_row = replica * p.projected_row + batch_row * p.steps * p.hidden + unit;
    let w = hold(lane, replica);

    var bias = 0.0;
    var h = 0.0;
    if (owns) {
        bias = params[replica * p.params_row + p.b_hh + unit];
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
        var a = 0.0;
        // Under way while the product is summed.
        if (owns) {
            a = projected[projected_row + t * p.hidden];
        }
        if (t > 0u) {
            leave_sums(w, lane);
            workgroupBarrier();
        }
        if (owns) {
            a = a + bias;
            if (t > 0u) {
                a = a + sum_of(row, unit);
            }
            let h = activated(a);
            states[state_row + (t + 1u) * p.hidden] = h;
            sh_vector[lane] = h;
        }
        workgroupBarrier();
    }
}
