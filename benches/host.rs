//! What the host does alone: recording a step for a GPU, reading a CSV file, and writing and reading a checkpoint.
//! `cargo bench --bench host`; options in `common`; `--only record`, `--only csv`, `--only checkpoint`.

mod common;

use std::fmt::Write;
use std::time::Instant;

use common::{Options, Result, STEP, models};
use microglia::data::DataOptions;
use microglia::engine::{EngineKind, Pass};
use microglia::error::Error;
use microglia::models::{ModelKind, ModelOptions, Variant};
use microglia::reference::CpuEngine;
use microglia::train::weights::checkpoints::{self, Every};
use microglia::train::weights::header::DeviceHeader;
use microglia::train::{Checkpoints, Plan, TrainOptions, run};

fn main() -> Result<()> {
    let options = Options::typed()?;
    if options.asks_for("record") {
        record(&options)?;
    }
    if options.asks_for("csv") {
        csv(&options)?;
    }
    if options.asks_for("checkpoint") {
        checkpoint(&options)?;
    }
    Ok(())
}

/// Time of recording a step and handing it in. Of one short window, so that a step is one submission: drivers that play a
/// GPU make the host wait inside a submission while another runs.
fn record(options: &Options) -> Result<()> {
    println!("{:<18} {:>10} {:>14} {:>18}  device", "record", "dispatches", "µs a step", "µs a dispatch");
    let passes = STEP.map(|list| Pass { list, slot: 0 });
    for mut model in models(1) {
        (model.case.sizes.batch, model.case.sizes.lookback) = (1, 32);
        options.on_each(&model.case.program()?, |engine| {
            if engine.kind() == EngineKind::Cpu {
                return Ok(()); // it records nothing
            }
            model.case.load(engine, 1)?;
            let mut each = Vec::new();
            let mut dispatches = 0;
            let begun = Instant::now();
            while each.len() < 3 || begun.elapsed().as_secs_f64() < options.seconds {
                let before = engine.tally();
                engine.run(&passes)?;
                engine.wait()?;
                let after = engine.tally();
                dispatches = after.dispatches - before.dispatches;
                each.push(1e-3 * (after.host_nanos - before.host_nanos) as f64);
            }
            each.sort_by(f64::total_cmp);
            let (micros, name) = (each[each.len() / 2], model.name);
            let per_dispatch = micros / dispatches as f64;
            println!("{name:<18} {dispatches:>10} {micros:>14.1} {per_dispatch:>18.2}  {}", engine.device());
            Ok(())
        })?;
    }
    Ok(())
}

/// From a file of seven numeric columns and a time column to a data set.
fn csv(options: &Options) -> Result<()> {
    println!("{:<10} {:>10} {:>8} {:>10} {:>12} {:>8}", "csv", "rows", "MB", "ms", "rows / s", "MB/s");
    let folder = tempfile::tempdir().map_err(Error::io(std::env::temp_dir(), "make room there"))?;
    for rows in [1_000, 10_000, 100_000, 400_000] {
        let mut text = String::from("date,a,b,c,d,e,f,g\n");
        for row in 0..rows {
            let (day, hour) = (row / 24, row % 24);
            let date = chrono::NaiveDate::from_ymd_opt(1990, 1, 1).unwrap_or_default() + chrono::Days::new(day);
            let _ = write!(text, "{date} {hour:02}:00:00");
            for column in 0..7 {
                let _ = write!(text, ",{:.4}", ((row * 7 + column) as f64 * 0.37).sin());
            }
            text.push('\n');
        }
        let file = folder.path().join("series.csv");
        std::fs::write(&file, &text).map_err(Error::io(&file, "make room there"))?;
        let data = DataOptions {
            source: file.display().to_string().parse()?,
            targets: Some(vec!["g".into()]),
            ..DataOptions::default()
        };
        let mut times = Vec::new();
        let begun = Instant::now();
        while times.len() < 3 || begun.elapsed().as_secs_f64() < options.seconds {
            let started = Instant::now();
            data.load()?;
            times.push(started.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let (seconds, megabytes) = (times[times.len() / 2], 1e-6 * text.len() as f64);
        println!(
            "{:<10} {rows:>10} {megabytes:>8.1} {:>10.2} {:>12.0} {:>8.0}",
            "",
            1e3 * seconds,
            rows as f64 / seconds,
            megabytes / seconds
        );
    }
    Ok(())
}

/// A checkpoint of a run on the embedded set, 48 rows in and 6 out: written, flushed to disk and renamed; and read again.
fn checkpoint(options: &Options) -> Result<()> {
    println!("{:<18} {:>4} {:>10} {:>10} {:>10} {:>10}", "checkpoint", "R", "weights", "MB", "write ms", "read ms");
    let folder = tempfile::tempdir().map_err(Error::io(std::env::temp_dir(), "make room there"))?;
    let cases = [(ModelKind::Lstm, 1), (ModelKind::Lstm, 10), (ModelKind::Lstm, 40), (ModelKind::Patchtst, 1)];
    for (kind, replicas) in cases {
        let model = ModelOptions::of(kind, Variant::Official);
        let data = DataOptions { calendar: Some(kind == ModelKind::Lstm), ..DataOptions::default() };
        let data = match kind {
            ModelKind::Patchtst => DataOptions { covariates: Some("none".parse()?), ..data },
            _ => data,
        };
        let dataset = data.load()?;
        let asked = TrainOptions { model, replicas, epochs: Some(1), max_steps: Some(1), ..TrainOptions::default() };
        let plan = Plan::new(&dataset, &asked)?;
        let mut engine = CpuEngine::<f32>::new(plan.program.clone(), None)?;
        let end = run(&dataset, &plan, &mut engine, &mut ())?.end;
        let device = DeviceHeader::of(&engine);
        let mut checkpoints = Checkpoints::open(folder.path(), Every::Stop, 2, "", None)?;
        let (mut writes, mut reads) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        while writes.len() < 5 || begun.elapsed().as_secs_f64() < options.seconds {
            let started = Instant::now();
            checkpoints.save(&dataset, &plan, &device, &end)?;
            writes.push(started.elapsed().as_secs_f64());
            let started = Instant::now();
            checkpoints::newest(folder.path())?.0.run()?;
            reads.push(started.elapsed().as_secs_f64());
        }
        let bytes = checkpoints::newest(folder.path())?.0.bytes();
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            1e3 * times[times.len() / 2]
        };
        println!(
            "{:<18} {replicas:>4} {:>10} {:>10.2} {:>10.2} {:>10.2}",
            kind.to_string(),
            plan.program.params.total(),
            1e-6 * bytes as f64,
            median(&mut writes),
            median(&mut reads)
        );
    }
    Ok(())
}
