//! batch_norm_partial — count, mean and Σ(x − mean)² of each feature over a split of the rows; empty windows left out.
//! Stage of: batch_norm_statistics.
//! One workgroup per 16 features and split: 16 lanes of rows, two passes, a tree after each.
//! R replicas, B batch, D features.
//! Uses: grid, slot, columns, no_window

struct Params {
    batch: u32,         // B
    tokens: u32,        // rows of a window
    width: u32,         // D
    split_rows: u32,
    blocks: u32,        // workgroups that share a split
    windows_row: u32,   // words per replica row of each tensor
    input_row: u32,
    partial_row: u32,
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<uniform> slot: Slot;
@group(0) @binding(2) var<storage, read> windows: array<u32>;         // [R, slots, B]
@group(0) @binding(3) var<storage, read> input: array<f32>;           // [R, B·tokens, D]
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;   // [R, splits, 3, D]  (count, mean, squares)

@compute @workgroup_size(256)
fn batch_norm_partial(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let index = group_index(group, groups);
    let split = index / p.blocks;
    let column = (index % p.blocks) * COLUMNS + lane % COLUMNS;
    let rows = p.batch * p.tokens;
    let begin = split * p.split_rows;
    let end = min(begin + p.split_rows, rows);
    let window = replica * p.windows_row + slot.index * p.batch;
    let word = replica * p.input_row + column;
    var count = 0.0;
    var sum = 0.0;
    if (column < p.width) {
        for (var n = begin + lane / COLUMNS; n < end; n = n + ROW_LANES) {
            if (windows[window + n / p.tokens] != NO_WINDOW) {
                count = count + 1.0;
                sum = sum + input[word + n * p.width];
            }
        }
    }
    let counted = column_sum(lane, count);
    let mean = column_sum(lane, sum) / max(counted, 1.0);
    var squares = 0.0;
    if (column < p.width) {
        for (var n = begin + lane / COLUMNS; n < end; n = n + ROW_LANES) {
            if (windows[window + n / p.tokens] != NO_WINDOW) {
                let d = input[word + n * p.width] - mean;
                squares = squares + d * d;
            }
        }
    }
    let total = column_sum(lane, squares);
    if (lane < COLUMNS && column < p.width && begin < rows) {
        let to = replica * p.partial_row + split * 3u * p.width + column;
        partial[to] = counted;
        partial[to + p.width] = mean;
        partial[to + 2u * p.width] = total;
    }
}
