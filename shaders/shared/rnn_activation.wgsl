// An RNN's activation that is not relu: program::op::Activation.
const TANH: u32 = 0u;
