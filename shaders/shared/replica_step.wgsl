// A row of the step table [R, S]: field for field the Rust struct ReplicaStep.
struct ReplicaStep {
    seed: u32,
    step: u32,
    active_flag: u32,
    dropout_threshold: u32,
    attention_threshold: u32,
    head_threshold: u32,
    inv_target_count: f32,
    step_size: f32,
    one_minus_beta1: f32,
    inv_sqrt_bias2: f32,
    decay_factor: f32,
    l2: f32,
    clip_norm: f32,
    prune_count: u32,
    prune_random: u32,
    instance_norm: u32,
}
