// What both variants of linear_forward share: their buffers, and how a block of sums is stored.
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> steps: array<ReplicaStep>;  // [R, slots]
@group(0) @binding(3) var<storage, read> params: array<vec4<f32>>;   // [R, P]
@group(0) @binding(4) var<storage, read> input: array<vec4<f32>>;    // [R, N, I]
@group(0) @binding(5) var<storage, read> skip: array<f32>;           // [R, N, O]
@group(0) @binding(6) var<storage, read_write> output: array<f32>;   // [R, N, O]
@group(0) @binding(7) var<storage, read_write> after: array<f32>;    // [R, N, O]

fn fours_of(side: u32, four: u32) -> vec4<f32> {
    if (side == LEFT) {
        return input[four];
    }
    return params[four];
}

fn word_of(side: u32, word: u32) -> f32 {
    if (side == LEFT) {
        return input[word / 4u][word % 4u];
    }
    return params[word / 4u][word % 4u];
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    output[word.x] = value.x;
    output[word.y] = value.y;
    output[word.z] = value.z;
    output[word.w] = value.w;
}

fn store_after(word: vec4<u32>, value: vec4<f32>) {
    after[word.x] = value.x;
    after[word.y] = value.y;
    after[word.z] = value.z;
    after[word.w] = value.w;
}

// Stores a block of sums, with what follows the product: a residual sum, or an activation.
fn end_block(sum: Block, replica: u32, first: u32, columns: vec4<u32>) {
    store_block(row_starts(p.output, replica, first), columns, add_residual(sum, replica, first, columns));
    store_activated(sum, replica, first, columns);
}
