// What keeps forecasts within bounds: program::op::Link.
override LINK: u32 = 0u;

const NO_LINK: u32 = 0u;
const ABOVE: u32 = 1u;
const BELOW: u32 = 2u;

// program::constants.
const LINK_SHARPNESS: f32 = 4.0;

// A value within bounds, and its derivative by the location.
struct Bounded {
    value: f32,
    slope: f32,
}

fn link(u: f32) -> Bounded {
    if (LINK == NO_LINK) {
        return Bounded(u, 1.0);
    }
    if (LINK == ABOVE) {
        return Bounded(softplus(LINK_SHARPNESS * u) / LINK_SHARPNESS, logistic(LINK_SHARPNESS * u));
    }
    if (LINK == BELOW) {
        return Bounded(-softplus(-LINK_SHARPNESS * u) / LINK_SHARPNESS, logistic(-LINK_SHARPNESS * u));
    }
    let share = logistic(LINK_SHARPNESS * (u - 0.5));
    return Bounded(share, LINK_SHARPNESS * share * (1.0 - share));
}
