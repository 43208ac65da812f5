// A workgroup of 256 as 16 rows of 16 lanes each: the sum over a row's lanes, as a tree. To be called by all its
// invocations, any number of times.
const ROWS: u32 = 16u;
const LANES_PER_ROW: u32 = 16u;

var<workgroup> sh_rows: array<f32, 256>;

fn row_sum(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    sh_rows[lane] = value;
    workgroupBarrier();
    for (var half = LANES_PER_ROW / 2u; half > 0u; half = half / 2u) {
        if (lane % LANES_PER_ROW < half) {
            sh_rows[lane] = sh_rows[lane] + sh_rows[lane + half];
        }
        workgroupBarrier();
    }
    return sh_rows[lane - lane % LANES_PER_ROW];
}
