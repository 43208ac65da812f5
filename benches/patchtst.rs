//! Training steps of the published PatchTST, by dropout: `cargo bench --bench patchtst [-- ADAPTER]`.
//!
//! ETTh1's sizes (seven channels, look-back 336, patches of 16 every 8 rows, 3 layers, width 16, 4 heads, ff 128, horizon
//! 96) at batch 32. The fastest wall times of forward and backward, the device waited for.

use std::time::Instant;

use microglia::compare::Case;
use microglia::engine::{Engine, Pass};
use microglia::gpu::Choice;
use microglia::kernels::GpuEngine;
use microglia::models::{NormKind, PatchtstOptions, Variant};
use microglia::program::List;
use microglia::program::tensor::LOSSES;
use microglia::reference::CpuEngine;

fn case(norm: NormKind, dropout: f64) -> Case {
    let mut case = Case::patchtst(Variant::Official, 1, 32, 336).layers(3).slots(1).set(|p| {
        *p = PatchtstOptions { d_model: 16, heads: 4, ff: 128, norm, ..PatchtstOptions::of(Variant::Official) };
    });
    (case.sizes.channels, case.sizes.targets, case.sizes.horizon, case.sizes.rows) = (7, 7, 96, 1000);
    if dropout > 0.0 { case.dropout(dropout) } else { case }
}

/// Milliseconds of the fastest run of two seconds'.
fn time(engine: &mut dyn Engine, lists: &[List]) -> microglia::Result<f64> {
    let passes: Vec<Pass> = lists.iter().map(|&list| Pass { list, slot: 0 }).collect();
    let mut fastest = f64::INFINITY;
    let begun = Instant::now();
    while begun.elapsed().as_secs_f64() < 2.0 {
        let started = Instant::now();
        engine.run(&passes)?;
        engine.read_f32(LOSSES, 0)?;
        fastest = fastest.min(started.elapsed().as_secs_f64());
    }
    Ok(fastest * 1e3)
}

fn main() -> microglia::Result<()> {
    // Cargo adds `--bench`.
    let device = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_else(|| "auto".into());
    let choice: Choice = device.parse()?;
    println!("{:<6} {:>8} {:>12} {:>12}  device", "norm", "dropout", "forward ms", "step ms");
    for norm in [NormKind::Batch, NormKind::Layer] {
        for dropout in [0.0, 0.3] {
            let case = case(norm, dropout);
            let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(CpuEngine::<f32>::new(case.program()?, None)?)];
            engines
                .extend(GpuEngine::open(&choice, case.program()?)?.map(|engine| Box::new(engine) as Box<dyn Engine>));
            for mut engine in engines {
                case.load(engine.as_mut(), 1)?;
                let forward = time(engine.as_mut(), &[List::Forward])?;
                let step = time(engine.as_mut(), &[List::Forward, List::Backward])?;
                println!("{norm:<6} {dropout:>8} {forward:>12.2} {step:>12.2}  {}", engine.device());
            }
        }
    }
    Ok(())
}
