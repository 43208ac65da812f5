//! gru_backward_tiled — d_output → d_x, over the gates, and d_s, over the recurrent gates, for t = t_end − 1 … t_begin.
//! Variant of: gru_backward. For cards and more than 64 hidden units. One workgroup per (ROWS batch rows, UNITS hidden units,
//! replica): w_hh passes through once for all of them. For w_hhᵀ · d_s_{t+1} an invocation sums a part of the terms of
//! four units, for eight rows; for the rest it owns units of rows, half a band at a time.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden. Gates in PyTorch's order r, z, n. d_x are the
//! gradients of their projections, d_s those of w_hh · h_{t−1} + b_hh.
//! Where H > UNITS several workgroups share a step, and the host gives each dispatch one step.
//! Uses: add_terms, gru_cell_backward, recurrent_tile

override UNITS: u32 = 256u;  // of a workgroup: 64, 128 or 256
override ROWS: u32 = 8u;     // 8 or 16
override FOURS: u32 = UNITS / 4u;
// All 256 invocations at work, however few rows there are.
override BAND_LANES: u32 = 256u * 8u / ROWS;

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
    weights: u32,         // vec4 offset of w_hh [3, H, H to a multiple of 4] in a replica's row
    weights_row: u32,     // in vec4
    first_tile: u32,      // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;    // [R, row]
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;      // [R, B, T, 3, H]  n, then d_x
@group(0) @binding(3) var<storage, read_write> recurrent: array<f32>;  // [R, B, T, 3, H]  r, z and s of n, then d_s
@group(0) @binding(4) var<storage, read> states: array<f32>;           // [R, B, T+1, H]
@group(0) @binding(5) var<storage, read> d_output: array<f32>;         // [R, B, D, H]
@group(0) @binding(6) var<storage, read_write> carry: array<f32>;      // [R, B, H]  d_h of the step before, z's part

fn vector_of(word: u32) -> f32 {
    return recurrent[word];
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
            let before = here.replica * p.states_row + (batch_row * (p.steps + 1u) + t) * p.hidden + unit;
            let carried = here.replica * p.carry_row + batch_row * p.hidden + unit;
            let activated = vec3<f32>(recurrent[kept], recurrent[kept + p.hidden], gates[gate + 2u * p.hidden]);
            var d_h = four_sums(row, cell % UNITS / 4u)[cell % 4u];
            if (t + p.output_steps >= p.steps) {
                let step = t + p.output_steps - p.steps;
                let word = (batch_row * p.output_steps + step) * p.hidden + unit;
                d_h = d_h + d_output[here.replica * p.d_output_row + word];
            }
            if (t + 1u < p.steps) {
                d_h = d_h + carry[carried];
            }
            let d = gru_cell_gradient(activated, recurrent[kept + 2u * p.hidden], states[before], d_h);
            gates[gate] = d.gates.x;
            gates[gate + p.hidden] = d.gates.y;
            gates[gate + 2u * p.hidden] = d.gates.z;
            recurrent[kept] = d.gates.x;
            recurrent[kept + p.hidden] = d.gates.y;
            recurrent[kept + 2u * p.hidden] = d.s;
            carry[carried] = d.h;
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size(LANES)
fn gru_backward_tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let here = place_of(group, p.first_tile, lane);
    let columns = (p.hidden + 3u) / 4u;
    let four = min(here.first_unit / 4u + lane % FOURS, columns - 1u);
    let w = Weights(here.replica * p.weights_row + p.weights + four, columns);
    let stride = p.steps * 3u * p.hidden;
    for (var after = p.t_end; after > p.t_begin; after = after - 1u) {
        var sums: Sums;
        if (after < p.steps) {
            let x = Vectors(here.replica * p.recurrent_row + here.first * stride + after * 3u * p.hidden, stride);
            sums = tile_sums(x, w, 3u * p.hidden, here);
        }
        finish_rows(sums.low, 0u, after - 1u, here);
        finish_rows(sums.high, 4u, after - 1u, here);
        // The next step reads what all invocations of this workgroup wrote.
        storageBarrier();
    }
}
