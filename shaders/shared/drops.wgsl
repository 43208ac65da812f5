// What dropout multiplies element `element` by: 0 where its draw is below the threshold, else 1 / (1 - p), p = threshold / 2^32.
fn drop_factor(seed: u32, site: u32, step: u32, element: u32, threshold: u32) -> f32 {
    if (threshold == 0u) {
        return 1.0;
    }
    if (draw(seed, site, step, element) < threshold) {
        return 0.0;
    }
    return 1.0 / (1.0 - f32(threshold) * 2.3283064e-10);
}
