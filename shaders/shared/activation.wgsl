// The activation between two linear layers, 0 for none: program::op::FeedForward.
override ACTIVATION: u32 = 0u;

const GELU: u32 = 1u;
