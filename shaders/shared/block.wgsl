// What an invocation owns of a product: 8 rows of 4 columns, in registers. What it loads it uses many times.
struct Block {
    r0: vec4<f32>,
    r1: vec4<f32>,
    r2: vec4<f32>,
    r3: vec4<f32>,
    r4: vec4<f32>,
    r5: vec4<f32>,
    r6: vec4<f32>,
    r7: vec4<f32>,
}

fn block_of(row: vec4<f32>) -> Block {
    return Block(row, row, row, row, row, row, row, row);
}

// Adds one step of the sum: a column of 8 times a row of 4.
fn add_step(sum: Block, low: vec4<f32>, high: vec4<f32>, row: vec4<f32>) -> Block {
    return add_high(add_low(sum, low, row), high, row);
}

fn add_low(sum: Block, low: vec4<f32>, row: vec4<f32>) -> Block {
    return Block(
        sum.r0 + low.x * row,
        sum.r1 + low.y * row,
        sum.r2 + low.z * row,
        sum.r3 + low.w * row,
        sum.r4,
        sum.r5,
        sum.r6,
        sum.r7,
    );
}

fn add_high(sum: Block, high: vec4<f32>, row: vec4<f32>) -> Block {
    return Block(
        sum.r0,
        sum.r1,
        sum.r2,
        sum.r3,
        sum.r4 + high.x * row,
        sum.r5 + high.y * row,
        sum.r6 + high.z * row,
        sum.r7 + high.w * row,
    );
}

// Adds four steps of the sum to a row of a block; `right` is a column of four a step.
fn add_row(sum: vec4<f32>, left: vec4<f32>, right: mat4x4<f32>) -> vec4<f32> {
    return sum + left.x * right[0] + left.y * right[1] + left.z * right[2] + left.w * right[3];
}

// The rows one up, and another as the last: after eight turns each row was the first once, so a loop needs no index.
fn turned(block: Block, last: vec4<f32>) -> Block {
    return Block(block.r1, block.r2, block.r3, block.r4, block.r5, block.r6, block.r7, last);
}
