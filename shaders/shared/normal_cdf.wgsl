// The share of a standard normal distribution below x: half the complementary error function of |x|/sqrt(2), which keeps
// the tail's relative error small (Cephes erff and erfcf).
fn normal_cdf(x: f32) -> f32 {
    let a = min(abs(x) * 0.70710678, 9.2);
    let s = a * a;
    var tail = 0.0;
    if (a < 1.0) {
        var y = 7.8538614e-5;
        y = y * s - 8.0101936e-4;
        y = y * s + 5.1883277e-3;
        y = y * s - 2.6853812e-2;
        y = y * s + 1.1283585e-1;
        y = y * s - 3.7612626e-1;
        y = y * s + 1.1283792;
        tail = 0.5 - 0.5 * (a * y);
    } else {
        let inverse = 1.0 / a;
        let t = inverse * inverse;
        var y = 2.32682e-2;
        if (a < 2.0) {
            y = y * t - 1.3870394e-1;
            y = y * t + 3.6874247e-1;
            y = y * t - 5.824733e-1;
            y = y * t + 6.2100046e-1;
            y = y * t - 4.9445153e-1;
            y = y * t + 3.40488e-1;
            y = y * t - 2.741127e-1;
            y = y * t + 5.6382594e-1;
        } else {
            y = -1.0477664e1;
            y = y * t + 1.29772e1;
            y = y * t - 7.4955187;
            y = y * t + 2.921019;
            y = y * t - 1.0152653;
            y = y * t + 4.2184634e-1;
            y = y * t - 2.8207674e-1;
            y = y * t + 5.641896e-1;
        }
        tail = 0.5 * exp(-s) * inverse * y;
    }
    // What is not a number stays so: min has swallowed it.
    let cdf = select(1.0 - tail, tail, x < 0.0);
    return select(cdf, x, (bitcast<u32>(x) & 0x7FFFFFFFu) > 0x7F800000u);
}
