//! Every kernel family over sizes, in the models that use it: `cargo bench --bench kernels`; options in `common`.
//!
//! `--only` takes a part of a model's name or of an op's: `--only linear`, `--only "lstm 256"`. Medians of what the device's
//! clock says, or of wall time where it has none; the share is that of the time which the device's own copy and
//! multiply-adds, measured first, would need.

mod common;

use std::time::Instant;

use common::{Options, Result, STEP};
use microglia::compare::Case;
use microglia::engine::{Engine, Roofline};
use microglia::models::ModelKind::{Gru, Lstm, Rnn};
use microglia::models::Variant;
use microglia::profile::{OpProfile, time_ops};
use microglia::program::op::InstanceNorm;
use microglia::program::{List, Program};

/// Each with everything that adds a kernel.
fn cases() -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for (word, kind) in [("rnn", Rnn), ("lstm", Lstm), ("gru", Gru)] {
        for hidden in [16, 64, 256, 512] {
            let case = Case::new(kind, 1, 64, 30, hidden).norm(InstanceNorm::MeanStd).dropout(0.2).clip(1.0).prune(50);
            cases.push((format!("{word} {hidden}"), case));
        }
    }
    for (variant, d_model, heads, ff) in
        [(Variant::Official, 32, 4, 64), (Variant::Official, 128, 16, 256), (Variant::Authors, 128, 8, 256)]
    {
        let case = Case::patchtst(variant, 1, 32, 96).dropout(0.2).clip(1.0).prune(50).set(|p| {
            (p.patch, p.d_model, p.heads, p.ff) = (Some(8), d_model, heads, ff);
            p.stride = Some(if variant == Variant::Official { 4 } else { 8 });
            p.revin_affine = variant == Variant::Official;
        });
        cases.push((format!("patchtst {variant} {d_model}"), case));
    }
    cases
}

fn main() -> Result<()> {
    let options = Options::typed()?;
    let lists = [List::Forward, List::Backward, List::Prune, List::Update];
    let mut rooflines: Vec<(String, Roofline)> = Vec::new();
    if !options.json {
        println!(
            "{:<22} {:<29} {:>5} {:>10} {:>9} {:>8} {:>8}  device",
            "model", "op", "calls", "µs a call", "GFLOP/s", "GB/s", "share"
        );
    }
    for (name, case) in cases() {
        let program = case.program()?;
        let wanted = |label: &str| options.asks_for(&name) || options.asks_for(label);
        if !lists.iter().flat_map(|&list| program.list(list)).any(|op| wanted(op.label())) {
            continue;
        }
        options.on_each(&program, |engine| {
            case.load(engine, 1)?;
            let roofline = match rooflines.iter().find(|(device, _)| *device == engine.device()) {
                Some((_, roofline)) => *roofline,
                None => {
                    let roofline = engine.roofline()?;
                    rooflines.push((engine.device(), roofline));
                    roofline
                }
            };
            for op in ops(engine, &program, options.seconds, &roofline)?.iter().filter(|op| wanted(op.op)) {
                let each = op.median_us / op.calls as f64;
                if options.json {
                    println!("{}", serde_json::json!({ "model": name, "device": engine.device(), "op": op }));
                    continue;
                }
                println!(
                    "{name:<22} {:<29} {:>5} {each:>10.1} {:>9.2} {:>8.2} {:>6.1} %  {}",
                    op.op,
                    op.calls,
                    op.gflops,
                    op.gigabytes_per_second,
                    100.0 * op.roofline_share,
                    engine.device()
                );
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The ops of a step, and those of a prune, in about so many seconds.
fn ops(engine: &mut dyn Engine, program: &Program, seconds: f64, roofline: &Roofline) -> Result<Vec<OpProfile>> {
    // The first compiles.
    time_ops(engine, &STEP, 0, 1, roofline)?;
    let started = Instant::now();
    time_ops(engine, &STEP, 0, 1, roofline)?;
    let steps = (seconds / started.elapsed().as_secs_f64()).clamp(3.0, 300.0) as usize;
    let mut ops = time_ops(engine, &STEP, 0, steps, roofline)?;
    // So often that there are always weights left to prune.
    let most = program.params.prunable() / 60;
    ops.extend(time_ops(engine, &[List::Prune], 0, steps.min(most).max(1), roofline)?);
    Ok(ops)
}
