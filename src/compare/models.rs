//! The models that people train, at full size, for benches and for checks of shader compilers.

use super::{Case, standard_cases};
use crate::models::ModelKind::{self, Gru, Lstm, Rnn};
use crate::models::{LinearPath, NormKind, PruneAmong, PruneRule, PruneScore, Regrow, Variant};
use crate::program::op::{Distribution, InstanceNorm, Link, MAX_HEAD_WIDTH, Objective};

fn recurrent(kind: ModelKind, replicas: usize, batch: usize, lookback: usize, hidden: usize) -> Case {
    let mut case = Case::new(kind, replicas, batch, lookback, hidden).prune(100);
    (case.sizes.channels, case.sizes.targets, case.sizes.horizon) = (8, 1, 1);
    case
}

fn transformer(variant: Variant, replicas: usize, [d_model, heads, ff]: [usize; 3]) -> Case {
    let mut case = Case::patchtst(variant, replicas, 32, 336).prune(100);
    (case.model.layers, case.sizes.channels, case.sizes.targets, case.sizes.horizon) = (3, 7, 7, 96);
    case.set(|p| {
        (p.patch, p.stride, p.d_model, p.heads, p.ff) = (Some(16), Some(8), d_model, heads, ff);
    })
}

/// Models by name, each at a size that others have timed.
pub fn timed_models(replicas: usize) -> Vec<(&'static str, Case)> {
    let mut authors = Case::patchtst(Variant::Authors, replicas, 64, 60).prune(100);
    (authors.model.layers, authors.sizes.channels, authors.sizes.targets, authors.sizes.horizon) = (3, 8, 1, 1);
    let authors = authors.set(|p| {
        (p.patch, p.stride, p.d_model, p.heads, p.ff) = (Some(4), Some(4), 128, 8, 256);
    });
    let mut models = vec![
        ("rnn-64", recurrent(Rnn, replicas, 64, 30, 64)),
        ("lstm-64", recurrent(Lstm, replicas, 64, 30, 64)),
        ("lstm-256", recurrent(Lstm, replicas, 128, 96, 256)),
        ("patchtst-authors", authors),
        ("patchtst-official", transformer(Variant::Official, replicas, [128, 16, 256])),
        ("patchtst-etth1", transformer(Variant::Official, replicas, [16, 4, 128])),
    ];
    for (_, case) in &mut models {
        // Rows enough for windows to differ.
        case.sizes.rows = case.sizes.lookback + case.sizes.horizon + 500;
    }
    models
}

/// Those, wider and narrower ones, and all of them with everything that adds to a step. Together they need every
/// kernel that real GPUs run.
pub fn full_size_models() -> Vec<Case> {
    let mut cases: Vec<Case> = timed_models(1).into_iter().map(|(_, case)| case).collect();
    // Batches that leave a card partly idle, and batches that do not.
    for (kind, hidden) in each_width(&[32, 64, 128, 256, 512]) {
        cases.extend([8, 128, 4096].map(|batch| recurrent(kind, 1, batch, 96, hidden).layers(2)));
    }
    // Rows of weights whose length is not a multiple of four.
    cases.extend(each_width(&[65]).map(|(kind, hidden)| recurrent(kind, 1, 128, 96, hidden).layers(2)));
    // Heads of 16, 32 and 64; those of the models above are 4, 8 and 16 wide.
    cases.extend([8, 4, 2].map(|heads| transformer(Variant::Official, 1, [128, heads, 256])));
    cases.push(transformer(Variant::Authors, 1, [128, 2, 256]));
    cases.push(transformer(Variant::Hf, 1, [128, 8, 256]));
    cases.push(transformer(Variant::Hf, 1, [128, 8, 256]).set(|p| p.norm = NormKind::Layer));
    let mut linear = Case::new(ModelKind::Dlinear, 1, 32, 336, 0).prune(100);
    (linear.sizes.channels, linear.sizes.targets, linear.sizes.horizon) = (7, 7, 96);
    cases.push(linear);
    // A linear map beside the network.
    let path = |case: Case| case.path(LinearPath::Train).norm(InstanceNorm::MeanStd);
    let beside = [path(recurrent(Lstm, 1, 64, 96, 64)), path(transformer(Variant::Official, 1, [128, 16, 256]))];
    // Several targets, whose forecasts beside a path are turned.
    let mut decoder = path(recurrent(Lstm, 1, 64, 96, 64)).future(5, 64);
    (decoder.sizes.targets, decoder.sizes.horizon) = (2, 24);
    let adorned: Vec<Case> = cases.iter().cloned().map(adorned).collect();
    cases.extend(adorned);
    cases.extend(beside);
    cases.push(decoder);
    cases.push(recurrent(Lstm, 1, 64, 96, 64).categories(&[10, 1_000], None).norm(InstanceNorm::MeanStd));
    cases.push(transformer(Variant::Authors, 1, [128, 2, 256]).categories(&[10, 1_000], None));
    cases.push(recurrent(Lstm, 1, 64, 96, 64).units());
    let rule = PruneRule { among: PruneAmong::Layer, cap: Some(0.9), ..PruneRule::default() };
    cases.push(recurrent(Lstm, 1, 64, 96, 256).rule(rule));
    for score in [PruneScore::Lamp, PruneScore::Movement] {
        let rule = PruneRule { score, regrow: Regrow::Gradient, ..PruneRule::default() };
        cases.push(recurrent(Lstm, 1, 64, 96, 64).rule(rule));
    }
    cases.extend(outputs());
    cases
}

/// Forecasts of every kind, within bounds of every kind and without.
fn outputs() -> Vec<Case> {
    let case = || {
        let mut case = recurrent(Lstm, 1, 64, 96, 64).norm(InstanceNorm::MeanStd);
        (case.sizes.horizon, case.sizes.series) = (24, 30);
        case
    };
    let links = Link::ALL.iter().map(|link| Some(*link)).chain([None]);
    let deciles = || Objective::Quantiles((1..10u8).map(|i| f32::from(i) / 10.0).collect());
    let mut cases = Vec::new();
    for link in links {
        let linked = |case: Case| link.map_or(case.clone(), |link| case.link(link));
        cases.extend([linked(case()), linked(case().objective(deciles()))]);
    }
    cases.extend(Distribution::ALL.iter().map(|distribution| {
        let case = case().objective(Objective::Distribution(*distribution));
        if distribution.is_of_counts() { case.link(Link::Above) } else { case }
    }));
    cases
}

/// Those and small ones, of sizes that fit workgroups and sizes that do not, with heads of no even width and of the largest:
/// between them they need every kernel, and every kind of pipeline of it.
pub fn every_model() -> Vec<Case> {
    let heads = [1, 33, MAX_HEAD_WIDTH]
        .into_iter()
        .map(|width| Case::patchtst(Variant::Official, 1, 3, 9).set(|p| (p.d_model, p.heads) = (width, 1)));
    let recurrent = each_width(&[1, 33, 65, 129, 257]);
    let recurrent = recurrent.flat_map(|(kind, hidden)| [3, 5000].map(|batch| Case::new(kind, 1, batch, 3, hidden)));
    standard_cases().into_iter().chain(full_size_models()).chain(heads).chain(recurrent).collect()
}

fn each_width(hidden: &[usize]) -> impl Iterator<Item = (ModelKind, usize)> {
    hidden.iter().flat_map(|&hidden| [Rnn, Lstm, Gru].map(|kind| (kind, hidden)))
}

fn adorned(case: Case) -> Case {
    let case = case.dropout(0.2).clip(1.0);
    match case.model.kind {
        Rnn | Lstm | Gru => case.norm(InstanceNorm::MeanStd),
        ModelKind::Nlinear | ModelKind::Dlinear | ModelKind::Ridge => case,
        ModelKind::Patchtst => case.set(|p| {
            (p.attention_dropout, p.head_dropout) = (0.2, 0.1);
            p.revin_affine = p.variant == Variant::Official;
        }),
    }
}
