// A matrix [count, width] inside each replica's row of a tensor: the Rust struct Rows.
struct Rows {
    replica_row: u32,   // words from one replica to the next
    offset: u32,
    count: u32,
    width: u32,
    inner: u32,
    outer_stride: u32,
    inner_stride: u32,
    unused: u32,        // a struct within a uniform is a multiple of 16 bytes
}

// The word at which row n of a replica starts.
fn row_start(rows: Rows, replica: u32, n: u32) -> u32 {
    return four_rows(rows, replica, vec4<u32>(n)).x;
}

// The words at which four rows start; without a division where all lie evenly.
fn four_rows(rows: Rows, replica: u32, n: vec4<u32>) -> vec4<u32> {
    let start = replica * rows.replica_row + rows.offset;
    if (rows.inner >= rows.count) {
        return start + n * rows.inner_stride;
    }
    return start + (n / rows.inner) * rows.outer_stride + (n % rows.inner) * rows.inner_stride;
}
