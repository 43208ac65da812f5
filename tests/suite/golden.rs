//! What PyTorch computed, for every engine to reproduce. `tests/golden/README.md` describes the files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use microglia::engine::{Engine, Pass};
use microglia::models::{self, ModelOptions, Training};
use microglia::program::builder::{Category, Sizes};
use microglia::program::op::{InstanceNorm, Link, LossKind, Objective};
use microglia::program::tensor::*;
use microglia::program::{List, Param, Program, ReplicaStep};
use microglia::reference::CpuEngine;
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;

use crate::gpu_support;

/// A file of `tests/golden`: its tensors as f64, whatever their type, and its metadata.
pub(crate) struct Golden {
    name: String,
    tensors: HashMap<String, Vec<f64>>,
    metadata: serde_json::Value,
}

pub(crate) fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

impl Golden {
    pub(crate) fn read(name: &str) -> Golden {
        let bytes = std::fs::read(path(&format!("{name}.safetensors"))).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let values = |data: &[u8], dtype| match dtype {
            Dtype::F32 => data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()).into()).collect(),
            Dtype::F64 => data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
            Dtype::I64 => data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
            Dtype::U8 => data.iter().map(|&b| b.into()).collect(),
            other => panic!("{name}: unexpected type {other:?}"),
        };
        Golden {
            name: name.into(),
            tensors: tensors.iter().map(|(name, view)| (name.to_string(), values(view.data(), view.dtype()))).collect(),
            metadata: header
                .metadata()
                .as_ref()
                .map(|m| serde_json::from_str(&m["golden"]).unwrap())
                .unwrap_or_default(),
        }
    }

    pub(crate) fn tensor(&self, name: &str) -> &[f64] {
        self.tensors.get(name).unwrap_or_else(|| panic!("{} holds no `{name}`", self.name))
    }

    pub(crate) fn holds(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.tensor(name).iter().map(|&v| v as f32).collect()
    }

    pub(crate) fn value<T: DeserializeOwned>(&self, key: &str) -> T {
        serde_json::from_value(self.metadata[key].clone()).unwrap_or_else(|e| panic!("{}: `{key}`: {e}", self.name))
    }

    /// Fails at the first value further off than `absolute + relative·|expected|`.
    pub(crate) fn close(&self, name: &str, found: &[f32], absolute: f64, relative: f64) {
        let expected = self.tensor(name);
        assert_eq!(expected.len(), found.len(), "{}: `{name}` has another size", self.name);
        for (i, (&want, &got)) in expected.iter().zip(found).enumerate() {
            let off = (want - f64::from(got)).abs();
            assert!(off <= absolute + relative * want.abs(), "{}: `{name}` [{i}] is {got}, not {want}", self.name);
        }
    }
}

const STEPS_RUN: usize = 20;
const MODELS: [&str; 16] = [
    "rnn_tanh_1",
    "rnn_tanh_2",
    "rnn_relu_1",
    "lstm_1",
    "lstm_2",
    "lstm_1_two_targets",
    "gru_1",
    "gru_2",
    "lstm_path",
    "lstm_path_frozen",
    "lstm_future",
    "lstm_future_path",
    "lstm_embedding",
    "nlinear",
    "dlinear",
    "dlinear_two_targets",
];
/// Of models that forecast more of a value than a number; they are trained in one way.
const PROBABILISTIC: [&str; 5] = ["quantiles", "quantiles_above", "poisson", "negative_binomial", "student_t"];
const WAYS: [&str; 5] = ["plain", "pruned", "l2", "weight_decay", "clipped"];

/// Channels of codes, behind the targets.
pub(crate) fn categories(golden: &Golden, first: usize) -> Vec<Category> {
    // Those of a model of quantiles are theirs.
    let categorical = golden.value::<Option<String>>("objective").is_none();
    let levels: Vec<usize> =
        if categorical { golden.value::<Option<_>>("levels").unwrap_or_default() } else { Vec::new() };
    let category = |(i, levels)| Category { name: format!("k{i}"), channel: first + i, levels };
    levels.into_iter().enumerate().map(category).collect()
}

/// One of the model files, as a program with a slot per step.
struct Case {
    golden: Golden,
    sizes: Sizes,
}

impl Case {
    fn read(name: &str) -> Case {
        let golden = Golden::read(name);
        let size = |key| golden.value::<usize>(key);
        let (batch, lookback, horizon) = (size("batch"), size("steps"), size("horizon"));
        let sizes = Sizes {
            replicas: 1,
            batch,
            slots: STEPS_RUN,
            prediction_slots: 1,
            rows: STEPS_RUN * batch * (lookback + horizon),
            channels: size("channels"),
            targets: size("targets"),
            future: golden.value::<Option<usize>>("future").unwrap_or_default(),
            categories: categories(&golden, size("targets")),
            horizon,
            lookback,
            objective: match golden.value::<Option<String>>("objective").as_deref() {
                None => Objective::Point(LossKind::Mse),
                Some("quantile") => Objective::Quantiles(golden.value("levels")),
                Some(word) => Objective::Distribution(word.parse().unwrap()),
            },
            link: golden.value::<Option<String>>("link").map(|word| {
                assert_eq!(word, "above");
                Link::Above
            }),
            ..Sizes::default()
        };
        Case { golden, sizes }
    }

    fn norm(&self) -> Option<InstanceNorm> {
        let word: Option<String> = self.golden.value("norm");
        word.map(|word| word.parse().unwrap())
    }

    fn program(&self, way: &str) -> Program {
        let word = |key: &str| self.golden.value::<String>(key);
        // Said of the models that have one.
        let path: Option<String> = self.golden.value("path");
        let plain = ModelOptions::default();
        let model = ModelOptions {
            kind: word("kind").parse().unwrap(),
            hidden: self.golden.value("hidden"),
            layers: self.golden.value("layers"),
            activation: word("activation").parse().unwrap(),
            instance_norm: self.norm(),
            linear_path: path.map_or(plain.linear_path, |word| word.parse().unwrap()),
            decoder_hidden: self.golden.value::<Option<usize>>("units").unwrap_or(plain.decoder_hidden),
            embedding_width: self.golden.value("width"),
            moving_average: self.golden.value::<Option<usize>>("average").unwrap_or(plain.moving_average),
            ..plain
        };
        let training = Training { clip: way == "clipped", ..Training::scoring() };
        models::build(&model, &training, self.sizes.clone()).unwrap()
    }

    /// Every window of every batch gets its own rows of the series, its targets in the first columns of the last ones, beside what
    /// is known there.
    fn load(&self, engine: &mut dyn Engine, way: &str) {
        let s = &self.sizes;
        let (inputs, targets) = (self.golden.floats("inputs"), self.golden.floats("targets"));
        let mut series = Vec::new();
        let (seen, known) = (s.lookback * s.channels, if s.future > 0 { s.horizon * s.channels } else { 0 });
        for window in 0..STEPS_RUN * s.batch {
            let own = &inputs[window * (seen + known)..][..seen + known];
            series.extend_from_slice(&own[..seen]);
            for (z, row) in targets[window * s.horizon * s.targets..].chunks(s.targets).take(s.horizon).enumerate() {
                series.extend_from_slice(row);
                match own[seen..].chunks(s.channels).nth(z) {
                    Some(known) => series.extend_from_slice(&known[s.targets..]),
                    None => series.resize(series.len() + s.channels - s.targets, 0.0),
                }
            }
        }
        engine.write_f32(SERIES, 0, &series).unwrap();
        engine.write_f32(OBSERVED, 0, &vec![1.0; s.rows * s.targets]).unwrap();
        if engine.program().tensor(SCALES).words() > 0 {
            let deviation = self.golden.value::<Option<f32>>("deviation").unwrap_or(1.0);
            engine.write_u32(SERIES_STARTS, 0, &[0]).unwrap();
            engine.write_f32(SCALES, 0, &[deviation, 0.0].repeat(s.targets)).unwrap();
        }
        let windows: Vec<u32> = (0..STEPS_RUN * s.batch).map(|w| (w * (s.lookback + s.horizon)) as u32).collect();
        engine.write_u32(WINDOWS, 0, &windows).unwrap();
        let layout = engine.program().params.clone();
        let mut weights = vec![0.0; layout.words];
        for param in &layout.params {
            weights[param.range()].copy_from_slice(&self.golden.floats(&format!("init.{}", param.name)));
        }
        engine.write_f32(PARAMS, 0, &weights).unwrap();
        engine.write_u32(MASK, 0, &layout.full_mask()).unwrap();
        engine.write_u32(STEPS, 0, bytemuck::cast_slice(&self.steps(way))).unwrap();
    }

    fn steps(&self, way: &str) -> Vec<ReplicaStep> {
        let number = |key| self.golden.value::<f64>(key);
        let lr = number("lr");
        let counts = self.counts(way);
        let mut pruned = 0;
        let elements = self.sizes.batch * self.sizes.horizon * self.sizes.targets;
        (1..=STEPS_RUN)
            .map(|n| {
                let wanted = counts[n - 1].max(pruned);
                let prune_count = wanted - pruned;
                pruned = wanted;
                ReplicaStep {
                    inv_target_count: 1.0 / elements as f32,
                    l2: if way == "l2" { number("l2") as f32 } else { 0.0 },
                    decay_factor: if way == "weight_decay" { (1.0 - lr * number("weight_decay")) as f32 } else { 1.0 },
                    clip_norm: if way == "clipped" { number("clip") as f32 } else { 0.0 },
                    prune_count,
                    instance_norm: InstanceNorm::code(self.norm()),
                    ..ReplicaStep::adam(1, n as u32, lr, 0.9)
                }
            })
            .collect()
    }

    /// How many weights are pruned after each step, 0 where none is due.
    fn counts(&self, way: &str) -> Vec<u32> {
        if prunes(way) { self.golden.value("counts") } else { vec![0; STEPS_RUN] }
    }

    fn check(&self, engine: &mut dyn Engine, way: &str) {
        self.load(engine, way);
        let params = engine.program().params.params.clone();
        let pass = |list, slot| Pass { list, slot };
        engine.run(&[pass(List::Evaluate, 0), pass(List::Forward, 0), pass(List::Backward, 0)]).unwrap();
        self.golden.close("output", &engine.read_f32(PREDICTIONS, 0).unwrap(), 1e-6, 1e-5);
        let grads = engine.read_f32(GRADS, 0).unwrap();
        for param in &params {
            self.golden.close(&format!("grad.{}", param.name), &grads[param.range()], 1e-6, 1e-5);
        }
        let mut norms = Vec::new();
        for (slot, &count) in self.counts(way).iter().enumerate() {
            engine.run(&[pass(List::Forward, slot), pass(List::Backward, slot)]).unwrap();
            if count > 0 {
                engine.run(&[pass(List::Prune, slot)]).unwrap();
            }
            engine.run(&[pass(List::Update, slot)]).unwrap();
            norms.extend(engine.read_f32(GRAD_NORM, 0).unwrap());
        }
        self.golden.close(&format!("{way}.losses"), &engine.read_f32(LOSSES, 0).unwrap(), 0.0, 1e-5);
        if way == "clipped" {
            self.golden.close("clipped.norms", &norms, 0.0, 2e-5);
        }
        let weights = engine.read_f32(PARAMS, 0).unwrap();
        for param in &params {
            self.golden.close(&format!("{way}.after.{}", param.name), &weights[param.range()], 1e-5, 0.0);
        }
        if prunes(way) {
            self.check_mask(engine, &params, way);
        }
    }

    fn check_mask(&self, engine: &mut dyn Engine, params: &[Param], way: &str) {
        let mask = engine.read_u32(MASK, 0).unwrap();
        for param in params.iter().filter(|param| param.prunable) {
            let bits: Vec<f32> = param.range().map(|word| (mask[word / 32] >> (word % 32) & 1) as f32).collect();
            self.golden.close(&format!("{way}.mask.{}", param.name), &bits, 0.0, 0.0);
        }
    }
}

fn prunes(way: &str) -> bool {
    way == "pruned" || way == "clipped"
}

/// Every model in every way, on the engine that `open` makes.
fn check_all(open: &dyn Fn(Program) -> Box<dyn Engine>) {
    for case in MODELS.map(Case::read) {
        for way in WAYS {
            case.check(open(case.program(way)).as_mut(), way);
        }
    }
    for case in PROBABILISTIC.map(Case::read) {
        case.check(open(case.program("plain")).as_mut(), "plain");
    }
}

#[test]
fn cpu() {
    check_all(&|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap()));
}

#[test]
fn oracle() {
    check_all(&|program| Box::new(CpuEngine::<f64>::new(program, Some(1)).unwrap()));
}

#[test]
fn gpu() {
    let Some(gpu) = gpu_support::gpu() else { return };
    check_all(&|program| Box::new(gpu_support::engine(&gpu, program)));
}
