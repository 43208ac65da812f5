//! Autotuning: times every way to cut a program's matrix products, each where it stands in a step.

use std::sync::Arc;

use super::linear::{default_splits, product};
use super::tuning::{Product, Tiling, Tuned, Tuning, products};
use super::{GpuEngine, GpuOptions};
use crate::engine::{Engine, Pass};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::program::{List, Program};

/// Timed steps of each way, after one that is not; the fastest counts.
const RUNS: usize = 5;
/// Splits of a weight's sum, as parts of what is taken without a measurement.
const SPLITS: [(usize, usize); 3] = [(1, 1), (1, 2), (2, 1)];

/// The fastest way for each of the program's products on this device. Its tensors are made and dropped again for every way;
/// the values in them, zeros, decide nothing.
pub fn autotune(gpu: &Arc<Gpu>, program: &Program) -> Result<Tuning> {
    let adapter = gpu.summary().name.clone();
    let products = products(program);
    let mut best: Vec<Option<(f64, Tuned)>> = vec![None; products.len()];
    for tiling in Tiling::ALL {
        for part in SPLITS {
            let choice = |product: &Product| {
                let splits = default_splits(gpu.summary().class(), product, tiling);
                let splits = splits.map(|splits| (splits * part.0 / part.1).clamp(1, product.rows.max(1)));
                Tuned::new(product, tiling, splits)
            };
            let tuning = Tuning { adapter: adapter.clone(), products: products.iter().map(choice).collect() };
            let times = times(gpu, program, &products, &tuning)?;
            for ((best, seconds), tuned) in best.iter_mut().zip(times).zip(tuning.products) {
                if best.as_ref().is_none_or(|(fastest, _)| seconds < *fastest) {
                    *best = Some((seconds, tuned));
                }
            }
        }
    }
    Ok(Tuning { adapter, products: best.into_iter().flatten().map(|(_, tuned)| tuned).collect() })
}

/// Seconds that each product takes in a step, all ops of its shape together.
fn times(gpu: &Arc<Gpu>, program: &Program, products: &[Product], tuning: &Tuning) -> Result<Vec<f64>> {
    let options = GpuOptions { tuning: Some(tuning.clone()), ..GpuOptions::default() };
    let mut engine = GpuEngine::new(gpu.clone(), program.clone(), options)?;
    let passes = [List::Forward, List::Backward].map(|list| Pass { list, slot: 0 });
    engine.run_timed(&passes)?;
    let mut fastest = vec![f64::INFINITY; products.len()];
    for _ in 0..RUNS {
        let mut times = vec![0.0; products.len()];
        for span in engine.run_timed(&passes)?.spans {
            let own = product(&program.list(passes[span.pass].list)[span.op]);
            if let Some(place) = products.iter().position(|product| Some(*product) == own) {
                times[place] += span.end - span.begin;
            }
        }
        for (fastest, time) in fastest.iter_mut().zip(times) {
            *fastest = fastest.min(time);
        }
    }
    Ok(fastest)
}
