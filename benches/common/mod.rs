//! What the benches share: their options, the models they train, the engines they run on, and a clock.
//!
//! `cargo bench --bench NAME -- [ADAPTER] [--only TEXT] [--quick] [--threads N] [--dropout P] [--no-cpu] [--json]`. The CPU engine runs,
//! and besides it a GPU where there is one, or the adapter that is named; `cpu` is the CPU engine alone.

#![allow(dead_code, reason = "each bench uses its part")]

use std::sync::Arc;
use std::time::Instant;

use microglia::compare::{Case, timed_models};
use microglia::engine::{Engine, Pass};
use microglia::gpu::{Choice, Gpu};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::program::builder::Sizes;
use microglia::program::op::{LinearBackwardInput, LinearBackwardWeight, LinearForward, Op};
use microglia::program::{Builder, List, Param, ParamLayout, Program, Rows};
use microglia::reference::CpuEngine;

pub(crate) type Result<T> = microglia::Result<T>;

/// An optimizer step without a due prune.
pub(crate) const STEP: [List; 3] = [List::Forward, List::Backward, List::Update];

/// What was typed.
pub(crate) struct Options {
    pub gpu: Option<Arc<Gpu>>,
    cpu: bool,
    threads: Option<usize>,
    only: Option<String>,
    /// The chance by which a step's models drop values, but not shares of attention.
    dropout: f64,
    /// About so long for each figure.
    pub seconds: f64,
    /// A line of JSON for each figure, instead of a table.
    pub json: bool,
}

impl Options {
    /// Leaves the program where it cannot be understood.
    pub(crate) fn typed() -> Result<Options> {
        let mut options =
            Options { gpu: None, cpu: true, threads: None, only: None, dropout: 0.0, seconds: 1.0, json: false };
        let mut device = Choice::Auto;
        let mut words = std::env::args().skip(1);
        let usage = || -> ! {
            eprintln!("options: [ADAPTER|cpu] [--only TEXT] [--quick] [--threads N] [--dropout P] [--no-cpu] [--json]");
            std::process::exit(2)
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--quick" => options.seconds = 0.1,
                "--json" => options.json = true,
                "--only" => options.only = Some(words.next().unwrap_or_else(|| usage())),
                "--threads" => {
                    options.threads = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or_else(|| usage()));
                }
                "--dropout" => {
                    let chance = words.next().and_then(|p| p.parse().ok()).filter(|p| (0.0..1.0).contains(p));
                    options.dropout = chance.unwrap_or_else(|| usage());
                }
                "--no-cpu" => options.cpu = false,
                word if word.starts_with('-') => usage(),
                word => device = word.parse().unwrap_or_else(|_| usage()),
            }
        }
        options.gpu = Gpu::open(&device)?;
        Ok(options)
    }

    /// Whether a case, or a row of it, is asked for.
    pub(crate) fn asks_for(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|text| name.contains(text.as_str()))
    }

    /// The models of a step that are asked for.
    pub(crate) fn models(&self) -> impl Iterator<Item = Model> {
        let asked = models(1).into_iter().filter(|model| self.asks_for(model.name));
        asked.map(|model| match self.dropout {
            0.0 => model,
            chance => Model { case: model.case.dropout(chance), ..model },
        })
    }

    /// The engines to run a program on, one after the other.
    pub(crate) fn on_each(&self, program: &Program, mut run: impl FnMut(&mut dyn Engine) -> Result<()>) -> Result<()> {
        if self.cpu {
            run(&mut CpuEngine::<f32>::new(program.clone(), self.threads)?)?;
        }
        match &self.gpu {
            Some(gpu) => run(&mut GpuEngine::new(gpu.clone(), program.clone(), GpuOptions::default())?),
            None => Ok(()),
        }
    }
}

/// A model by the name that benches and `--only` know it by.
pub(crate) struct Model {
    pub name: &'static str,
    pub case: Case,
}

/// The models that people train, each at a size that others have timed.
pub(crate) fn models(replicas: usize) -> Vec<Model> {
    timed_models(replicas).into_iter().map(|(name, case)| Model { name, case }).collect()
}

/// One linear layer: its forward, and its backward ops as the lists' first and second.
pub(crate) fn linear_layer([rows, inputs, outputs]: [usize; 3]) -> Result<Program> {
    let layout = ParamLayout::new(vec![
        Param::new("weight", &[outputs, inputs], true, 0.1),
        Param::new("bias", &[outputs], false, 0.1),
    ]);
    let (weight, bias) = (layout.get("weight").map_or(0, |p| p.offset), layout.get("bias").map_or(0, |p| p.offset));
    let sizes = Sizes {
        replicas: 1,
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
    let mut b = Builder::new(sizes, layout);
    let mut dense = |name: &str, width: usize| Rows::dense(b.tensor(name, &[rows, width]), rows, width);
    let (input, output) = (dense("input", inputs), dense("output", outputs));
    let (d_input, d_output) = (dense("d_input", inputs), dense("d_output", outputs));
    b.forward(Op::LinearForward(LinearForward { input, weight, bias, residual: None, activated: None, output }));
    b.backward(Op::LinearBackwardWeight(LinearBackwardWeight {
        parts: vec![(input, d_output)],
        d_weight: weight,
        d_bias: bias,
        beside: None,
    }));
    b.backward(Op::LinearBackwardInput(LinearBackwardInput { d_output, weight, skip: None, activated: None, d_input }));
    b.finish()
}

/// Median seconds of one run of the lists, many in a row, the device waited for.
pub(crate) fn time(engine: &mut dyn Engine, lists: &[List], seconds: f64) -> Result<f64> {
    let once: Vec<Pass> = lists.iter().map(|&list| Pass { list, slot: 0 }).collect();
    let mut timed = |count: usize| -> Result<f64> {
        let passes = once.repeat(count);
        let started = Instant::now();
        engine.run(&passes)?;
        engine.wait()?;
        Ok(started.elapsed().as_secs_f64())
    };
    // The first compiles.
    timed(1)?;
    let mut count = 1;
    while timed(count)? < 0.01 {
        count *= 2;
    }
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || begun.elapsed().as_secs_f64() < seconds {
        times.push(timed(count)? / count as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
