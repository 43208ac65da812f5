//! Series from an iterator, with no file: two machines whose power is read every minute.
//!
//! `cargo run --release --example custom_series`

use microglia::data::{Covariates, DataOptions, Row};
use microglia::program::rng;
use microglia::reference::CpuEngine;
use microglia::train::scores::baselines::baselines;
use microglia::train::{Plan, TrainOptions, run, summarize};

/// Any iterator will do: a database cursor, a ring buffer, a decoder.
fn readings(machine: &str, seed: u32) -> impl Iterator<Item = Row<String>> {
    let mut load = 0.0;
    (0..600).map(move |minute| {
        load += 0.3 * (f64::from(rng::normal(seed, 0, 1, minute)) - load);
        let hour = f64::from(minute) / 60.0;
        let power = 40.0 + 8.0 * (std::f64::consts::TAU * hour).sin() + 5.0 * load;
        // A sensor that fails now and then: NaN is a missing value.
        let load = if minute % 97 == 96 { f64::NAN } else { load };
        Row::of(machine, format!("2026-01-05 {:02}:{:02}", minute / 60, minute % 60), [power, load])
    })
}

fn main() -> microglia::Result<()> {
    let options = DataOptions {
        targets: Some(vec!["power".into()]),
        covariates: Some(Covariates::Names(vec!["load".into()])),
        lookback: Some(60),
        horizon: Some(10),
        season: Some(60),
        calendar: Some(false),
        impute: Some(microglia::data::Impute::Ffill),
        ..DataOptions::default()
    };
    let rows = readings("lathe", 1).chain(readings("press", 2));
    let dataset = options.load_rows("machines", &["power", "load"], rows)?;
    for notice in &dataset.notices {
        println!("{notice}");
    }

    let mut options = TrainOptions { epochs: Some(3), ..TrainOptions::default() };
    options.model.hidden = 16;
    let plan = Plan::new(&dataset, &options)?;
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;
    let trained = run(&dataset, &plan, &mut engine, &mut ())?;
    let summary = summarize(&dataset, &plan, &mut engine, trained, baselines(&dataset), &())?.summary;
    let mae = |metrics: &microglia::train::scores::metrics::Metrics| metrics.mae.unwrap_or(f64::NAN);
    println!("test MAE {:.3}, repeat last {:.3}", mae(&summary.best.test), mae(&summary.baselines.repeat_last));
    Ok(())
}
