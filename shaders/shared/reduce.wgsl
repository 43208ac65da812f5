// The sum over a workgroup of 256, as a tree: one order, whatever the device. To be called by all its invocations.
const REDUCE_LANES: u32 = 256u;

var<workgroup> sh_reduce: array<f32, REDUCE_LANES>;

fn workgroup_sum(lane: u32, value: f32) -> f32 {
    sh_reduce[lane] = value;
    workgroupBarrier();
    for (var half = REDUCE_LANES / 2u; half > 0u; half = half / 2u) {
        if (lane < half) {
            sh_reduce[lane] = sh_reduce[lane] + sh_reduce[lane + half];
        }
        workgroupBarrier();
    }
    return sh_reduce[0];
}
