// A workgroup of 256 as 16 lanes of rows by 16 columns: the sum over the rows' lanes of each column, as a tree. To be called
// by all its invocations, any number of times.
const COLUMNS: u32 = 16u;
const ROW_LANES: u32 = 16u;

var<workgroup> sh_columns: array<f32, 256>;

fn column_sum(lane: u32, value: f32) -> f32 {
    workgroupBarrier();
    sh_columns[lane] = value;
    workgroupBarrier();
    for (var half = ROW_LANES / 2u; half > 0u; half = half / 2u) {
        if (lane < half * COLUMNS) {
            sh_columns[lane] = sh_columns[lane] + sh_columns[lane + half * COLUMNS];
        }
        workgroupBarrier();
    }
    return sh_columns[lane % COLUMNS];
}
