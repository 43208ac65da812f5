//! Pruning of whole units, against a second account of what a unit's weights are: by name, row and column.

use std::collections::BTreeSet;

use microglia::compare::Case;
use microglia::engine::Pass;
use microglia::models::ModelKind::{Gru, Lstm, Rnn};
use microglia::models::{LinearPath, PruneAmong, PruneRule, Variant};
use microglia::program::step::RANDOM_PRUNE;
use microglia::program::tensor::*;
use microglia::program::{List, Param, Program, ReplicaStep, rng};

use microglia::train::Loaded;

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};
use crate::gpu_support::on_each_engine;
use crate::scope::shares;

/// Words of a matrix by the unit of their row, and by that of their column.
type UnitOf = Box<dyn Fn(usize, usize) -> (Option<usize>, Option<usize>)>;

/// What the units of a program's weights are: of each matrix, by the model's own text. Units are numbered set by set.
fn account(case: &Case, param: &Param) -> UnitOf {
    let (model, name) = (&case.model, param.name.clone());
    let hidden = model.hidden;
    let part = |text: &str| name.ends_with(text);
    let layer_of = |before: &str| -> Option<usize> {
        let rest = &name[name.find(before)? + before.len()..];
        rest.split('.').next()?.parse().ok()
    };
    if let Some(layer) = layer_of("layers.") {
        let p = &model.patchtst;
        let (heads, ff, wide) = (p.heads, p.ff, p.d_model / p.heads);
        let first = layer * (heads + ff);
        return match () {
            () if part("out_proj.weight") => Box::new(move |_, c| (None, Some(first + c / wide))),
            () if part("_proj.weight") => Box::new(move |r, _| (Some(first + r / wide), None)),
            () if part("ff.0.weight") => Box::new(move |r, _| (Some(first + heads + r), None)),
            () if part("ff.3.weight") => Box::new(move |_, c| (None, Some(first + heads + c))),
            () => Box::new(|_, _| (None, None)),
        };
    }
    let last = (model.layers - 1) * hidden;
    let decoder = model.layers * hidden;
    match () {
        () if name.contains("weight_ih_l") || name.contains("weight_hh_l") => {
            let layer: usize = name[name.len() - 1..].parse().unwrap();
            let own = layer * hidden;
            let below = if name.contains("_hh_") { Some(own) } else { own.checked_sub(hidden) };
            Box::new(move |r, c| (Some(own + r % hidden), below.map(|below| below + c)))
        }
        () if part("head.weight") => Box::new(move |_, c| (None, Some(last + c))),
        () if part("decoder.context.weight") => Box::new(move |r, c| (Some(decoder + r), Some(last + c))),
        () if part("decoder.future.weight") => Box::new(move |r, _| (Some(decoder + r), None)),
        () if part("decoder.output.weight") => Box::new(move |_, c| (None, Some(decoder + c))),
        () => Box::new(|_, _| (None, None)),
    }
}

/// Sets as ranges of units.
fn sets(case: &Case) -> Vec<std::ops::Range<usize>> {
    let model = &case.model;
    let counts: Vec<usize> = match model.cell() {
        Some(_) => {
            let decoder = (case.sizes.future > 0).then_some(model.decoder_hidden);
            std::iter::repeat_n(model.hidden, model.layers).chain(decoder).collect()
        }
        None => (0..model.layers).flat_map(|_| [model.patchtst.heads, model.patchtst.ff]).collect(),
    };
    let mut first = 0;
    let ranges = counts.iter().map(|count| {
        first += count;
        first - count..first
    });
    ranges.collect()
}

/// Which units fall, by that account: `keys` are their places.
struct Expected {
    mask: Vec<u32>,
    fallen: BTreeSet<usize>,
}

fn expected(case: &Case, program: &Program, weights: &[f32], mask: &[u32], step: &ReplicaStep) -> Expected {
    let rule = &case.training.rule;
    let all = sets(case);
    let units = all.last().unwrap().end;
    // Feed-forward units are what tests exclude.
    let excluded = |set: usize| !rule.exclude.is_empty() && case.model.cell().is_none() && set % 2 == 1;
    let sets: Vec<_> = (0..all.len()).filter(|set| !excluded(*set)).map(|set| all[set].clone()).collect();
    let ranked = |unit: usize| sets.iter().any(|set| set.contains(&unit));
    let lives = |word: usize| mask[word / 32] >> (word % 32) & 1 == 1;
    let (mut sums, mut counts, mut worth) = (vec![0f64; units], vec![0usize; units], vec![0usize; units]);
    let mut words: Vec<Vec<usize>> = vec![Vec::new(); units];
    for param in program.params.params.iter().filter(|param| param.shape.len() == 2) {
        let unit_of = account(case, param);
        for (i, word) in param.range().enumerate() {
            let columns = param.shape[1];
            let (row, column) = unit_of(i / columns, i % columns);
            if !param.prunable {
                // What reads a unit falls with it, and counts for nothing.
                column.into_iter().for_each(|unit| words[unit].push(word));
                continue;
            }
            let [row, column] = [row, column].map(|unit| unit.filter(|unit| ranked(*unit)));
            let both = row.is_some() && column.is_some();
            for unit in row.into_iter().chain(column) {
                worth[unit] += if both { 1 } else { 2 };
                words[unit].push(word);
                if lives(word) {
                    sums[unit] += f64::from(weights[word]).powi(2);
                    counts[unit] += 1;
                }
            }
        }
    }
    // Units are numbered without those of sets that are not ranked.
    let number = |unit: usize| (0..unit).filter(|before| ranked(*before)).count() as u32;
    let key = |unit: usize| match (counts[unit], step.prune_random) {
        (0, _) => -1.0,
        (count, 0) => sums[unit] / count as f64,
        _ => f64::from(rng::draw(step.seed, RANDOM_PRUNE, 0, number(unit)) >> 1),
    };
    let mut order: Vec<usize> = (0..units).filter(|unit| ranked(*unit)).collect();
    order.sort_by(|a, b| key(*a).total_cmp(&key(*b)).then(a.cmp(b)));
    let most = |set: &std::ops::Range<usize>| {
        rule.cap.map_or(set.len(), |cap| (cap * set.len() as f64 + 1e-6) as usize).min(set.len() - 1)
    };
    let stays: BTreeSet<usize> = sets
        .iter()
        .flat_map(|set| order.iter().rev().filter(|unit| set.contains(unit)).take(set.len() - most(set)))
        .copied()
        .collect();
    let (mut fallen, mut after) = (BTreeSet::new(), mask.to_vec());
    let mut fell = |own: &dyn Fn(usize) -> bool, mut left: usize| {
        for unit in order.iter().copied().filter(|unit| own(*unit) && !stays.contains(unit)) {
            if worth[unit] > left {
                break;
            }
            left -= worth[unit];
            fallen.insert(unit);
            words[unit].iter().for_each(|word| after[word / 32] &= !(1 << (word % 32)));
        }
    };
    if step.active == 1 && step.prune_count > 0 {
        let count = step.prune_count as usize;
        if rule.among == PruneAmong::Global {
            fell(&|_| true, count);
        } else {
            let of_set = |(i, set): (usize, &std::ops::Range<usize>)| {
                (format!("{i:3}"), set.len() * worth[set.start], most(set) * worth[set.start])
            };
            let groups: Vec<_> = sets.iter().enumerate().map(of_set).collect();
            let count = count.min(groups.iter().map(|(_, _, most)| most).sum());
            for (set, share) in sets.iter().zip(shares(count, &groups).values()) {
                fell(&|unit| set.contains(&unit), *share);
            }
        }
    }
    Expected { mask: after, fallen }
}

/// Prunes each replica by its step from its weights, twice, the second time by twice as much: what fell stays fallen.
fn check(case: &Case, weights: &dyn Fn(usize) -> f32, steps: &[ReplicaStep]) {
    let case = Case {
        sizes: microglia::program::builder::Sizes { replicas: steps.len(), slots: 2, ..case.sizes.clone() },
        ..case.clone()
    };
    let program = case.program().unwrap();
    on_each_engine(|open| {
        let mut engine = open(program.clone());
        let layout = &program.params;
        let row: Vec<f32> = (0..layout.words).map(weights).collect();
        let full = layout.full_mask();
        for (r, step) in steps.iter().enumerate() {
            engine.write_f32(PARAMS, r, &row).unwrap();
            engine.write_u32(MASK, r, &full).unwrap();
            let more = ReplicaStep { prune_count: step.prune_count.saturating_mul(2), ..*step };
            engine.write_u32(STEPS, r, bytemuck::cast_slice(&[*step, more])).unwrap();
            if let Some(id) = program.prune_counts() {
                let counts = [step, &more].map(|step| layout.shares(step.prune_count as usize).unwrap());
                let counts: Vec<u32> = counts.concat().into_iter().map(|count| count as u32).collect();
                engine.write_u32(id, r, &counts).unwrap();
            }
        }
        let mut masks = vec![full.clone(); steps.len()];
        let mut fallen = vec![BTreeSet::new(); steps.len()];
        for slot in 0..2 {
            engine.run(&[Pass { list: List::Prune, slot }]).unwrap();
            for (r, step) in steps.iter().enumerate() {
                let step = ReplicaStep { prune_count: step.prune_count.saturating_mul(1 + slot as u32), ..*step };
                let after = expected(&case, &program, &row, &masks[r], &step);
                let found = engine.read_u32(MASK, r).unwrap();
                let wrong = (0..found.len()).find(|i| found[*i] != after.mask[*i]);
                assert_eq!(wrong, None, "{case} replica {r}, pass {slot}, k {}: {:?}", step.prune_count, after.fallen);
                assert!(fallen[r].is_subset(&after.fallen), "{case} replica {r}");
                (masks[r], fallen[r]) = (after.mask, after.fallen);
            }
        }
    });
}

fn step(prune_count: u32) -> ReplicaStep {
    ReplicaStep { step: 1, active: 1, prune_count, ..ReplicaStep::idle(5) }
}

fn cases() -> Vec<Case> {
    vec![
        Case::new(Lstm, 1, 3, 4, 9).units(),
        Case::new(Rnn, 1, 3, 4, 40).layers(3).units(),
        Case::new(Gru, 1, 3, 4, 7).layers(2).future(1, 5).units(),
        Case::new(Lstm, 1, 3, 4, 300).units(),
        Case::new(Lstm, 1, 3, 4, 9).layers(2).path(LinearPath::Ridge).units(),
        Case::patchtst(Variant::Authors, 1, 3, 9).units(),
        Case::patchtst(Variant::Official, 1, 3, 9).set(|p| (p.d_model, p.heads, p.ff) = (64, 8, 128)).units(),
    ]
}

#[test]
fn whole_units_fall_in_order() {
    for case in cases() {
        let layout = case.program().unwrap().params;
        let budget = layout.budget() as u32;
        let random = ReplicaStep { prune_random: 1, ..step(budget / 3) };
        let resting = ReplicaStep { active: 0, ..step(budget / 2) };
        let shares = [0, 1, budget / 10, budget / 3, budget / 2, budget, u32::MAX / 2].map(step);
        let steps = [&shares[..], &[random, resting]].concat();
        check(&case, &|word| rng::normal(1, 7, 0, word as u32), &steps);
    }
}

/// Each set by itself, no more of one than a cap allows, and none with weights in a tensor that is excluded.
#[test]
fn units_fall_within_their_scope() {
    for among in [PruneAmong::Global, PruneAmong::Layer] {
        for (cap, exclude) in [(Some(0.6), vec![]), (None, vec!["*.ff.3.weight".to_string()])] {
            for case in cases() {
                let exclude = if case.model.cell().is_none() { exclude.clone() } else { Vec::new() };
                let case = case.rule(PruneRule { among, cap, exclude, ..PruneRule::default() });
                let budget = case.program().unwrap().params.budget() as u32;
                let shares = [0, 1, budget / 10, budget / 3, budget / 2].map(step);
                let random = ReplicaStep { prune_random: 1, ..step(budget / 3) };
                check(&case, &|word| rng::normal(1, 7, 0, word as u32), &[&shares[..], &[random]].concat());
                check(&case, &|_| 0.5, &shares);
            }
        }
    }
}

/// Ties fall by index, and a weight of 0 is no reason to stay.
#[test]
fn equal_units_fall_by_index() {
    for case in cases() {
        let budget = case.program().unwrap().params.budget() as u32;
        let steps = [3, budget / 4, budget / 2, budget].map(step);
        check(&case, &|_| 0.5, &steps);
        check(&case, &|_| 0.0, &steps);
        check(&case, &|word| if word % 2 == 0 { 0.25 } else { -0.25 }, &steps);
    }
}

/// A share of the budget takes that share of equal units, but for less than one.
#[test]
fn a_budget_is_in_units() {
    let layout = Case::new(Lstm, 1, 3, 4, 20).units().program().unwrap().params;
    let [set] = &layout.units[..] else { panic!("one layer is one set") };
    assert_eq!((set.count, layout.budget()), (20, 20 * set.worth));
    // Each weight is worth two halves: 4 · 20 rows of 3 channels and 20 units, 2 · 2 outputs of 20.
    assert_eq!(layout.budget(), 2 * (80 * 3 + 80 * 20 + 4 * 20));
    let mut mask = layout.full_mask();
    assert_eq!(layout.taken(&mask), 0);
    for word in set.of(3).chain(set.of(17)) {
        mask[word / 32] &= !(1 << (word % 32));
    }
    assert_eq!(layout.taken(&mask), 2 * set.worth);
}

#[test]
fn a_linear_model_has_no_units() {
    let error = Case::new(microglia::models::ModelKind::Nlinear, 1, 3, 4, 0).units().program().unwrap_err().to_string();
    assert!(error.contains("prune-unit") && error.contains("nlinear"), "{error}");
}

/// Trained, interrupted, resumed, beside others, and compacted: units that fell are gone from the file, and forecasts stay.
#[test]
fn a_run_that_prunes_units_goes_on_as_any_other_and_shrinks() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    std::fs::copy(crate::golden::path("tiny.csv"), folder.join("tiny.csv")).unwrap();
    let options = [
        "train",
        "--data",
        "tiny.csv",
        "--target",
        "y",
        "--device",
        "cpu",
        "--lookback",
        "7",
        "--horizon",
        "2",
        "--hidden",
        "20",
        "--layers",
        "2",
        "--linear-path=none",
        "--select",
        "last",
        "--prune-unit",
        "unit",
        "--epochs",
        "6",
        "--patience",
        "0",
        "--batch",
        "8",
    ];
    let ok = |words: &[&str]| {
        let output = microglia(folder, words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
        stderr(&output) + &stdout(&output)
    };
    let train = |more: &[&str]| ok(&[&options[..], more].concat());
    let told = train(&["--out", "run"]);
    assert!(told.contains("units living, 70.00 % to fall: lstm.0 "), "{told}");
    let whole = summary(&folder.join("run"));
    let units = whole["sparsity"]["units"].as_array().unwrap().clone();
    let living: Vec<u64> = units.iter().map(|set| set["living"].as_u64().unwrap()).collect();
    // 70 % of what all 40 units hold; those of the second layer hold more than those of the first.
    assert!(living.iter().sum::<u64>().abs_diff(12) <= 2 && living.iter().all(|units| *units > 0), "{living:?}");
    train(&["--out", "part", "--max-steps", "9"]);
    ok(&["train", "--resume", "part", "--max-steps", "30"]);
    assert_eq!(summary(&folder.join("part"))["weights_sha256"], whole["weights_sha256"]);
    train(&["--out", "two", "--replicas", "2"]);
    assert_eq!(summary(&folder.join("two/replica-0"))["weights_sha256"], whole["weights_sha256"]);
    ok(&["export", "run", "--form", "compact", "--out", "small.safetensors"]);
    let small = Loaded::open(&folder.join("small.safetensors")).unwrap();
    let widths = [0, 1].map(|layer| small.model.layer(layer).hidden as u64);
    assert_eq!(widths.to_vec(), living);
    let forecast = |checkpoint: &str| -> Vec<f64> {
        let output =
            microglia(folder, &["forecast", "--checkpoint", checkpoint, "--levels", "none", "--data", "tiny.csv"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output).lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
    };
    let (own, other) = (forecast("run"), forecast("small.safetensors"));
    assert!(own.len() == 2 && own.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-4), "{own:?} {other:?}");
    // One unit of each set always stays.
    let all = train(&["--out", "all", "--sparsity", "0.5..0.999"]);
    assert!(all.contains("lstm.0 1 of 20, lstm.1 1 of 20"), "{all}");
    let linear = microglia(
        folder,
        &["train", "--data", "tiny.csv", "--target", "y", "--model", "nlinear", "--prune-unit", "unit"],
    );
    rejected(folder, &linear, &["--prune-unit", "nlinear has no units"]);
}
