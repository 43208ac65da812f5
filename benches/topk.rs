//! Pruning and the masked Adam over the number of weights: `cargo bench --bench topk`; options in `common`.
//!
//! One matrix, of which each prune takes a hundredth. Shares are of the time that the device's own copy would need.

mod common;

use common::{Options, Result};
use microglia::engine::{Engine, Roofline};
use microglia::profile::{OpProfile, time_ops};
use microglia::program::builder::Sizes;
use microglia::program::tensor::*;
use microglia::program::{Builder, List, Param, ParamLayout, Program, ReplicaStep};

const ROWS: usize = 1000;
/// Prunes and updates, after one of each that counts for nothing.
const TIMES: usize = 20;

fn program(weights: usize) -> Result<Program> {
    let layout = ParamLayout::new(vec![Param::new("weight", &[ROWS, weights / ROWS], true, 1.0)]);
    let (replicas, batch, slots, prediction_slots) = (1, 1, 1, 1);
    let sizes = Sizes {
        replicas,
        batch,
        slots,
        prediction_slots,
        rows: 2,
        channels: 1,
        targets: 1,
        future: 0,
        horizon: 1,
        lookback: 1,
        ..Sizes::default()
    };
    let mut builder = Builder::new(sizes, layout);
    builder.optimizer(false);
    builder.finish()
}

fn fill(engine: &mut dyn Engine, weights: usize) -> Result<()> {
    let layout = engine.program().params.clone();
    let step = ReplicaStep { prune_count: (weights / 100) as u32, ..ReplicaStep::adam(1, 1, 1e-3, 0.9) };
    engine.write_f32(PARAMS, 0, &layout.initial(1))?;
    engine.write_u32(MASK, 0, &layout.full_mask())?;
    engine.write_u32(STEPS, 0, bytemuck::cast_slice(&[step]))
}

fn main() -> Result<()> {
    let options = Options::typed()?;
    let mut roofline: Option<(String, Roofline)> = None;
    if !options.json {
        println!(
            "{:>10} {:>10} {:>7} {:>10} {:>9} {:>7}  device",
            "weights", "prune µs", "share", "adam µs", "GB/s", "share"
        );
    }
    for weights in [10_000, 20_000, 60_000, 100_000, 1_000_000, 4_000_000, 16_000_000] {
        if !options.asks_for(&weights.to_string()) {
            continue;
        }
        options.on_each(&program(weights)?, |engine| {
            fill(engine, weights)?;
            let best = match &roofline {
                Some((device, best)) if *device == engine.device() => *best,
                _ => roofline.insert((engine.device(), engine.roofline()?)).1,
            };
            let times = if options.seconds < 1.0 { TIMES / 4 } else { TIMES };
            let mut timed = |list, times| time_ops(engine, &[list], 0, times, &best);
            timed(List::Prune, 1)?;
            timed(List::Update, 1)?;
            let (prune, update) = (timed(List::Prune, times)?, timed(List::Update, times)?);
            let micros = |ops: &[OpProfile]| ops.iter().map(|op| op.median_us).sum::<f64>();
            let floor = |ops: &[OpProfile]| ops.iter().map(|op| op.median_us * op.roofline_share).sum::<f64>();
            let (prune_us, adam_us) = (micros(&prune), micros(&update));
            let shares = [floor(&prune) / prune_us, floor(&update) / adam_us];
            if options.json {
                let figures = serde_json::json!({
                    "weights": weights,
                    "device": engine.device(),
                    "prune_us": prune_us,
                    "adam_us": adam_us,
                    "prune": prune,
                    "update": update,
                });
                println!("{figures}");
                return Ok(());
            }
            println!(
                "{weights:>10} {prune_us:>10.1} {:>5.1} % {adam_us:>10.1} {:>9.2} {:>5.1} %  {}",
                100.0 * shares[0],
                update.iter().map(|op| op.gigabytes_per_second).sum::<f64>(),
                100.0 * shares[1],
                engine.device()
            );
            Ok(())
        })?;
    }
    Ok(())
}
