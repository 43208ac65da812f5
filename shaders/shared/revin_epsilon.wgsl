// Added to RevIN's weight before dividing by it: program::constants.
const REVIN_EPSILON: f32 = 1e-10;
