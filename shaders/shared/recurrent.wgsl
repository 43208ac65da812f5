// Four batch rows' offsets, each `stride` words after the one before. Past the batch's end the last row is repeated: it
// comes to the same numbers again, and they are stored in the same place.
fn row_offsets(rows: u32, stride: u32) -> vec4<u32> {
    return min(vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(rows - 1u)) * stride;
}
