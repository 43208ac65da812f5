//! The shaders' text.
//!
//! A kernel has the name of its op's label. A stage of an op names the op in a line `//! Stage of: lstm_forward`; a kernel that
//! other adapters run instead has a line `//! Variant of: linear_forward`. Both have the op's CPU twin. A kernel names its snippets
//! in a line `//! Uses: rng, rows`. They are appended after its own source, so that line numbers in errors are right.

use crate::error::{Error, Result};
use crate::gpu::shader::Shader;

macro_rules! shaders {
    ($folder:literal: $($stem:ident),* $(,)?) => {
        &[$((stringify!($stem), include_str!(concat!("../../shaders/", $folder, stringify!($stem), ".wgsl")))),*]
    };
}

/// Every kernel: its name and its own text.
pub const KERNELS: &[(&str, &str)] = shaders!("":
    window_gather,
    instance_norm_forward,
    decompose,
    future_gather,
    decoder_forward,
    decoder_backward,
    matrix_transpose,
    embedding_numbers,
    embedding_forward,
    embedding_backward,
    linear_forward,
    linear_forward_tiled,
    linear_backward_input,
    linear_backward_input_tiled,
    linear_backward_weight,
    linear_backward_weight_tiled,
    linear_weight_sum,
    recurrent_weights,
    rnn_forward,
    rnn_forward_held,
    rnn_forward_tiled,
    rnn_backward,
    rnn_backward_held,
    rnn_backward_tiled,
    lstm_forward,
    lstm_forward_held,
    lstm_forward_tiled,
    lstm_backward,
    lstm_backward_held,
    lstm_backward_tiled,
    gru_forward,
    gru_forward_held,
    gru_forward_tiled,
    gru_backward,
    gru_backward_held,
    gru_backward_tiled,
    dropout,
    patch_gather,
    patch_gather_backward,
    instance_affine_backward,
    positions_forward,
    positions_backward,
    batch_norm_partial,
    batch_norm_statistics,
    batch_norm_forward,
    batch_norm_backward_weight,
    batch_norm_backward_input,
    layer_norm_forward,
    layer_norm_backward_weight,
    layer_norm_backward_input,
    attention_forward,
    attention_backward_query,
    attention_backward_key_value,
    mean_pool_forward,
    mean_pool_backward,
    loss,
    prediction_store,
    link_input,
    scale_gather,
    quantile_loss,
    likelihood_loss,
    distribution_store,
    grad_norm,
    grad_norm_sum,
    adam_masked,
    prune,
    topk_histogram,
    topk_pick,
    topk_ties,
    select_histogram,
    select_pick,
    select_ties,
    prune_select,
    prune_apply,
    score_update,
    lamp_score,
    unit_importance,
    unit_order,
    unit_prune,
    unit_mask,
    threshold_mask,
);

/// What measures a device, and is no op's.
pub const ROOFLINE: &[(&str, &str)] = shaders!("roofline/": roofline_copy, roofline_multiply_add, roofline_empty);

/// What kernels share.
pub const SNIPPETS: &[(&str, &str)] = shaders!("shared/":
    across,
    activated_backward,
    activated_forward,
    activation,
    activations,
    add_rows,
    add_terms,
    affine,
    along,
    attention,
    attention_backward,
    attention_keys,
    block,
    by_cut,
    columns,
    cut_digit,
    cut_ties,
    digit_counts,
    distribution,
    drop_block,
    drops,
    forecast,
    four_units,
    gamma,
    grid,
    gru_cell_backward,
    gru_cell_forward,
    held,
    key_counts,
    level,
    linear_backward_input,
    linear_forward,
    linear_rows,
    link,
    lstm_cell_backward,
    lstm_cell_forward,
    no_window,
    non_finite,
    norm_epsilon,
    normal_cdf,
    operands,
    others,
    prune_key,
    recurrent,
    recurrent_tile,
    reduce,
    replica_step,
    rng,
    residual,
    revin_epsilon,
    rnn_activation,
    rnn_cell_backward,
    rnn_cell_forward,
    row_sums,
    rows,
    scan,
    score_key,
    select_key,
    skip_rows,
    slot,
    softplus,
    tile,
    unit_sets,
);

/// The snippets that a kernel's text names.
pub fn uses(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("//! Uses:")).flat_map(|names| names.split(',')).map(str::trim)
}

/// A kernel's whole text.
pub fn assemble(name: &str) -> Result<String> {
    let broken = |problem: String| Error::device(problem, "this is a bug of microglia: please report it");
    let find = |texts: &[(&str, &'static str)], name: &str| {
        texts.iter().find(|(stem, _)| *stem == name).map(|(_, text)| *text)
    };
    let kernel = find(KERNELS, name)
        .or_else(|| find(ROOFLINE, name))
        .ok_or_else(|| broken(format!("there is no shader `{name}`")))?;
    let mut text = kernel.to_string();
    for snippet in uses(kernel) {
        let shared =
            find(SNIPPETS, snippet).ok_or_else(|| broken(format!("shader `{name}` uses no snippet `{snippet}`")))?;
        text.push('\n');
        text.push_str(shared);
    }
    Ok(text)
}

/// A kernel, parsed.
pub fn shader(name: &str) -> Result<Shader> {
    Shader::parse(name, assemble(name)?)
}
