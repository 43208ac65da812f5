// Added to a variance before its root: program::constants.
const NORM_EPSILON: f32 = 1e-5;
