//! Which weights fall under a scope, patterns of names and a cap: against a second account that sorts weights by tensors' names.

use std::collections::BTreeMap;

use microglia::compare::Case;
use microglia::engine::Pass;
use microglia::models::ModelKind::{Gru, Lstm};
use microglia::models::{PruneAmong, PruneRule, Variant};
use microglia::program::builder::Sizes;
use microglia::program::step::RANDOM_PRUNE;
use microglia::program::tensor::*;
use microglia::program::{List, ParamLayout, ReplicaStep, rng};

use crate::cli::{code, microglia, rejected, stderr, stdout, summary};
use crate::gpu_support::on_each_engine;

/// What a group is called, by the tensor's name.
pub(crate) fn group(among: PruneAmong, name: &str) -> String {
    match among {
        PruneAmong::Global => "all".into(),
        PruneAmong::Tensor => name.into(),
        PruneAmong::Layer => match name.split_once("layers.") {
            Some((_, rest)) => format!("encoder {}", &rest[..1]),
            None if name.contains("_l") => format!("cell {}", &name[name.len() - 1..]),
            None => name.trim_end_matches(".weight").into(),
        },
    }
}

/// One weight that may fall.
struct Weight {
    group: String,
    tensor: String,
    word: usize,
    key: u64,
    living: bool,
}

/// A share of `count` for each group, one by one: (size, most) by name, in order of their first tensors.
pub(crate) fn shares(count: usize, groups: &[(String, usize, usize)]) -> BTreeMap<String, usize> {
    let mut all = vec![0usize; groups.len()];
    for _ in 0..count {
        let open = (0..groups.len()).filter(|g| all[*g] < groups[*g].2);
        let worth = |g: &usize| groups[*g].1 as f64 / (all[*g] + 1) as f64;
        let next = open.rev().max_by(|a, b| worth(a).total_cmp(&worth(b))).expect("no more than may fall");
        all[next] += 1;
    }
    groups.iter().map(|(name, ..)| name.clone()).zip(all).collect()
}

/// The mask after a step that takes the count of pruned weights from `before` to `after`.
fn expected(
    rule: &PruneRule,
    names: &[&str],
    layout: &ParamLayout,
    weights: &[f32],
    mask: &[u32],
    step: &ReplicaStep,
    [before, after]: [usize; 2],
) -> Vec<u32> {
    let lives = |word: usize| mask[word / 32] >> (word % 32) & 1 == 1;
    let key = |word: usize| match step.prune_random {
        0 => u64::from(weights[word].abs().to_bits()),
        _ => u64::from(rng::draw(step.seed, RANDOM_PRUNE, 0, word as u32)),
    };
    let mut all: Vec<Weight> = Vec::new();
    let mut groups: Vec<(String, usize, usize)> = Vec::new();
    let mut open: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        let param = layout.get(name).unwrap();
        let own = group(rule.among, name);
        let most = rule.cap.map_or(param.len(), |cap| (cap * param.len() as f64 + 1e-6) as usize);
        let at = groups.iter().position(|(known, ..)| *known == own).unwrap_or_else(|| {
            groups.push((own.clone(), 0, 0));
            groups.len() - 1
        });
        groups[at].1 += param.len();
        groups[at].2 += most;
        let dead = param.range().filter(|word| !lives(*word)).count();
        open.insert(name.to_string(), most - dead);
        all.extend(param.range().map(|word| Weight {
            group: own.clone(),
            tensor: name.to_string(),
            word,
            key: key(word) << 32 | word as u64,
            living: lives(word),
        }));
    }
    all.sort_by_key(|weight| weight.key);
    let (before, after) = (shares(before, &groups), shares(after, &groups));
    let mut left: BTreeMap<String, usize> =
        after.iter().map(|(name, count)| (name.clone(), count - before[name])).collect();
    let mut mask = mask.to_vec();
    for weight in all.iter().filter(|weight| weight.living && step.active == 1) {
        // In order within a tensor, so those past its cap come last.
        let (own, cap) = (left.get_mut(&weight.group).unwrap(), open.get_mut(&weight.tensor).unwrap());
        if *cap > 0 {
            *cap -= 1;
            if *own > 0 {
                *own -= 1;
                mask[weight.word / 32] &= !(1 << (weight.word % 32));
            }
        }
    }
    assert!(step.active == 0 || left.values().all(|left| *left == 0), "{left:?}");
    mask
}

/// Prunes each replica to two counts, one after the other, on each engine.
fn check(
    case: &Case,
    rule: &PruneRule,
    names: &[&str],
    weights: &dyn Fn(usize) -> f32,
    steps: &[(ReplicaStep, [f64; 2])],
) {
    let sizes = Sizes { replicas: steps.len(), slots: 2, ..case.sizes.clone() };
    let case = Case { sizes, ..case.clone().rule(rule.clone()) };
    let program = case.program().unwrap();
    let layout = &program.params;
    let most = layout.most();
    let size: usize = names.iter().map(|name| layout.get(name).unwrap().len()).sum();
    assert_eq!(layout.budget(), size, "{case}");
    on_each_engine(|open| {
        let mut engine = open(program.clone());
        let row: Vec<f32> = (0..layout.words).map(weights).collect();
        let mut masks = vec![layout.full_mask(); steps.len()];
        for pass in 0..2 {
            for (r, (step, shares)) in steps.iter().enumerate() {
                let counts = [0.0, shares[0], shares[1]].map(|share| (share * most as f64) as usize);
                let (before, after) = (counts[pass], counts[pass + 1]);
                engine.write_f32(PARAMS, r, &row).unwrap();
                engine.write_u32(MASK, r, &masks[r]).unwrap();
                let step = ReplicaStep { prune_count: (after - before) as u32, ..*step };
                let idle = ReplicaStep::idle(0);
                engine.write_u32(STEPS, r, bytemuck::cast_slice(&[idle, step])).unwrap();
                if let Some(id) = program.prune_counts() {
                    let [to, from] = [after, before].map(|count| layout.shares(count).unwrap());
                    let counts: Vec<u32> = to.iter().zip(&from).map(|(to, from)| (to - from) as u32).collect();
                    engine.write_u32(id, r, &[vec![7; counts.len()], counts].concat()).unwrap();
                }
                masks[r] = expected(rule, names, layout, &row, &masks[r], &step, [before, after]);
            }
            engine.run(&[Pass { list: List::Prune, slot: 1 }]).unwrap();
            for (r, expected) in masks.iter().enumerate() {
                let found = engine.read_u32(MASK, r).unwrap();
                let wrong = (0..found.len()).find(|i| found[*i] != expected[*i]);
                assert_eq!(wrong, None, "{case} replica {r}, pass {pass}");
            }
        }
    });
}

const RANDOM: ReplicaStep = ReplicaStep { prune_random: 1, ..STEP };
pub(crate) const STEP: ReplicaStep = ReplicaStep {
    seed: 5,
    step: 1,
    active: 1,
    dropout_threshold: 0,
    attention_threshold: 0,
    head_threshold: 0,
    inv_target_count: 0.0,
    step_size: 0.0,
    one_minus_beta1: 0.0,
    inv_sqrt_bias2: 1.0,
    decay_factor: 1.0,
    l2: 0.0,
    clip_norm: 0.0,
    prune_count: 0,
    prune_random: 0,
    instance_norm: 0,
};

fn rule(among: PruneAmong, include: &[&str], exclude: &[&str], cap: Option<f64>) -> PruneRule {
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    PruneRule { among, include: owned(include), exclude: owned(exclude), cap, ..PruneRule::default() }
}

#[test]
fn weights_fall_within_their_scope() {
    use PruneAmong::{Global, Layer, Tensor};
    let lstm = Case::new(Lstm, 1, 3, 4, 33).layers(2);
    let (ih0, hh0) = ("lstm.weight_ih_l0", "lstm.weight_hh_l0");
    let all = [ih0, hh0, "lstm.weight_ih_l1", "lstm.weight_hh_l1", "head.weight"];
    // q, k and v of 36 words each lie side by side.
    let transformer = Case::patchtst(Variant::Official, 1, 3, 9);
    let parts = |layer: usize, parts: &[&str]| -> Vec<String> {
        parts.iter().map(|part| format!("model.encoder.layers.{layer}.{part}.weight")).collect()
    };
    let block = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "ff.0", "ff.3"];
    let mut whole = vec!["model.encoder.embedder.input_embedding.weight".to_string()];
    whole.extend((0..2).flat_map(|layer| parts(layer, &block)));
    whole.push("head.projection.weight".into());
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let only = |keep: &dyn Fn(&str) -> bool| -> Vec<&str> { whole.iter().copied().filter(|name| keep(name)).collect() };
    let tables = Case::new(Gru, 1, 3, 4, 5).categories(&[3, 20], None);
    let cases: Vec<(&Case, PruneRule, Vec<&str>)> = vec![
        (&lstm, rule(Global, &[], &["head.*"], None), all[..4].to_vec()),
        (&lstm, rule(Global, &["*_l0", "head.*"], &["*hh*"], None), vec![ih0, "head.weight"]),
        (&lstm, rule(Global, &[], &[], Some(0.9)), all.to_vec()),
        (&lstm, rule(Layer, &[], &[], None), all.to_vec()),
        (&lstm, rule(Tensor, &[], &["lstm.weight_?h_l1"], Some(0.6)), vec![ih0, hh0, all[4]]),
        (&lstm, rule(Tensor, &[], &[], Some(0.05)), all.to_vec()),
        (&lstm, rule(Global, &[hh0], &[], None), vec![hh0]),
        (&transformer, rule(Tensor, &[], &[], None), whole.clone()),
        (&transformer, rule(Layer, &[], &["*k_proj*"], Some(0.8)), only(&|name| !name.contains("k_proj"))),
        (&transformer, rule(Global, &["*k_proj*", "*v_proj*"], &[], Some(0.5)), {
            only(&|name| name.contains("k_proj") || name.contains("v_proj"))
        }),
        (&tables, rule(Tensor, &["gru.*"], &[], None), vec!["gru.weight_ih_l0", "gru.weight_hh_l0"]),
    ];
    let resting = ReplicaStep { active: 0, ..STEP };
    let shares = [[0.0, 0.0], [0.3, 0.31], [0.5, 1.0], [0.9, 0.9]].map(|shares| (STEP, shares));
    let steps = [&shares[..], &[(RANDOM, [0.2, 0.7]), (resting, [0.0, 0.5])]].concat();
    for (case, rule, names) in cases {
        check(case, &rule, &names, &|word| rng::normal(1, 7, 0, word as u32), &steps);
        // Ties fall by index, and equal weights of several tensors in the arena's order.
        check(case, &rule, &names, &|word| if word % 2 == 0 { 0.25 } else { -0.25 }, &steps[..3]);
        check(case, &rule, &names, &|_| 0.0, &steps[1..3]);
    }
}

/// More than a piece of a group, and groups whose borders lie within one.
#[test]
fn large_groups_fall_as_small_ones() {
    let case = Case::new(Lstm, 1, 3, 4, 130).layers(2);
    let names = ["lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.weight_ih_l1", "lstm.weight_hh_l1", "head.weight"];
    let steps = [(STEP, [0.3, 0.7]), (RANDOM, [0.5, 1.0])];
    for among in [PruneAmong::Global, PruneAmong::Layer] {
        let rule = rule(among, &[], &[], Some(0.95));
        check(&case, &rule, &names, &|word| rng::normal(1, 7, 0, word as u32), &steps);
        check(&case, &rule, &names, &|word| (word % 3) as f32, &steps);
    }
}

/// Options of a small run on the CPU engine.
pub(crate) const OPTIONS: [&str; 24] = [
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
    "9",
    "--layers",
    "2",
    "--linear-path=none",
    "--select",
    "last",
    "--epochs",
    "6",
    "--patience",
    "0",
    "--batch",
    "8",
];

/// A folder with the data of those runs.
pub(crate) fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(crate::golden::path("tiny.csv"), place.path().join("tiny.csv")).unwrap();
    place
}

/// Interrupted, resumed and beside others it is the same, and the summary says what was pruned, and of what.
#[test]
fn a_run_within_a_scope_goes_on_as_any_other() {
    let place = place();
    let folder = place.path();
    let ok = |words: &[&str]| {
        let output = microglia(folder, words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
        stdout(&output)
    };
    for (name, scope) in [
        ("layer", &["--prune-scope", "layer", "--prune-exclude", "head.*"][..]),
        ("tensor", &["--prune-scope", "tensor", "--regularizer", "random-pruning"]),
        ("cap", &["--prune-cap", "0.75", "--prune-include", "*_l?,head.*"]),
        ("units", &["--prune-unit", "unit", "--prune-scope", "layer", "--prune-cap", "0.8"]),
    ] {
        let train = |more: &[&str]| ok(&[&OPTIONS[..], scope, more].concat());
        let told = train(&["--out", name]);
        let whole = summary(&folder.join(name));
        let part = format!("{name}-part");
        train(&["--out", &part, "--max-steps", "9"]);
        ok(&["train", "--resume", &part, "--max-steps", "30"]);
        assert_eq!(summary(&folder.join(part))["weights_sha256"], whole["weights_sha256"], "{name}");
        let two = format!("{name}-two");
        train(&["--out", &two, "--replicas", "2"]);
        assert_eq!(summary(&folder.join(two).join("replica-0"))["weights_sha256"], whole["weights_sha256"], "{name}");
        let inspected = ok(&["inspect", name]);
        assert!(inspected.contains(&format!("{} = ", &scope[0][2..])), "{inspected}");
        assert!(whole["model"]["pruning"]["among"].is_string(), "{whole}");
        if name == "units" {
            continue;
        }
        let tensors = whole["sparsity"]["tensors"].as_array().unwrap();
        let of = |name: &str| tensors.iter().find(|one| one["name"] == name).unwrap()["sparsity"].as_f64().unwrap();
        let left = &whole["sparsity"]["scope"];
        let [living, total] = ["living", "total"].map(|key| left[key].as_u64().unwrap());
        assert_eq!(total - living, (0.7 * total as f64) as u64, "{name}: exactly k");
        assert!(told.contains("of the weights that may be pruned"), "{told}");
        match name {
            "layer" => assert_eq!(of("head.weight"), 0.0),
            "tensor" => assert!(tensors.iter().all(|one| (one["sparsity"].as_f64().unwrap() - 0.7).abs() < 0.04)),
            _ => assert!(tensors.iter().all(|one| one["sparsity"].as_f64().unwrap() <= 0.75)),
        }
    }
}

/// Beside a ridge the head is not pruned: it may be excluded all the same, and falls with units, whatever ranks them.
#[test]
fn patterns_and_scores_hold_beside_a_ridge() {
    let place = place();
    let folder = place.path();
    let plain: Vec<&str> = OPTIONS.iter().copied().filter(|one| *one != "--linear-path=none").collect();
    let train = |more: &[&str]| {
        let words = [&plain[..], &["--linear-path", "ridge", "--overwrite", "--out", "a"], more].concat();
        let output = microglia(folder, &words);
        assert_eq!(code(&output), 0, "{words:?}: {}", stderr(&output));
        summary(&folder.join("a"))["sparsity"]["units"].clone()
    };
    train(&["--prune-exclude", "head.*"]);
    for score in ["lamp", "gradient", "movement"] {
        assert_eq!(train(&["--prune-unit", "unit", "--prune-score", score]).as_array().unwrap().len(), 2, "{score}");
    }
    // The units that an excluded head reads stay.
    let units = train(&["--prune-unit", "unit", "--prune-exclude", "head.*"]);
    assert_eq!((units.as_array().unwrap().len(), &units[0]["name"]), (1, &"lstm.0".into()));
}

#[test]
fn what_cannot_be_pruned_is_rejected_by_name() {
    let place = place();
    let folder = place.path();
    let names = "lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.weight_ih_l1, lstm.weight_hh_l1, head.weight";
    for (options, texts) in [
        (&["--prune-exclude", "head.*,hed*"][..], &["--prune-exclude", "`hed*` matches no tensor", names][..]),
        (&["--prune-include", "*bias*"], &["--prune-include", "`lstm.bias_ih_l0`, which pruning does not take", names]),
        (&["--prune-exclude", "*"], &["--prune-exclude", "nothing is left"]),
        (
            &["--prune-cap", "0.5"],
            &["--sparsity", "--prune-cap 0.5", "is 768 of 1098 weights", "allows 549", "at most 0.5"],
        ),
        (&["--prune-unit", "unit", "--prune-exclude", "*hh*"], &["--prune-exclude", "every unit has weights"]),
        (
            &["--prune-unit", "unit", "--prune-include", "*hh*"],
            &[
                "--prune-include: every unit has weights",
                "lstm.1: head.weight, lstm.weight_hh_l1, lstm.weight_ih_l1",
                "include all tensors of a set",
            ],
        ),
        (&["--prune-cap", "0"], &["--prune-cap", "between 0 and 1"]),
        (&["--regrow", "gradient", "--regrow-until", "1"], &["--regrow-until", "before the first epoch that prunes"]),
        (&["--prune-unit", "unit", "--compact-every", "99"], &["--compact-every", "99 is no epoch after which"]),
        (&["--prune-scope", "row"], &["--prune-scope", "global, layer, tensor"]),
    ] {
        rejected(folder, &microglia(folder, &[&OPTIONS[..], options].concat()), texts);
    }
}
