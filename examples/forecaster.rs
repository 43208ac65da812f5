//! A forecaster in 30 lines: load a series, train an LSTM with synaptic pruning, compare it with the baselines, forecast.
//!
//! `cargo run --release --example forecaster [FILE.csv]`: a time column and a column `y`; without a file, the weather set.

use microglia::data::{DataOptions, Source};
use microglia::reference::CpuEngine;
use microglia::train::scores::baselines::baselines;
use microglia::train::scores::predict::predict;
use microglia::train::{Plan, TrainOptions, run, summarize};

fn main() -> microglia::Result<()> {
    let source = std::env::args().nth(1).map_or(Source::Embedded, |file| Source::File(file.into()));
    let dataset = DataOptions { source, ..DataOptions::default() }.load()?;
    let options = TrainOptions { epochs: Some(4), ..TrainOptions::default() };
    let plan = Plan::new(&dataset, &options)?;
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;

    let trained = run(&dataset, &plan, &mut engine, &mut ())?;
    let summary = summarize(&dataset, &plan, &mut engine, trained, baselines(&dataset), &())?.summary;

    let mae = |metrics: &microglia::train::scores::metrics::Metrics| metrics.mae.unwrap_or(f64::NAN);
    println!("test MAE {:.3}, sparsity {:.2}", mae(&summary.best.test), summary.best.sparsity.overall);
    println!("repeat last {:.3}, ridge {:.3}", mae(&summary.baselines.repeat_last), mae(&summary.baselines.ridge));

    let window = dataset.test[dataset.test.len() - 1];
    let (forecasts, _) = predict(&mut engine, &plan, &[window], None, &|| false)?;
    for (row, scaled) in (window as usize + dataset.lookback..).zip(forecasts[0].point().chunks(dataset.targets())) {
        let value = dataset.unscale(dataset.series_of(row), 0, scaled[0].into());
        println!("{}: {value:.2}, was {:.2}", dataset.time_label(row), dataset.raw_targets[row * dataset.targets()]);
    }
    Ok(())
}
