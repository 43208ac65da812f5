// Marks the empty places of a short batch: program::tensor.
const NO_WINDOW: u32 = 0xFFFFFFFFu;
