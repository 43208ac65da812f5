//! gru_backward_held — d_output → d_x, over the gates, and d_s, over the recurrent gates, for t = t_end − 1 … t_begin.
//! Variant of: gru_backward. For cards and up to 64 hidden units: w_hh is read once and stays in registers from step to step.
//! One workgroup per (ROWS batch rows, replica). For w_hhᵀ · d_s_{t+1} an invocation sums a quarter of one gate's terms of
//! four units, for every row; for the rest it owns one unit of one row, if any.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden. Gates in PyTorch's order r, z, n. d_x are the
//! gradients of their projections, d_s those of w_hh · h_{t−1} + b_hh.
//! Uses: add_terms, four_units, held, gru_cell_backward

override UNITS: u32 = 64u;  // H or more: 32 or 64
override ROWS: u32 = 2u;    // up to 2
override LANES: u32 = 3u * UNITS;
override FOURS: u32 = UNITS / 4u;
override OUTPUTS: u32 = UNITS;
override PARTS: u32 = 12u;
override TERMS: u32 = 3u * UNITS;
override BLOCKS: u32 = UNITS / 16u;
override VECTOR: u32 = ROWS * TERMS;
override SUMS: u32 = ROWS * PARTS * OUTPUTS;

struct Params {
    batch: u32,           // B
    steps: u32,           // T
    output_steps: u32,    // D
    hidden: u32,          // H
    t_begin: u32,
    t_end: u32,
    gates_row: u32,       // words per replica row of each tensor
    recurrent_row: u32,
    states_row: u32,
    d_output_row: u32,
    carry_row: u32,
    weights: u32,         // word offset of w_hh [3H, H] in a replica's row
    weights_row: u32,
    first_tile: u32,      // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;      // [R, B, T, 3, H]  n, then d_x
@group(0) @binding(3) var<storage, read_write> recurrent: array<f32>;  // [R, B, T, 3, H]  r, z and s of n, then d_s
@group(0) @binding(4) var<storage, read> states: array<f32>;           // [R, B, T+1, H]
@group(0) @binding(5) var<storage, read> d_output: array<f32>;         // [R, B, D, H]
@group(0) @binding(6) var<storage, read_write> carry: array<f32>;      // [R, B, H]  d_h of the step before, z's part

// w_hh[gate, k, unit] of four units, where a term is UNITS · gate + k.
fn weights_of(term: u32, four: u32, replica: u32) -> vec4<f32> {
    let gate = term / UNITS;
    let k = term % UNITS;
    if (k >= p.hidden) {
        return vec4<f32>(0.0);
    }
    return four_units(replica * p.weights_row + p.weights + (gate * p.hidden + k) * p.hidden, four);
}

@compute @workgroup_size(LANES)
fn gru_backward_held(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let row = lane / UNITS;
    let unit = lane % UNITS;
    let batch_row = (p.first_tile + group.x) * ROWS + row;
    let owns = row < ROWS && unit < p.hidden && batch_row < p.batch;
    let in_gates = batch_row * p.steps * 3u * p.hidden + unit;
    let gate_row = replica * p.gates_row + in_gates;
    let recurrent_row = replica * p.recurrent_row + in_gates;
    let state_row = replica * p.states_row + batch_row * (p.steps + 1u) * p.hidden + unit;
    let d_output_row = replica * p.d_output_row + batch_row * p.output_steps * p.hidden + unit;
    let carry_word = replica * p.carry_row + batch_row * p.hidden + unit;
    let place = row * TERMS + unit;
    let w = hold(lane, replica);

    var carried = 0.0;
    var d_s = vec3<f32>(0.0);
    if (owns && p.t_end < p.steps) {
        d_s = load_recurrent(recurrent_row + p.t_end * 3u * p.hidden);
        carried = carry[carry_word];
    }
    if (row < ROWS) {
        leave_terms(place, d_s);
    }
    workgroupBarrier();

    for (var after = p.t_end; after > p.t_begin; after = after - 1u) {
        let t = after - 1u;
        let gate = gate_row + t * 3u * p.hidden;
        let kept = recurrent_row + t * 3u * p.hidden;
        var stored = vec3<f32>(0.0);
        var n = 0.0;
        var before = 0.0;
        var d_h = carried;
        // Under way while the product is summed.
        if (owns) {
            stored = load_recurrent(kept);
            n = gates[gate + 2u * p.hidden];
            before = states[state_row + t * p.hidden];
            if (t + p.output_steps >= p.steps) {
                d_h = d_h + d_output[d_output_row + (t + p.output_steps - p.steps) * p.hidden];
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
            let d = gru_cell_gradient(vec3<f32>(stored.xy, n), stored.z, before, d_h);
            carried = d.h;
            d_s = vec3<f32>(d.gates.xy, d.s);
            gates[gate] = d.gates.x;
            gates[gate + p.hidden] = d.gates.y;
            gates[gate + 2u * p.hidden] = d.gates.z;
            recurrent[kept] = d_s.x;
            recurrent[kept + p.hidden] = d_s.y;
            recurrent[kept + 2u * p.hidden] = d_s.z;
            leave_terms(place, d_s);
        }
        workgroupBarrier();
    }
    if (owns) {
        carry[carry_word] = carried;
    }
}

fn load_recurrent(word: u32) -> vec3<f32> {
    return vec3<f32>(recurrent[word], recurrent[word + p.hidden], recurrent[word + 2u * p.hidden]);
}

fn leave_terms(place: u32, value: vec3<f32>) {
    sh_vector[place] = value.x;
    sh_vector[place + UNITS] = value.y;
    sh_vector[place + 2u * UNITS] = value.z;
}
