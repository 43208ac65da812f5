// A workgroup of 128 owns a tile of a product, an invocation a block of 8 by 4: `p.column_lanes` blocks side by side, 16 or
// 8, so 64 rows by 64 columns, or 128 by 32. Sixteen steps of the sum lie in workgroup memory at a time, 12.5 KiB. They
// come in patches of four steps of four rows or columns: between two barriers an invocation loads one or two of them, 64
// bytes each, for 512 multiply-adds.
const LANES: u32 = 128u;
const DEPTH: u32 = 16u;
// vec4 from one step to the next: a tile's rows or columns in fours, and one more, so that the four stores of a patch fall
// into other banks than its neighbours'.
const LEFT_STRIDE: u32 = 33u;
const RIGHT_STRIDE: u32 = 17u;

var<workgroup> sh_left: array<vec4<f32>, 528>;
var<workgroup> sh_right: array<vec4<f32>, 272>;

// Fours of rows of a tile.
fn tile_fours() -> u32 {
    return 2u * (LANES / p.column_lanes);
}

// Patches of a tile: those of its rows, then those of its columns.
fn patches() -> u32 {
    return (DEPTH / 4u) * (tile_fours() + p.column_lanes);
}

// Four steps from step 4·quarter on of four rows.
fn stage_left(four: u32, quarter: u32, patch_: mat4x4<f32>) {
    let at = 4u * quarter * LEFT_STRIDE + four;
    sh_left[at] = patch_[0];
    sh_left[at + LEFT_STRIDE] = patch_[1];
    sh_left[at + 2u * LEFT_STRIDE] = patch_[2];
    sh_left[at + 3u * LEFT_STRIDE] = patch_[3];
}

// Four steps from step 4·quarter on of four columns.
fn stage_right(four: u32, quarter: u32, patch_: mat4x4<f32>) {
    let at = 4u * quarter * RIGHT_STRIDE + four;
    sh_right[at] = patch_[0];
    sh_right[at + RIGHT_STRIDE] = patch_[1];
    sh_right[at + 2u * RIGHT_STRIDE] = patch_[2];
    sh_right[at + 3u * RIGHT_STRIDE] = patch_[3];
}

// Adds the steps that lie in workgroup memory to an invocation's block.
fn add_tile(sum: Block, lane: u32) -> Block {
    var block = sum;
    let row = 2u * (lane / p.column_lanes);
    let column = lane % p.column_lanes;
    for (var step = 0u; step < DEPTH; step = step + 4u) {
        block = add_staged(block, row, column, step);
        block = add_staged(block, row, column, step + 1u);
        block = add_staged(block, row, column, step + 2u);
        block = add_staged(block, row, column, step + 3u);
    }
    return block;
}

fn add_staged(sum: Block, row: u32, column: u32, step: u32) -> Block {
    let left = step * LEFT_STRIDE + row;
    return add_step(sum, sh_left[left], sh_left[left + 1u], sh_right[step * RIGHT_STRIDE + column]);
}
