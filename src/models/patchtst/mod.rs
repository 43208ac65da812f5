//! PatchTST (Nie et al., "A Time Series is Worth 64 Words", ICLR 2023): patches of each window as tokens of a transformer
//! encoder. Weights bear the names of `transformers`' `PatchTSTForPrediction`.

mod options;

use super::head::{self, Ending};
use super::{ModelOptions, Training, embedding, linear_path};
use crate::error::Result;
use crate::layers::{self, BranchEnd, Head, HeadOrder, NormKind, ScoreUse, Scores, Signal};
use crate::program::builder::Sizes;
use crate::program::op::{Affine, Chance, InstanceAffineBackward, Op};
use crate::program::{Builder, Initial, Param, ParamLayout, Program, Rows, StateLayout};

pub use options::*;

const EMBEDDING: (&str, &str) =
    ("model.encoder.embedder.input_embedding.weight", "model.encoder.embedder.input_embedding.bias");
const POSITIONS: &str = "model.encoder.positional_encoder.position_enc";
const HEAD: (&str, &str) = ("head.projection.weight", "head.projection.bias");
const FINAL_NORM: &str = "model.encoder.norm";
const REVIN: (&str, &str) = ("revin.affine_weight", "revin.affine_bias");

pub(crate) fn layer_name(layer: usize) -> String {
    format!("model.encoder.layers.{layer}")
}

/// `transformers` wraps a BatchNorm1d.
fn norm_name(options: &PatchtstOptions, name: &str) -> String {
    match options.norm {
        NormKind::Batch => format!("{name}.batchnorm"),
        NormKind::Layer => name.to_string(),
    }
}

/// Every norm of the model.
fn norm_names(model: &ModelOptions) -> Vec<String> {
    let sublayers = (0..model.layers)
        .flat_map(|layer| ["norm_sublayer1", "norm_sublayer3"].map(|part| format!("{}.{part}", layer_name(layer))));
    let last = (model.patchtst.variant == Variant::Authors).then(|| FINAL_NORM.to_string());
    sublayers.chain(last).map(|name| norm_name(&model.patchtst, &name)).collect()
}

/// The weights, initialised as each variant does: `official` as PyTorch's `nn.Linear`, `hf` normal with deviation 0.02 and
/// zero biases, `authors` as `nn.TransformerEncoder`.
pub(super) fn params(model: &ModelOptions, sizes: &Sizes) -> ParamLayout {
    let options = &model.patchtst;
    let patches = options.patches(sizes.lookback);
    let (d, tokens, variant) = (options.d_model, patches.count, options.variant);
    let mut params = embedding::params(model, sizes);
    let linear = |name: &str, outputs: usize, inputs: usize| {
        let bound = 1.0 / (inputs as f32).sqrt();
        let weight = Param::new(format!("{name}.weight"), &[outputs, inputs], true, bound);
        let bias = Param::new(format!("{name}.bias"), &[outputs], false, bound);
        match variant {
            Variant::Hf => [weight.initial(Initial::Normal(0.02)), bias.initial(Initial::Constant(0.0))],
            Variant::Official | Variant::Authors => [weight, bias],
        }
    };
    let channels = if options.by_channel() { 1 } else { embedding::width(model, sizes) };
    params.extend(linear("model.encoder.embedder.input_embedding", d, patches.rows * channels));
    let positions = Param::new(POSITIONS, &[tokens, d], false, 0.02);
    params.push(match options.positions {
        Positions::Learned => positions,
        Positions::SinCos => positions.initial(Initial::SineCosine),
        Positions::Random => positions.initial(Initial::Normal(1.0)),
    });
    for layer in 0..model.layers {
        let (name, widths) = (layer_name(layer), model.layer(layer));
        let inner = widths.heads * widths.head;
        for (i, part) in ["q_proj", "k_proj", "v_proj"].into_iter().enumerate() {
            let [mut weight, mut bias] = linear(&format!("{name}.self_attn.{part}"), inner, d);
            if variant == Variant::Authors {
                // Xavier's bound for the three as one [3D, D].
                weight = weight.initial(Initial::Uniform((6.0 / (4 * d) as f32).sqrt()));
                bias = bias.initial(Initial::Constant(0.0));
            }
            params.extend([weight, bias].map(|param| if i > 0 { param.joined() } else { param }));
        }
        let [weight, bias] = linear(&format!("{name}.self_attn.out_proj"), d, inner);
        let bias = if variant == Variant::Authors { bias.initial(Initial::Constant(0.0)) } else { bias };
        params.extend([weight, bias]);
        params.extend(linear(&format!("{name}.ff.0"), widths.ff, d));
        params.extend(linear(&format!("{name}.ff.3"), d, widths.ff));
    }
    for name in norm_names(model) {
        params.push(Param::new(format!("{name}.weight"), &[d], false, 0.0).initial(Initial::Constant(1.0)));
        params.push(Param::new(format!("{name}.bias"), &[d], false, 0.0));
    }
    let outputs = if options.by_channel() { sizes.horizon } else { sizes.horizon * sizes.targets };
    let inputs = if options.pool == Pool::Flatten { tokens * d } else { d };
    let [weight, bias] = linear("head.projection", outputs, inputs);
    let feature_major = options.feature_major();
    params.push(if feature_major { weight.turned(tokens) } else { weight });
    params.push(bias);
    let groups = if options.by_channel() { sizes.targets } else { 1 };
    head::add_params(model, sizes, (inputs, groups), HEAD, &mut params);
    if feature_major {
        // It reads the same tokens as the head.
        let turn = |param: Param| if param.name == head::SPREAD.0 { param.turned(tokens) } else { param };
        params = params.into_iter().map(turn).collect();
    }
    if options.revin_affine {
        params.push(Param::new(REVIN.0, &[sizes.targets], false, 0.0).initial(Initial::Constant(1.0)));
        params.push(Param::new(REVIN.1, &[sizes.targets], false, 0.0));
    }
    ParamLayout::new(params)
}

fn state(model: &ModelOptions) -> StateLayout {
    let mut state = StateLayout::default();
    if model.patchtst.norm == NormKind::Batch {
        for name in norm_names(model) {
            state.batch_norm(&name, model.patchtst.d_model);
        }
    }
    state
}

pub(super) fn build(model: &ModelOptions, training: &Training, sizes: Sizes, layout: ParamLayout) -> Result<Program> {
    let options = &model.patchtst;
    let patches = options.patches(sizes.lookback);
    let drops = training.dropout;
    let mut b = Builder::with_state(sizes.clone(), layout, state(model));
    b.max_words = options.max_words;
    let windows = layers::windows(&mut b);
    let affine =
        options.revin_affine.then(|| Affine { weight: b.param(REVIN.0).offset, bias: b.param(REVIN.1).offset });
    let (input, scale) = layers::instance_norm(&mut b, model.instance_norm, affine, windows.input);
    let path = linear_path::forward(&mut b, model, input);
    let rows = embedding::forward(&mut b, input);
    let (groups, width) = if options.by_channel() { (sizes.targets, 1) } else { (1, rows.value.width) };
    let sequences = sizes.batch * groups;
    let outputs = sizes.horizon * sizes.targets / groups;
    // There from the start: RevIN's own gradient, which is the last to be found, reads it.
    let order = if options.by_channel() { HeadOrder::Channel } else { HeadOrder::Step };
    let head = Head::new(&mut b, sequences, outputs, order, scale);
    let forecast = head.output;

    let mut x = layers::patch_gather(&mut b, "patches", rows, patches, groups, width);
    if let (Some(affine), Some(scale), Some(d_forecast)) = (affine, scale, forecast.grad) {
        let d_patches = b.tensor("d_patches", &[sequences, patches.count, patches.rows]);
        x.grad = Some(Rows::dense(d_patches, x.value.count, x.value.width));
        b.backward(Op::InstanceAffineBackward(InstanceAffineBackward {
            batch: sizes.batch,
            steps: sizes.lookback,
            channels: sizes.window_row(),
            targets: sizes.targets,
            horizon: sizes.horizon,
            patches,
            affine,
            input: windows.input,
            stats: scale.stats,
            d_patches,
            forecast: forecast.value.tensor,
            d_forecast: d_forecast.tensor,
        }));
    }
    let tokens = layers::dense(&mut b, "tokens", sequences * patches.count, options.d_model);
    let embedded = layers::before_dropout(&mut b, "embedded", drops, tokens);
    let at = (b.param(EMBEDDING.0).offset, b.param(EMBEDDING.1).offset);
    layers::linear_to(&mut b, at, x, embedded);
    layers::positions(&mut b, POSITIONS, options.positions != Positions::SinCos, drops, embedded, tokens);

    x = tokens;
    let mut scores = Scores::default();
    for layer in 0..model.layers {
        x = encoder_layer(&mut b, model, drops, (layer, patches.count), &mut scores, x);
    }
    if options.variant == Variant::Authors {
        x = layers::norm(&mut b, "norm", options.norm, &norm_name(options, FINAL_NORM), x);
    }
    x = match options.pool {
        Pool::Flatten => layers::flatten(patches.count, x),
        Pool::Mean => layers::mean_pool(&mut b, patches.count, x),
    };
    if drops && options.head_dropout > 0.0 {
        x = layers::dropout(&mut b, Chance::Head, "dropout:patchtst.head", x);
    }
    head::push(&mut b, Ending { names: HEAD, state: x, head, path, windows });
    b.optimizer(training.clip);
    b.finish()
}

/// Attention and a feed-forward block, each beside its input: `x + branch(x)`, with a norm after the sum or before the
/// branch.
fn encoder_layer(
    b: &mut Builder,
    model: &ModelOptions,
    drops: bool,
    (layer, tokens): (usize, usize),
    scores: &mut Scores,
    x: Signal,
) -> Signal {
    let options = &model.patchtst;
    let name = layer_name(layer);
    let norm = |b: &mut Builder, part: &str, x: Signal| {
        let label = format!("{layer}.{part}");
        layers::norm(b, &label, options.norm, &norm_name(options, &format!("{name}.{part}")), x)
    };
    let sublayer = |b: &mut Builder, part: &str, norm_part: &str, x: Signal, branch: &mut Branch| {
        let (pre, label) = (options.norm_position == NormPosition::Pre, format!("{layer}.{part}"));
        let sum = layers::beside(b, &label, drops, x, |b, x, end| {
            let inner = if pre { norm(b, norm_part, x) } else { x };
            branch(b, inner, end);
        });
        if pre { sum } else { norm(b, norm_part, sum) }
    };
    let x = sublayer(b, "attention", "norm_sublayer1", x, &mut |b, input, end| {
        let last = layer + 1 == model.layers;
        let residual = match options.variant {
            Variant::Official => ScoreUse::Residual { scores: &mut *scores, last },
            Variant::Hf | Variant::Authors => ScoreUse::Plain,
        };
        let heads = model.layer(layer).heads;
        layers::attention(b, &format!("{name}.self_attn"), (tokens, heads), residual, input, end);
    });
    sublayer(b, "ff", "norm_sublayer3", x, &mut |b, input, end| {
        let site = format!("dropout:patchtst.{layer}.activation");
        layers::feed_forward(b, &format!("{name}.ff"), options.ff_activation, &site, input, end);
    })
}

/// Pushes what lies between a branch's input and its end.
type Branch<'a> = dyn FnMut(&mut Builder, Signal, BranchEnd) + 'a;
