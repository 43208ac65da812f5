//! gru_forward_tiled — projections → gates and h, for t = t_begin … t_end − 1.
//! Variant of: gru_forward. For cards and more than 64 hidden units. One workgroup per (ROWS batch rows, UNITS hidden units,
//! replica): w_hh passes through once for all of them. For w_hh · h_{t−1} an invocation sums a part of the terms of one unit's
//! gates, for eight rows; for the rest it owns units of rows, half a band at a time.
//! R replicas, B batch, T steps, H hidden. Gates in PyTorch's order r, z, n, with s = w_hh · h_{t−1} + b_hh. `gates` are
//! projections, after which n is activated in its place; `recurrent` becomes r, z and n's part of s.
//! Where H > UNITS several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations, add_terms, gru_cell_forward, recurrent_tile

override UNITS: u32 = 256u;  // of a workgroup: 64, 128 or 256
override ROWS: u32 = 8u;     // 8 or 16 (up to 128 units)
override FOURS: u32 = UNITS;
// As many parts for every ROWS: no forecast depends on it.
override BAND_LANES: u32 = (FOURS + 127u) / 128u * 128u;

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
    weights: u32,        // vec4 offset of the rearranged w_hh in a replica's row
    weights_row: u32,    // in vec4
    first_tile: u32,     // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;   // [R, H to a multiple of 4 (k), H (unit)] (r, z, n, 0)
@group(0) @binding(3) var<storage, read_write> gates: array<f32>;     // [R, B, T, 3, H]
@group(0) @binding(4) var<storage, read_write> recurrent: array<f32>; // [R, B, T, 3, H]
@group(0) @binding(5) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]

fn vector_of(word: u32) -> f32 {
    return states[word];
}

// The cells of four rows of each band, from the band's row `from_row` on, from their sums.
fn finish_rows(sum: mat4x4<f32>, from_row: u32, t: u32, here: Place) {
    leave_rows(sum, here.lane);
    for (var cell = here.lane; cell < ROWS / 2u * UNITS; cell = cell + LANES) {
        let row = cell / UNITS;
        let tile_row = row / 4u * 8u + from_row + row % 4u;
        let unit = here.first_unit + cell % UNITS;
        if (unit < p.hidden && tile_row < here.rows) {
            let batch_row = here.first + tile_row;
            let in_gates = (batch_row * p.steps + t) * 3u * p.hidden + unit;
            let gate = here.replica * p.gates_row + in_gates;
            let kept = here.replica * p.recurrent_row + in_gates;
            let state = here.replica * p.states_row + (batch_row * (p.steps + 1u) + t) * p.hidden + unit;
            let b = here.replica * p.params_row + p.b_hh + unit;
            let bias = vec3<f32>(params[b], params[b + p.hidden], params[b + 2u * p.hidden]);
            let x = vec3<f32>(gates[gate], gates[gate + p.hidden], gates[gate + 2u * p.hidden]);
            var before = 0.0;
            if (t > 0u) {
                before = states[state];
            } else {
                states[state] = 0.0;
            }
            let s = bias + four_sums(row, cell % UNITS).xyz;
            let after = gru_cell(x, s, before);
            gates[gate + 2u * p.hidden] = after.gates.z;
            recurrent[kept] = after.gates.x;
            recurrent[kept + p.hidden] = after.gates.y;
            recurrent[kept + 2u * p.hidden] = s.z;
            states[state + p.hidden] = after.h;
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size(LANES)
fn gru_forward_tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let here = place_of(group, p.first_tile, lane);
    let unit = min(here.first_unit + lane % FOURS, p.hidden - 1u);
    let w = Weights(here.replica * p.weights_row + p.weights + unit, p.hidden);
    let stride = (p.steps + 1u) * p.hidden;
    for (var t = p.t_begin; t < p.t_end; t = t + 1u) {
        var sums: Sums;
        if (t > 0u) {
            let x = Vectors(here.replica * p.states_row + here.first * stride + t * p.hidden, stride);
            sums = tile_sums(x, w, p.hidden, here);
        }
        finish_rows(sums.low, 0u, t, here);
        finish_rows(sums.high, 4u, t, here);
        // The next step reads what all invocations of this workgroup wrote.
        storageBarrier();
    }
}
