//! The exact k smallest living weights, against a sort, on each engine.

use microglia::engine::{Engine, Pass};
use microglia::kernels::lower::FEW_WORDS;
use microglia::program::builder::Sizes;
use microglia::program::step::RANDOM_PRUNE;
use microglia::program::tensor::*;
use microglia::program::{Builder, List, Param, ParamLayout, Program, ReplicaStep, rng};

use crate::gpu_support::on_each_engine;

/// A program that only prunes and updates one weight of `words` words.
fn pruner(words: usize, replicas: usize) -> Program {
    let layout = ParamLayout::new(vec![Param::new("w", &[words], true, 1.0)]);
    let sizes = Sizes {
        replicas,
        batch: 1,
        slots: 1,
        prediction_slots: 1,
        rows: 1,
        channels: 1,
        targets: 1,
        future: 0,
        horizon: 1,
        lookback: 1,
        ..Sizes::default()
    };
    let mut builder = Builder::new(sizes, layout);
    builder.optimizer(false);
    builder.finish().unwrap()
}

/// The order in which a replica's weights fall.
#[derive(Clone, Copy)]
enum Order {
    Magnitude,
    Random,
}

const SEED: u32 = 3;

impl Order {
    fn key(self, weight: f32, i: usize) -> u32 {
        match self {
            Order::Magnitude => weight.to_bits() & 0x7FFF_FFFF,
            Order::Random => rng::draw(SEED, RANDOM_PRUNE, 0, i as u32),
        }
    }
}

/// The mask after the k living weights of the smallest keys, ties by lowest index, are taken away.
fn by_sort(order: Order, weights: &[f32], mask: &[u32], k: usize) -> Vec<u32> {
    let living = |i: usize| mask[i / 32] >> (i % 32) & 1 == 1;
    let mut keys: Vec<u64> = (0..weights.len())
        .filter(|&i| living(i))
        .map(|i| u64::from(order.key(weights[i], i)) << 32 | i as u64)
        .collect();
    let mut left = mask.to_vec();
    if k > 0 {
        keys.select_nth_unstable(k - 1);
        for key in &keys[..k] {
            let i = *key as u32;
            left[i as usize / 32] &= !(1 << (i % 32));
        }
    }
    left
}

/// Prunes `ks[r]` of replica r's weights and updates with zero gradients: what is pruned becomes 0, the rest stays.
fn check(
    open: &dyn Fn(Program) -> Box<dyn Engine>,
    what: &str,
    order: Order,
    weights: &[Vec<f32>],
    masks: &[Vec<u32>],
    ks: &[usize],
) {
    let mut engine = open(pruner(weights[0].len(), weights.len()));
    for (r, ((row, mask), k)) in weights.iter().zip(masks).zip(ks).enumerate() {
        let mut padded = row.clone();
        padded.resize(engine.program().params.words, 0.0);
        engine.write_f32(PARAMS, r, &padded).unwrap();
        engine.write_u32(MASK, r, mask).unwrap();
        let prune_random = matches!(order, Order::Random) as u32;
        let idle = ReplicaStep::idle(SEED);
        let step = ReplicaStep { step: 1, active: 1, prune_count: *k as u32, prune_random, ..idle };
        engine.write_u32(STEPS, r, bytemuck::cast_slice(&[step])).unwrap();
    }
    engine.run(&[List::Prune, List::Update].map(|list| Pass { list, slot: 0 })).unwrap();
    for (r, ((row, mask), &k)) in weights.iter().zip(masks).zip(ks).enumerate() {
        let expected = by_sort(order, row, mask, k);
        let found = engine.read_u32(MASK, r).unwrap();
        let differing = (0..found.len()).find(|&i| found[i] != expected[i]);
        assert_eq!(differing, None, "{what}, k {k}, replica {r}: first differing word of the mask");
        let after = engine.read_f32(PARAMS, r).unwrap();
        let wrong = (0..row.len()).find(|&i| {
            let living = expected[i / 32] >> (i % 32) & 1 == 1;
            // Denormals may be flushed by the update.
            if living { (after[i] - row[i]).abs() > f32::MIN_POSITIVE } else { after[i].to_bits() != 0 }
        });
        assert_eq!(wrong, None, "{what}, k {k}, replica {r}: weight after the update");
    }
}

/// A cheap sequence of well-mixed words.
fn words(seed: u64) -> impl Iterator<Item = u32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    })
}

fn uniform(seed: u64, count: usize) -> Vec<f32> {
    words(seed).take(count).map(|word| word as f32 / 2_147_483_648.0 - 1.0).collect()
}

fn full(count: usize) -> Vec<u32> {
    ParamLayout::new(vec![Param::new("w", &[count], true, 1.0)]).full_mask()
}

fn weights_of_kinds(count: usize) -> Vec<(&'static str, Vec<f32>)> {
    let pick =
        |values: &'static [f32], seed| words(seed).take(count).map(|w| values[w as usize % values.len()]).collect();
    vec![
        ("uniform", uniform(1, count)),
        ("ties", pick(&[0.5, -0.5, 0.25, 1.0], 2)),
        ("zeros of both signs", pick(&[0.0, -0.0, 1e-3], 3)),
        ("denormals", pick(&[1e-45, -3e-45, 1e-40, 0.0, 1.2e-38, 2.0], 4)),
        ("all equal", vec![-0.125; count]),
        ("any bits but NaN", words(5).map(f32::from_bits).filter(|w| !w.is_nan()).take(count).collect()),
    ]
}

#[test]
fn exact_against_a_sort() {
    on_each_engine(|open| {
        for count in [1, 5, 64, 1000, 8192 * 2 + 77] {
            for (what, weights) in weights_of_kinds(count) {
                for k in [0, 1, count / 3, count - 1] {
                    check(
                        open,
                        what,
                        Order::Magnitude,
                        std::slice::from_ref(&weights),
                        &[full(count)],
                        &[k.min(count - 1)],
                    );
                }
            }
        }
    });
}

/// The most weights that one workgroup takes on, and more: the same bits either way.
#[test]
fn few_and_many_fall_alike() {
    on_each_engine(|open| {
        for count in [FEW_WORDS, FEW_WORDS + 1, FEW_WORDS + 8192 + 77] {
            for (what, weights) in weights_of_kinds(count) {
                let ks = [0, 1, count / 3, count - 1];
                check(open, what, Order::Magnitude, &ks.map(|_| weights.clone()), &ks.map(|_| full(count)), &ks);
            }
        }
    });
}

#[test]
fn several_replicas_with_some_weights_gone() {
    for count in [20_000, FEW_WORDS + 4321] {
        let weights = [uniform(1, count), weights_of_kinds(count).remove(1).1, vec![0.5; count]];
        let masks: Vec<Vec<u32>> =
            (0..3).map(|r| full(count).iter().zip(words(r + 9)).map(|(m, w)| m & w).collect()).collect();
        for ks in [[1, 1, 1], [4321, 0, 9000], [9000, 4321, 1]] {
            on_each_engine(|open| {
                check(open, "half gone", Order::Magnitude, &weights, &masks, &ks);
                check(open, "half gone at random", Order::Random, &weights, &masks, &ks);
            });
        }
    }
}

/// More workgroups than one dimension holds, and sums of more than a thousand blocks' ties.
#[test]
fn sixteen_million() {
    let count = 16_000_000;
    let mut weights = uniform(1, count);
    // Ties all over, and the cut among them.
    for weight in weights.iter_mut().step_by(3) {
        *weight = 0.25;
    }
    let below = weights.iter().filter(|w| w.abs() < 0.25).count();
    on_each_engine(|open| {
        check(open, "sixteen million", Order::Magnitude, &[weights.clone()], &[full(count)], &[below + 2_000_001])
    });
}
