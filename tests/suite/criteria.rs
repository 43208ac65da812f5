//! By what weights and units are ranked, and how weights grow again: against second accounts in f64.

use std::collections::BTreeMap;

use microglia::compare::Case;
use microglia::engine::{Engine, Pass};
use microglia::models::ModelKind::{Gru, Lstm};
use microglia::models::{PruneAmong, PruneRule, PruneScore, Regrow, Variant};
use microglia::program::builder::Sizes;
use microglia::program::op::Op;
use microglia::program::tensor::*;
use microglia::program::{List, Program, ReplicaStep, TensorId, rng};

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};
use crate::gpu_support::on_each_engine;
use crate::scope::{OPTIONS, STEP, group, place};

fn normal(site: u32, words: usize) -> Vec<f32> {
    (0..words).map(|word| rng::normal(3, site, 0, word as u32)).collect()
}

/// Every third weight of a mask has fallen.
fn thinned(mask: &[u32]) -> Vec<u32> {
    mask.iter().enumerate().map(|(m, bits)| bits & !(0x4924_9249u32.rotate_left(m as u32))).collect()
}

fn lives(mask: &[u32], word: usize) -> bool {
    mask[word / 32] >> (word % 32) & 1 == 1
}

/// Runs one op of a list.
fn run_op(engine: &mut dyn Engine, list: List, label: &str) {
    let index = engine.program().list(list).iter().position(|op| op.label() == label).expect(label);
    engine.run_op(list, index, 0).unwrap();
}

fn rule(score: PruneScore, regrow: Regrow) -> PruneRule {
    PruneRule { score, regrow, ..PruneRule::default() }
}

/// Tensors of one word to a run of several for each invocation, with ties, zeros and words that have fallen.
#[test]
fn lamp_is_a_weight_beside_those_that_are_not_smaller() {
    let cases = [Case::new(Lstm, 2, 3, 4, 1), Case::new(Gru, 2, 3, 4, 70), Case::patchtst(Variant::Official, 2, 3, 9)];
    for case in cases {
        let program = case.rule(rule(PruneScore::Lamp, Regrow::None)).program().unwrap();
        let layout = &program.params;
        let Some(Op::LampScore(op)) = program.prune.first() else { panic!("no lamp_score") };
        let id = op.score;
        let kinds: [&dyn Fn(usize) -> f32; 4] =
            [&|word| rng::normal(3, 1, 0, word as u32), &|word| [0.5, -0.5, 0.25][word % 3], &|_| 0.0, &|word| {
                [1e-30, 2.0, -1e-20, 0.0][word % 4]
            }];
        on_each_engine(|open| {
            let mut engine = open(program.clone());
            for weights in kinds {
                let row: Vec<f32> = (0..layout.words).map(weights).collect();
                let masks = [layout.full_mask(), thinned(&layout.full_mask())];
                for (r, mask) in masks.iter().enumerate() {
                    engine.write_f32(PARAMS, r, &row).unwrap();
                    engine.write_u32(MASK, r, mask).unwrap();
                }
                run_op(&mut *engine, List::Prune, "lamp_score");
                for (r, mask) in masks.iter().enumerate() {
                    let found = engine.read_f32(id, r).unwrap();
                    for param in layout.params.iter().filter(|param| param.prunable) {
                        let size = |word: usize| if lives(mask, word) { row[word].abs() } else { 0.0 };
                        let mut words: Vec<usize> = param.range().collect();
                        words.sort_by(|a, b| size(*b).total_cmp(&size(*a)).then(b.cmp(a)));
                        let mut larger = 0.0;
                        for word in words {
                            // As a word of 32 bits has it.
                            let square = f64::from(size(word) * size(word));
                            larger += square;
                            let expected = if square > 0.0 { square / larger } else { 0.0 };
                            let error = (f64::from(found[word]) - expected).abs();
                            assert!(error <= 1e-5, "{} {word}: {}, not {expected}", param.name, found[word]);
                        }
                    }
                }
            }
        });
    }
}

#[test]
fn scores_add_up_over_steps() {
    for score in [PruneScore::Gradient, PruneScore::Movement] {
        let program = Case::new(Lstm, 2, 3, 4, 9).rule(rule(score, Regrow::None)).program().unwrap();
        let (words, prunable) = (program.params.words, program.params.prunable_words);
        assert_eq!(program.tensor(SCORE).words(), prunable);
        let mask = thinned(&program.params.full_mask());
        on_each_engine(|open| {
            let mut engine = open(program.clone());
            let mut expected = vec![0f64; prunable];
            for step in 0..5 {
                let (weights, grads) = (normal(1 + 2 * step, words), normal(2 + 2 * step, words));
                for r in 0..2 {
                    engine.write_f32(PARAMS, r, &weights).unwrap();
                    engine.write_f32(GRADS, r, &grads).unwrap();
                    engine.write_u32(MASK, r, &mask).unwrap();
                    let step = ReplicaStep { active: 1 - r as u32, ..STEP };
                    engine.write_u32(STEPS, r, bytemuck::cast_slice(&[step; 4])).unwrap();
                }
                run_op(&mut *engine, List::Backward, "score_update");
                for (word, sum) in expected.iter_mut().enumerate() {
                    let change = f64::from(weights[word]) * f64::from(grads[word]);
                    *sum = match score {
                        _ if !lives(&mask, word) => 0.0,
                        PruneScore::Movement => *sum - change,
                        _ => 0.99 * *sum + 0.01 * change.abs(),
                    };
                }
            }
            let found = engine.read_f32(SCORE, 0).unwrap();
            let wrong = (0..prunable).find(|word| (f64::from(found[*word]) - expected[*word]).abs() > 1e-5);
            assert_eq!(wrong, None, "{score}");
            assert!(engine.read_f32(SCORE, 1).unwrap().iter().all(|word| *word == 0.0), "a resting replica");
        });
    }
}

/// The smallest scores fall, also those below 0, and −0 is 0; the largest gradients grow, of words that were dead before. Then as many are
/// pruned as before and after say, in each group.
#[test]
fn the_smallest_scores_fall_and_the_largest_gradients_grow() {
    for among in [PruneAmong::Global, PruneAmong::Layer] {
        let case = Case::new(Lstm, 2, 3, 4, 33).layers(2);
        let case = Case { sizes: Sizes { slots: 1, ..case.sizes.clone() }, ..case };
        let rule = PruneRule { among, ..rule(PruneScore::Movement, Regrow::Gradient) };
        let program = case.rule(rule).program().unwrap();
        let layout = &program.params;
        let scope = layout.scope.as_ref().unwrap();
        let before = thinned(&layout.full_mask());
        let scores: Vec<f32> = (0..layout.prunable_words)
            .map(|word| [0.0, -0.0, rng::normal(3, 1, 0, word as u32), -1.5, 1e-40][word % 5])
            .collect();
        let grads: Vec<f32> = normal(2, layout.words).into_iter().map(|one| (one * 4.0).round() / 4.0).collect();
        on_each_engine(|open| {
            let mut engine = open(program.clone());
            let (fall, grow): (Vec<usize>, Vec<usize>) =
                scope.groups.iter().map(|group| (group.size() / 3, group.size() / 7)).unzip();
            for r in 0..2 {
                engine.write_u32(MASK, r, &before).unwrap();
                engine.write_f32(SCORE, r, &scores).unwrap();
                engine.write_f32(GRADS, r, &grads).unwrap();
                let all = fall.iter().sum::<usize>() as u32;
                // The second replica's step does not prune.
                let step = ReplicaStep { prune_count: if r == 0 { all } else { 0 }, ..STEP };
                engine.write_u32(STEPS, r, bytemuck::cast_slice(&[step])).unwrap();
                let counts = [(program.prune_counts(), &fall), (program.regrow_counts(), &grow)];
                for (id, counts) in counts {
                    let counts: Vec<u32> = counts.iter().map(|count| *count as u32).collect();
                    if let Some(id) = id {
                        engine.write_u32(id, r, &counts).unwrap();
                    }
                }
            }
            assert_eq!(program.prune_counts().is_some(), among == PruneAmong::Layer);
            engine.run(&[Pass { list: List::Prune, slot: 0 }]).unwrap();
            let mut expected = before.clone();
            let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for param in layout.params.iter().filter(|param| param.prunable) {
                groups.entry(group(among, &param.name)).or_default().extend(param.range());
            }
            assert_eq!(groups.len(), scope.groups.len());
            for words in groups.values() {
                let (mut living, mut dead): (Vec<usize>, Vec<usize>) =
                    words.iter().partition(|word| lives(&before, **word));
                living.sort_by(|a, b| scores[*a].partial_cmp(&scores[*b]).unwrap().then(a.cmp(b)));
                dead.sort_by(|a, b| grads[*b].abs().total_cmp(&grads[*a].abs()).then(a.cmp(b)));
                living[..words.len() / 3].iter().for_each(|word| expected[word / 32] &= !(1 << (word % 32)));
                dead[..words.len() / 7].iter().for_each(|word| expected[word / 32] |= 1 << (word % 32));
            }
            let found = engine.read_u32(MASK, 0).unwrap();
            let wrong = (0..found.len()).find(|i| found[*i] != expected[*i]);
            assert_eq!(wrong, None, "{among}");
            assert_eq!(engine.read_u32(MASK, 1).unwrap(), before);
        });
    }
}

/// Units fall by the means of their living weights' scores.
#[test]
fn units_fall_by_their_scores() {
    let case = Case::new(Lstm, 1, 3, 4, 20).units().rule(rule(PruneScore::Movement, Regrow::None));
    let case = Case { sizes: Sizes { slots: 1, ..case.sizes.clone() }, ..case };
    let program = case.program().unwrap();
    let layout = &program.params;
    let [set] = &layout.units[..] else { panic!("one layer is one set") };
    let scores = normal(1, layout.prunable_words);
    // One unit has fallen, and of each other a third of its weights.
    let mut mask = thinned(&layout.full_mask());
    set.of(7).for_each(|word| mask[word / 32] &= !(1 << (word % 32)));
    let mean = |unit: usize| {
        let living: Vec<f64> =
            set.of(unit).filter(|word| lives(&mask, *word)).map(|word| f64::from(scores[word])).collect();
        living.iter().sum::<f64>() / living.len() as f64
    };
    let mut order: Vec<usize> = (0..20).filter(|unit| *unit != 7).collect();
    order.sort_by(|a, b| mean(*a).total_cmp(&mean(*b)));
    on_each_engine(|open: &dyn Fn(Program) -> Box<dyn Engine>| {
        let mut engine = open(program.clone());
        engine.write_u32(MASK, 0, &mask).unwrap();
        engine.write_f32(SCORE, 0, &scores).unwrap();
        let step = ReplicaStep { prune_count: 6 * set.worth as u32, ..STEP };
        engine.write_u32(STEPS, 0, bytemuck::cast_slice(&[step])).unwrap();
        engine.run(&[Pass { list: List::Prune, slot: 0 }]).unwrap();
        let found = engine.read_u32(MASK, 0).unwrap();
        for (place, unit) in order.iter().enumerate() {
            // The one that had fallen counts among the six.
            assert_eq!(set.of(*unit).any(|word| lives(&found, word)), place >= 5, "unit {unit}");
        }
    });
}

/// Only a run that needs them has sums of scores; the plain one has the tensors that it always had.
#[test]
fn a_plain_run_has_no_scores() {
    let program = Case::new(Lstm, 1, 3, 4, 9).program().unwrap();
    assert_eq!(program.tensor(SCORE).words(), 0);
    assert!(matches!(program.prune[..], [Op::Prune(_)]));
    let named =
        |name: &str| program.tensors.iter().position(|tensor| tensor.name == name).map(|id| TensorId(id as u32));
    assert_eq!((named("score"), named("prune.fallen"), named("lamp")), (Some(SCORE), None, None));
}

/// Interrupted, resumed and beside others each is the same; exactly as many weights are pruned as are wanted.
#[test]
fn a_run_by_any_criterion_goes_on_as_any_other() {
    let place = place();
    let folder = place.path();
    let ok = |words: &[&str]| {
        let output = microglia(folder, words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
        stdout(&output)
    };
    let mut hashes = Vec::new();
    for (name, options) in [
        ("lamp", &["--prune-score", "lamp"][..]),
        ("gradient", &["--prune-score", "gradient", "--prune-cap", "0.8"]),
        ("movement", &["--prune-score", "movement", "--prune-scope", "layer"]),
        ("rigl", &["--regrow", "gradient", "--prune-every", "2"]),
        (
            "both",
            &["--regrow", "gradient", "--prune-every", "2", "--prune-score", "movement", "--prune-scope", "tensor"],
        ),
        ("units", &["--prune-unit", "unit", "--prune-score", "movement"]),
        ("plain", &["--prune-every", "2"]),
    ] {
        let train = |more: &[&str]| ok(&[&OPTIONS[..], options, more].concat());
        train(&["--out", name]);
        let whole = summary(&folder.join(name));
        let part = format!("{name}-part");
        train(&["--out", &part, "--max-steps", "13"]);
        ok(&["train", "--resume", &part, "--max-steps", "30"]);
        assert_eq!(summary(&folder.join(part))["weights_sha256"], whole["weights_sha256"], "{name}");
        let two = format!("{name}-two");
        train(&["--out", &two, "--replicas", "2"]);
        assert_eq!(summary(&folder.join(two).join("replica-0"))["weights_sha256"], whole["weights_sha256"], "{name}");
        hashes.push(whole["weights_sha256"].to_string());
        if name != "units" {
            let [living, all] =
                ["living_weights", "prunable_weights"].map(|key| whole["sparsity"][key].as_u64().unwrap());
            assert_eq!(all - living, (0.7 * all as f64) as u64, "{name}: exactly k");
        }
    }
    let count = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), count, "each criterion prunes other weights");
    for (options, texts) in [
        (&["--prune-unit", "unit", "--regrow", "gradient"][..], &["--regrow", "--prune-unit weight"][..]),
        (&["--regrow", "gradient", "--regrow-until", "7"], &["--regrow-until", "from 1 to 6"]),
        (&["--regrow", "gradient", "--regrow-fraction", "1"], &["--regrow-fraction", "between 0 and 1"]),
        (&["--prune-score", "size"], &["--prune-score", "magnitude, lamp, gradient, movement"]),
    ] {
        rejected(folder, &microglia(folder, &[&OPTIONS[..], options].concat()), texts);
    }
}
