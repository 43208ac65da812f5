// What both variants of linear_backward_input share: their buffers, and how a block of sums is stored.
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;   // [R, slots]
@group(0) @binding(3) var<storage, read> params: array<vec4<f32>>;    // [R, P]
@group(0) @binding(4) var<storage, read> d_output: array<vec4<f32>>;  // [R, N, O]
@group(0) @binding(5) var<storage, read> skip: array<f32>;            // [R, N, I]
@group(0) @binding(6) var<storage, read_write> d_input: array<f32>;   // [R, N, I]

fn fours_of(side: u32, four: u32) -> vec4<f32> {
    if (side == LEFT) {
        return d_output[four];
    }
    return params[four];
}

fn word_of(side: u32, word: u32) -> f32 {
    if (side == LEFT) {
        return d_output[word / 4u][word % 4u];
    }
    return params[word / 4u][word % 4u];
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    d_input[word.x] = value.x;
    d_input[word.y] = value.y;
    d_input[word.z] = value.z;
    d_input[word.w] = value.w;
}

// Stores a block of sums, as the gradient before an activation if there is one.
fn end_block(sum: Block, replica: u32, first: u32, columns: vec4<u32>) {
    let found = through_activation(sum, replica, first, columns);
    store_block(row_starts(p.d_input, replica, first), columns, found);
}
