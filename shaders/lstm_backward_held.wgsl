//! lstm_backward_held — d_output → d_gates, over the gates, for t = t_end − 1 … t_begin.
//! Variant of: lstm_backward. For cards and up to 64 hidden units: w_hh is read once and stays in registers from step to step.
//! One workgroup per (ROWS batch rows, replica). For w_hhᵀ · d_gates_{t+1} an invocation sums a quarter of one gate's terms of
//! four units, for every row; for the rest it owns one unit of one row, if any.
//! R replicas, B batch, T steps, D output steps with a gradient, H hidden. Gates in PyTorch's order i, f, g, o.
//! Uses: activations, add_terms, four_units, held, lstm_cell_backward

override UNITS: u32 = 64u;  // H or more: 32 or 64
override ROWS: u32 = 2u;    // up to 2
override LANES: u32 = 4u * UNITS;
override FOURS: u32 = UNITS / 4u;
override OUTPUTS: u32 = UNITS;
override PARTS: u32 = 16u;
override TERMS: u32 = 4u * UNITS;
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
    cells_row: u32,
    d_output_row: u32,
    carry_row: u32,
    weights: u32,         // word offset of w_hh [4H, H] in a replica's row
    weights_row: u32,
    first_tile: u32,      // batch tiles that other dispatches of the op run before
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<f32>;          // [R, P]
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;      // [R, B, T, 4, H]  activated, then d_gates
@group(0) @binding(3) var<storage, read> cells: array<f32>;            // [R, B, T+1, H]
@group(0) @binding(4) var<storage, read> d_output: array<f32>;         // [R, B, D, H]
@group(0) @binding(5) var<storage, read_write> carry: array<f32>;      // [R, B, H]  d_c of the step before

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
fn lstm_backward_held(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let replica = group.z;
    let row = lane / UNITS;
    let unit = lane % UNITS;
    let batch_row = (p.first_tile + group.x) * ROWS + row;
    let owns = row < ROWS && unit < p.hidden && batch_row < p.batch;
    let gate_row = replica * p.gates_row + batch_row * p.steps * 4u * p.hidden + unit;
    let cell_row = replica * p.cells_row + batch_row * (p.steps + 1u) * p.hidden + unit;
    let d_output_row = replica * p.d_output_row + batch_row * p.output_steps * p.hidden + unit;
    let carry_word = replica * p.carry_row + batch_row * p.hidden + unit;
    let place = row * TERMS + unit;
    let w = hold(lane, replica);

    var c = 0.0;
    var d_c = 0.0;
    var d_gates = vec4<f32>(0.0);
    if (owns) {
        c = cells[cell_row + p.t_end * p.hidden];
        if (p.t_end < p.steps) {
            d_gates = load_gates(gate_row + p.t_end * 4u * p.hidden);
            d_c = carry[carry_word];
        }
    }
    if (row < ROWS) {
        leave_gates(place, d_gates);
    }
    workgroupBarrier();

    for (var after = p.t_end; after > p.t_begin; after = after - 1u) {
        let t = after - 1u;
        let gate = gate_row + t * 4u * p.hidden;
        var activated = vec4<f32>(0.0);
        var before = 0.0;
        var d_h = 0.0;
        // Under way while the product is summed.
        if (owns) {
            activated = load_gates(gate);
            before = cells[cell_row + t * p.hidden];
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
            let d = lstm_cell_gradient(activated, before, c, d_h, d_c);
            c = before;
            d_c = d.c;
            gates[gate] = d.gates.x;
            gates[gate + p.hidden] = d.gates.y;
            gates[gate + 2u * p.hidden] = d.gates.z;
            gates[gate + 3u * p.hidden] = d.gates.w;
            leave_gates(place, d.gates);
        }
        workgroupBarrier();
    }
    if (owns) {
        carry[carry_word] = d_c;
    }
}

fn load_gates(word: u32) -> vec4<f32> {
    return vec4<f32>(gates[word], gates[word + p.hidden], gates[word + 2u * p.hidden], gates[word + 3u * p.hidden]);
}

fn leave_gates(place: u32, value: vec4<f32>) {
    sh_vector[place] = value.x;
    sh_vector[place + UNITS] = value.y;
    sh_vector[place + 2u * UNITS] = value.z;
    sh_vector[place + 3u * UNITS] = value.w;
}
