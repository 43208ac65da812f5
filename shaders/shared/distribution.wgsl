// The parameters of distributions: program::op::Distribution, and program::constants.
const POISSON: u32 = 0u;
const NEGATIVE_BINOMIAL: u32 = 1u;
const STUDENT_T: u32 = 2u;
const MEAN_FLOOR: f32 = 1e-6;
const DISPERSION_FLOOR: f32 = 1e-4;
const SCALE_FLOOR: f32 = 1e-3;

// The mean of counts on the series' scale, and its derivative by the location.
fn mean(replica: u32, at: Place) -> Bounded {
    var own = bounded(replica, at, located(replica, at, first_output(replica, at)));
    if (of_window(replica, at, 2u) != 0.0) {
        own.value = own.value + MEAN_FLOOR;
    }
    return own;
}

fn dispersion(raw: f32) -> f32 {
    return softplus(raw) + DISPERSION_FLOOR;
}

fn scale_of(unit: f32, raw: f32) -> f32 {
    return unit * (softplus(raw) + SCALE_FLOOR);
}

fn degrees_of_freedom(raw: f32) -> f32 {
    return 2.0 + softplus(raw);
}
