//! rnn_forward_tiled — projections → h, for t = t_begin … t_end − 1: h_t = act(projected_t + w_hh · h_{t−1} + b_hh).
//! Variant of: rnn_forward. For cards and more than 64 hidden units. One workgroup per (ROWS batch rows, UNITS hidden units,
//! replica): w_hh passes through once for all of them. For w_hh · h_{t−1} an invocation sums a part of the terms of four units,
//! for eight rows; for the rest it owns units of rows, half a band at a time.
//! R replicas, B batch, T steps, H hidden.
//! Where H > UNITS several workgroups share a step, and the host gives each dispatch one step.
//! Uses: activations, add_terms, recurrent_tile, rnn_cell_forward, rnn_activation

override UNITS: u32 = 256u;  // of a workgroup: 64, 128 or 256
override ROWS: u32 = 8u;     // 8 or 16
override FOURS: u32 = UNITS / 4u;
// As many parts for every ROWS: no forecast depends on it.
override BAND_LANES: u32 = (FOURS + 127u) / 128u * 128u;

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
    weights: u32,        // vec4 offset of w_hh transposed [H (k), H to a multiple of 4 (unit)] in a replica's row
    weights_row: u32,    // in vec4
    first_tile: u32,     // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> params: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;   // [R, row]
@group(0) @binding(3) var<storage, read> projected: array<f32>;       // [R, B, T, H]
@group(0) @binding(4) var<storage, read_write> states: array<f32>;    // [R, B, T+1, H]

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
            let state = here.replica * p.states_row + (batch_row * (p.steps + 1u) + t) * p.hidden + unit;
            let a = projected[here.replica * p.projected_row + (batch_row * p.steps + t) * p.hidden + unit]
                + params[here.replica * p.params_row + p.b_hh + unit];
            if (t == 0u) {
                states[state] = 0.0;
            }
            states[state + p.hidden] = activated(a + four_sums(row, cell % UNITS / 4u)[cell % 4u]);
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size(LANES)
fn rnn_forward_tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let here = place_of(group, p.first_tile, lane);
    let columns = (p.hidden + 3u) / 4u;
    let four = min(here.first_unit / 4u + lane % FOURS, columns - 1u);
    let w = Weights(here.replica * p.weights_row + p.weights + four, columns);
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
