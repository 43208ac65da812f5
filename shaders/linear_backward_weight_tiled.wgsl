//! linear_backward_weight_tiled — d_weight[o, i] = Σ_n d_output[n, o] · input[n, i] and d_bias[o] = Σ_n d_output[n, o].
//! Variant of: linear_backward_weight. For real GPUs: both operands come by in workgroup memory, `split_rows` of the rows.
//! With BESIDE, the same of a second input: its tiles come after the first's.
//! Where the rows are split, `sums` is working memory, which linear_weight_sum adds up.
//! R replicas, N rows, I inputs, J inputs of the second, O outputs, S splits.
//! Uses: grid, rows, block, operands, linear_rows, tile, across

// Whether there is a second input: left open, so that products of one carry none of this code.
override BESIDE: u32 = 0u;
// Whether the inputs' rows lie in sequences: those of d_output lie evenly.
override SEQUENCES: u32 = 0u;

struct Params {
    input: Rows,
    beside: Rows,         // read where BESIDE is 1
    d_output: Rows,
    d_weight: u32,        // word offset of d_weight [O, I] in a row of sums
    d_bias: u32,          // word offset of d_bias [O]
    beside_weight: u32,   // word offset of the second weight's gradient [O, J]
    beside_bias: u32,     // word offset of the second bias's gradient [O]
    sums_row: u32,        // words per replica row
    sums_split: u32,      // words from one split's sums to the next
    split_rows: u32,
    blocks: u32,          // workgroups that share a split
    column_groups: u32,   // workgroups side by side
    own_groups: u32,      // those of the first input
    first_group: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;     // [R, N, I]
@group(0) @binding(2) var<storage, read> beside: array<vec4<f32>>;    // [R, N, J]
@group(0) @binding(3) var<storage, read> d_output: array<vec4<f32>>;  // [R, N, O]
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;      // [R, S, O·I + O + O·J + O], or the gradients [R, P]

// The side of the second input, after LEFT and RIGHT.
const SECOND: u32 = 2u;

fn fours_of(side: u32, four: u32) -> vec4<f32> {
    if (side == LEFT) {
        return d_output[four];
    }
    if (side == SECOND) {
        return beside[four];
    }
    return input[four];
}

fn word_of(side: u32, word: u32) -> f32 {
    if (side == LEFT) {
        return d_output[word / 4u][word % 4u];
    }
    if (side == SECOND) {
        return beside[word / 4u][word % 4u];
    }
    return input[word / 4u][word % 4u];
}

fn store(word: vec4<u32>, value: vec4<f32>) {
    // From the last: where columns repeat, past an edge, the first of them stays, which alone is one.
    sums[word.w] = value.w;
    sums[word.z] = value.z;
    sums[word.y] = value.y;
    sums[word.x] = value.x;
}

// What a workgroup computes: the gradients from an output and an input on, over so many rows.
struct Task {
    replica: u32,
    output: u32,
    input: u32,
    begin: u32,
    count: u32,
}

// The first of the columns that an invocation brings of d_output, and of an input.
struct Columns {
    left: u32,
    second: u32,
    right: u32,
}

// Of the rows that start at `left` and `right`.
fn bring(side: u32, width: u32, columns: Columns, left: u32, right: u32) -> Brought {
    return Brought(
        across(LEFT, left, columns.left, p.d_output.width),
        across(side, right, columns.right, width),
    );
}

fn bring_second(columns: Columns, left: u32) -> vec4<f32> {
    let further = across_start(LEFT, 0u, columns.second) - across_start(LEFT, 0u, columns.left);
    return across(LEFT, left + further, columns.second, p.d_output.width);
}

// Words from one sequence's end to the next one's beginning.
fn gap_of(rows: Rows) -> u32 {
    return rows.outer_stride - rows.inner * rows.inner_stride;
}

// Words from a row to the one DEPTH rows on, where no more sequences end between them than must.
fn hop_of(rows: Rows) -> u32 {
    return DEPTH * rows.inner_stride + DEPTH / rows.inner * gap_of(rows);
}

// Adds a step to a block. Operands that are read word by word take registers, so that the rest must do with fewer.
fn add_staged(side: u32, sum: Block, left: u32, right: u32) -> Block {
    if (in_fours(LEFT) && in_fours(side)) {
        return add_step(sum, sh_left[left], sh_left[left + PLANE], sh_right[right]);
    }
    return add_by_halves(sum, left, right);
}

// The same with fewer registers: the second four rows come when the first are added.
fn add_by_halves(sum: Block, left: u32, right: u32) -> Block {
    let row = sh_right[right];
    return add_high(add_low(sum, sh_left[left], row), sh_left[left + PLANE], row);
}

// The sums of a block, and those of d_output alone over every eighth row, for the columns that an invocation brings.
struct Summed {
    sum: Block,
    bias: vec4<f32>,
    second_bias: vec4<f32>,
}

fn summed(side: u32, rows: Rows, task: Task, lane: u32) -> Summed {
    let own = own_block(lane);
    let places = Places(across_left(lane), across_left(lane) + PLANE, lane);
    let output_ = task.output + across_column(lane);
    let columns = Columns(
        min(output_, p.d_output.width - 1u),
        min(output_ + 32u, p.d_output.width - 1u),
        min(task.input + across_column(lane), rows.width - 1u),
    );
    let row = across_row(lane);
    let n = min(task.begin + row, p.input.count - 1u);
    var left = across_start(LEFT, row_start(p.d_output, task.replica, n), columns.left);
    var right = across_start(side, row_start(rows, task.replica, n), columns.right);
    let left_hop = units(LEFT, DEPTH * p.d_output.inner_stride);
    let right_hop = units(side, hop_of(rows));
    let right_gap = units(side, gap_of(rows));
    let part = DEPTH % rows.inner;
    var place = n % rows.inner;
    // Past the last row it stays there, and what it brings of the input are zeros.
    var there = row < task.count;
    let stays = max(task.count, row + DEPTH) - row - DEPTH;
    var half = 0u;
    var found = Summed();
    var brought = bring(side, rows.width, columns, left, right);
    var counts = select(0.0, 1.0, there && side == RIGHT);
    found.bias = counts * brought.left;
    if (PANELS == 1u) {
        put_first(half, places, brought.left);
        brought.left = bring_second(columns, left);
        found.second_bias = counts * brought.left;
    }
    put(half, places, Brought(brought.left, select(vec4<f32>(0.0), brought.right, there)));
    // As often in every workgroup, so that the compiler knows all invocations together.
    for (var begin = 0u; begin < p.split_rows; begin = begin + DEPTH) {
        workgroupBarrier();
        there = begin < stays;
        left = left + select(0u, left_hop, there);
        right = right + select(0u, right_hop, there);
        if (SEQUENCES == 1u) {
            place = place + part;
            let ended = place >= rows.inner;
            place = select(place, place - rows.inner, ended);
            right = right + select(0u, right_gap, ended && there);
        }
        brought = bring(side, rows.width, columns, left, right);
        let left_at = half + own.left;
        let right_at = right_half(half) + own.right;
        half = half ^ LEFT_HALF;
        counts = select(0.0, 1.0, there && side == RIGHT);
        var sum = add_staged(side, found.sum, left_at, right_at);
        sum = add_staged(side, sum, left_at + 2u * PLANE, right_at + PLANE);
        sum = add_staged(side, sum, left_at + 4u * PLANE, right_at + 2u * PLANE);
        sum = add_staged(side, sum, left_at + 6u * PLANE, right_at + 3u * PLANE);
        if (PANELS == 1u) {
            put_first(half, places, brought.left);
            found.bias = found.bias + counts * brought.left;
            brought.left = bring_second(columns, left);
        }
        sum = add_by_halves(sum, left_at + 8u * PLANE, right_at + 4u * PLANE);
        sum = add_by_halves(sum, left_at + 10u * PLANE, right_at + 5u * PLANE);
        sum = add_by_halves(sum, left_at + 12u * PLANE, right_at + 6u * PLANE);
        sum = add_by_halves(sum, left_at + 14u * PLANE, right_at + 7u * PLANE);
        found.sum = sum;
        put(half, places, Brought(brought.left, select(vec4<f32>(0.0), brought.right, there)));
        if (PANELS == 1u) {
            found.second_bias = found.second_bias + counts * brought.left;
        } else {
            found.bias = found.bias + counts * brought.left;
        }
    }
    return found;
}

@compute @workgroup_size(LANES)
fn linear_backward_weight_tiled(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let replica = group.z;
    let index = group_index(group, groups);
    let split = index / p.blocks;
    let block = index % p.blocks;
    let column_group = block % p.column_groups;
    let second = BESIDE == 1u && column_group >= p.own_groups;
    let begin = split * p.split_rows;
    let task = Task(
        replica,
        block / p.column_groups * 64u,
        select(column_group, column_group - p.own_groups, second) * 32u * PANELS,
        begin,
        min(p.split_rows, max(p.input.count, begin) - begin),
    );
    var found = Summed();
    if (second) {
        found = summed(SECOND, p.beside, task, lane);
    } else {
        found = summed(RIGHT, p.input, task, lane);
    }
    let to = replica * p.sums_row + split * p.sums_split;
    // The first tile across also sums the gradient itself, four outputs an invocation.
    if (column_group == 0u) {
        workgroupBarrier();
        sh_left[across_left(lane)] = found.bias;
        if (PANELS == 1u) {
            sh_left[across_left(lane) + PLANE] = found.second_bias;
        }
        workgroupBarrier();
        let outputs = task.output + lane * 4u;
        if (task.count > 0u && lane < 2u * PLANE && outputs < p.d_output.width) {
            var bias = sh_left[lane];
            for (var i = 2u * PLANE; i < LEFT_HALF; i = i + 2u * PLANE) {
                bias = bias + sh_left[lane + i];
            }
            store(to + p.d_bias + four_columns(outputs, p.d_output.width), bias);
            if (BESIDE == 1u) {
                store(to + p.beside_bias + four_columns(outputs, p.d_output.width), bias);
            }
        }
    }
    let own = own_block(lane);
    let output_ = task.output + own.row * 4u;
    let input_ = task.input + own.column * 4u;
    let width = select(p.input.width, p.beside.width, second);
    if (task.count > 0u && output_ < p.d_output.width && input_ < width) {
        let weight = to + select(p.d_weight, p.beside_weight, second);
        let low = weight + four_columns(output_, p.d_output.width) * width;
        let high = weight + four_columns(output_ + 32u, p.d_output.width) * width;
        store_block(RowStarts(low, high), four_columns(input_, width), found.sum);
    }
}
