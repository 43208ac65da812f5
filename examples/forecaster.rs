//! A forecaster in a few lines: load a series, train an LSTM with synaptic pruning, compare it with the baselines.
//!
//! `cargo run --release --example forecaster`

use microglia::data::DataOptions;
use microglia::reference::CpuEngine;
use microglia::train::baselines::baselines;
use microglia::train::{Plan, TrainOptions, run, summarize};

fn main() -> microglia::Result<()> {
    // The embedded set; `Source::File(path)` for your own CSV file.
    let dataset = DataOptions::default().load()?;
    let options = TrainOptions { epochs: 4, ..TrainOptions::default() };
    let plan = Plan::new(&dataset, &options)?;
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;

    let trained = run(&dataset, &plan, &mut engine, &mut ())?;
    let summary = summarize(&dataset, &plan, &mut engine, trained, baselines(&dataset), &())?.summary;

    let mae = |metrics: &microglia::train::metrics::Metrics| metrics.mae.unwrap_or(f64::NAN);
    println!("test MAE {:.3}, sparsity {:.2}", mae(&summary.best.test), summary.best.sparsity.overall);
    println!("repeat last {:.3}", mae(&summary.baselines.repeat_last));
    println!("ridge {:.3}", mae(&summary.baselines.ridge));
    Ok(())
}
