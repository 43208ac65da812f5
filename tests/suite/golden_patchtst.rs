//! PatchTST as `transformers` and PyTorch compute it: outputs, every gradient, ten steps of Adam, running statistics.

use microglia::engine::{Engine, Pass};
use microglia::models::{self, ModelKind, ModelOptions, PatchtstOptions, Training, Variant};
use microglia::program::builder::{MAX_WORDS, Sizes};
use microglia::program::op::{Forecast, InstanceNorm};
use microglia::program::tensor::*;
use microglia::program::{List, Op, Program, ReplicaStep};
use microglia::reference::CpuEngine;

use crate::golden::{Golden, categories};
use crate::gpu_support;

const STEPS_RUN: usize = 10;
const FILES: [&str; 11] = [
    "patchtst_hf_batch_pre",
    "patchtst_hf_batch_post",
    "patchtst_hf_layer_pre",
    "patchtst_hf_layer_post",
    "patchtst_official_batch_post",
    "patchtst_official_batch_pre",
    "patchtst_official_layer_post",
    "patchtst_official_layer_pre",
    "patchtst_authors_layer_post",
    "patchtst_authors_batch_pre",
    "patchtst_authors_embedding",
];

/// Off by no more than this share of a tensor's largest entry.
const OUTPUT: f64 = 1e-4;
/// Gradients below this share of the model's largest are nothing.
const FLOOR: f64 = 1e-6;
const WEIGHT: f64 = 1e-3;
const STATISTIC: f64 = 1e-5;

struct Case {
    golden: Golden,
    sizes: Sizes,
}

impl Case {
    fn read(name: &str) -> Case {
        let golden = Golden::read(name);
        let size = |key| golden.value::<usize>(key);
        let (batch, lookback, horizon) = (size("batch"), size("lookback"), size("horizon"));
        let sizes = Sizes {
            replicas: 1,
            batch,
            slots: STEPS_RUN,
            prediction_slots: 1,
            rows: STEPS_RUN * batch * (lookback + horizon),
            channels: size("channels"),
            targets: size("targets"),
            categories: categories(&golden, size("targets")),
            future: 0,
            horizon,
            lookback,
            ..Sizes::default()
        };
        Case { golden, sizes }
    }

    fn program(&self) -> Program {
        let word = |key: &str| self.golden.value::<String>(key);
        let size = |key| self.golden.value::<usize>(key);
        let variant: Variant = word("variant").parse().unwrap();
        let model = ModelOptions {
            layers: size("layers"),
            embedding_width: self.golden.value("width"),
            instance_norm: (variant != Variant::Authors).then_some(InstanceNorm::MeanStd),
            patchtst: PatchtstOptions {
                variant,
                patch: Some(size("patch")),
                stride: Some(size("stride")),
                d_model: size("d_model"),
                heads: size("heads"),
                ff: size("ff"),
                norm: word("norm").parse().unwrap(),
                norm_position: word("norm_position").parse().unwrap(),
                ff_activation: word("ff_activation").parse().unwrap(),
                positions: word("positions").parse().unwrap(),
                pool: word("pool").parse().unwrap(),
                attention_dropout: 0.0,
                head_dropout: 0.0,
                revin_affine: self.golden.value("revin_affine"),
                max_words: MAX_WORDS,
            },
            ..ModelOptions::of(ModelKind::Patchtst, variant)
        };
        let training = Training::scoring();
        models::build(&model, &training, self.sizes.clone()).unwrap()
    }

    /// Every window of every batch gets its own rows of the series, its targets in the first columns of the last ones.
    fn load(&self, engine: &mut dyn Engine) {
        let s = &self.sizes;
        let (inputs, targets) = (self.golden.floats("inputs"), self.golden.floats("targets"));
        let mut series = Vec::new();
        for window in 0..STEPS_RUN * s.batch {
            series.extend_from_slice(&inputs[window * s.lookback * s.channels..][..s.lookback * s.channels]);
            for row in targets[window * s.horizon * s.targets..][..s.horizon * s.targets].chunks(s.targets) {
                series.extend_from_slice(row);
                series.resize(series.len() + s.channels - s.targets, 0.0);
            }
        }
        engine.write_f32(SERIES, 0, &series).unwrap();
        engine.write_f32(OBSERVED, 0, &vec![1.0; s.rows * s.targets]).unwrap();
        let windows: Vec<u32> = (0..STEPS_RUN * s.batch).map(|w| (w * (s.lookback + s.horizon)) as u32).collect();
        engine.write_u32(WINDOWS, 0, &windows).unwrap();
        let layout = engine.program().params.clone();
        self.start(engine, "init", "init");
        engine.write_u32(MASK, 0, &layout.full_mask()).unwrap();
        let (lr, elements) = (self.golden.value::<f64>("lr"), s.batch * s.horizon * s.targets);
        // The authors' programs have no op that reads it.
        let instance_norm = InstanceNorm::MeanStd as u32;
        let inv_target_count = 1.0 / elements as f32;
        let steps: Vec<ReplicaStep> = (1..=STEPS_RUN as u32)
            .map(|n| ReplicaStep { inv_target_count, instance_norm, ..ReplicaStep::adam(1, n, lr, 0.9) })
            .collect();
        engine.write_u32(STEPS, 0, bytemuck::cast_slice(&steps)).unwrap();
    }

    /// Writes weights and state that PyTorch had.
    fn start(&self, engine: &mut dyn Engine, params: &str, state: &str) {
        let program = engine.program();
        let mut weights = vec![0.0; program.params.words];
        for param in &program.params.params {
            param.set(&mut weights, self.golden.floats(&format!("{params}.{}", param.name)));
        }
        let mut running = program.state.initial();
        for entry in &program.state.entries {
            let values = self.golden.floats(&format!("{state}.{}", entry.name));
            match entry.is_count() {
                true => entry.set_count(&mut running, values[0] as i64),
                false => running[entry.range()].copy_from_slice(&values),
            }
        }
        engine.write_f32(PARAMS, 0, &weights).unwrap();
        engine.write_f32(STATE, 0, &running).unwrap();
    }

    fn check(&self, engine: &mut dyn Engine) {
        self.load(engine);
        let params = engine.program().params.params.clone();
        let zero: Vec<String> = self.golden.value("zero");
        let pass = |list, slot| Pass { list, slot };
        engine.run(&[pass(List::Forward, 0), pass(List::Backward, 0)]).unwrap();
        let forecast = engine.program().forward.iter().find_map(|op| match op {
            Op::Loss(op) => Some(op.forecast.clone()),
            _ => None,
        });
        self.near("output", &forecasts(engine, &forecast.unwrap()), OUTPUT, 0.0);
        self.state("running1", engine, &[]);

        let grads = engine.read_f32(GRADS, 0).unwrap();
        let names: Vec<String> = params.iter().map(|param| format!("grads.{}", param.name)).collect();
        // Fixed positions have no gradient.
        let known = |name: &&String| self.golden.holds(name);
        let largest = names.iter().filter(known).map(|name| self.largest(name)).fold(0.0, f64::max);
        for (param, name) in params.iter().zip(&names) {
            let found = param.named(&grads);
            if !self.golden.holds(name) {
                assert!(found.iter().all(|d| *d == 0.0), "{name}");
            } else {
                self.near(name, &found, OUTPUT, FLOOR * largest);
            }
        }

        // The first step's forward has moved the running statistics; start again.
        self.load(engine);
        for slot in 0..STEPS_RUN {
            engine.run(&[List::Forward, List::Backward, List::Update].map(|list| pass(list, slot))).unwrap();
        }
        let weights = engine.read_f32(PARAMS, 0).unwrap();
        for param in params.iter().filter(|param| !zero.contains(&param.name)) {
            self.near(&format!("after.{}", param.name), &param.named(&weights), WEIGHT, 0.0);
        }
        self.state("running", engine, &self.golden.value::<Vec<String>>("drift"));

        // PyTorch's own weights and statistics, so that what rounding makes of the others does not matter.
        self.start(engine, "after", "running");
        engine.run(&[pass(List::Evaluate, 0)]).unwrap();
        self.near("evaluated", &engine.read_f32(PREDICTIONS, 0).unwrap(), OUTPUT, 0.0);
    }

    fn state(&self, prefix: &str, engine: &mut dyn Engine, drift: &[String]) {
        let found = engine.read_f32(STATE, 0).unwrap();
        for entry in engine.program().state.entries.clone() {
            let name = format!("{prefix}.{}", entry.name);
            if entry.is_count() {
                self.near(&name, &[entry.count(&found) as f32], 0.0, 0.0);
            } else {
                // A bias without a gradient moves by what Adam makes of its rounding, at most the rate a step either way, and
                // the mean of what it is added to moves with it: by one, or before a norm by all of the layers below.
                let biases = if self.golden.value::<String>("norm_position") == "pre" { drift.len() } else { 1 };
                let each = 2.0 * STEPS_RUN as f64 * self.golden.value::<f64>("lr");
                let most = if drift.contains(&entry.name) { each * biases as f64 } else { 0.0 };
                self.near(&name, &found[entry.range()], STATISTIC, most);
            }
        }
    }

    fn largest(&self, name: &str) -> f64 {
        self.golden.tensor(name).iter().fold(0f64, |most, v| most.max(v.abs()))
    }

    fn near(&self, name: &str, found: &[f32], share: f64, floor: f64) {
        self.golden.close(name, found, (share * self.largest(name)).max(floor), 0.0);
    }
}

/// The forecasts that the loss reads, as no tensor holds them.
fn forecasts(engine: &mut dyn Engine, op: &Forecast) -> Vec<f32> {
    let head = engine.read_f32(op.head, 0).unwrap();
    let (stats, params) =
        (op.stats().map(|stats| engine.read_f32(stats, 0).unwrap()), engine.read_f32(PARAMS, 0).unwrap());
    let affine = op.affine();
    let forecast = |i: usize| {
        let (b, z, k) = (i / (op.horizon * op.targets), i / op.targets % op.horizon, i % op.targets);
        let series = b * op.targets + k;
        let value = head[b * op.horizon * op.targets + z * op.layout.step + k * op.layout.target];
        let value = affine.map_or(value, |affine| (value - params[affine.bias + k]) / params[affine.weight + k]);
        stats.as_ref().map_or(value, |stats| value * stats[2 * series + 1] + stats[2 * series])
    };
    (0..op.elements()).map(forecast).collect()
}

fn check_all(open: &dyn Fn(Program) -> Box<dyn Engine>) {
    for case in FILES.map(Case::read) {
        case.check(open(case.program()).as_mut());
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

/// A model's weights are those of `transformers`' state dict, all of them, by name and shape.
#[test]
fn the_state_dict_is_that_of_transformers() {
    for file in FILES.iter().filter(|file| file.contains("_hf_")) {
        let case = Case::read(file);
        let program = case.program();
        let params = program.params.params.iter().map(|param| (param.name.clone(), param.shape.clone()));
        let state = program.state.entries.iter().map(|entry| (entry.name.clone(), entry.shape.clone()));
        let mut ours: Vec<(String, Vec<usize>)> = params.chain(state).collect();
        ours.sort();
        let bytes = std::fs::read(crate::golden::path(&format!("{file}.safetensors"))).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let all = tensors.iter();
        let mut theirs: Vec<(String, Vec<usize>)> = all
            .filter_map(|(name, tensor)| Some((name.strip_prefix("init.")?.to_string(), tensor.shape().to_vec())))
            .collect();
        theirs.sort();
        assert_eq!(ours, theirs);
    }
}
