// The sum of the numbers of a workgroup's 256 invocations up to one's own. To be called by all of them, any number of times.
const SCAN_LANES: u32 = 256u;

var<workgroup> sh_scan: array<u32, SCAN_LANES>;

fn scan(lane: u32, value: u32) -> u32 {
    workgroupBarrier();
    sh_scan[lane] = value;
    workgroupBarrier();
    for (var distance = 1u; distance < SCAN_LANES; distance = distance * 2u) {
        var left = 0u;
        if (lane >= distance) {
            left = sh_scan[lane - distance];
        }
        workgroupBarrier();
        sh_scan[lane] = sh_scan[lane] + left;
        workgroupBarrier();
    }
    return sh_scan[lane];
}
