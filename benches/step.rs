//! One training step, and one prune, of each model: `cargo bench --bench step`; options in `common`.
//!
//! Medians of wall time, many steps in a row, the device waited for.

mod common;

use common::{Options, Result, STEP, time};
use microglia::program::{Cost, List};

fn main() -> Result<()> {
    let options = Options::typed()?;
    if !options.json {
        println!("{:<18} {:>10} {:>11} {:>9} {:>9}  device", "model", "step ms", "windows / s", "GFLOP/s", "prune ms");
    }
    for model in options.models() {
        let program = model.case.program()?;
        let cost: Cost = STEP.iter().flat_map(|&list| program.list(list)).map(|op| program.cost(op)).sum();
        options.on_each(&program, |engine| {
            model.case.load(engine, 1)?;
            let step = time(engine, &STEP, options.seconds)?;
            let prune = time(engine, &[List::Prune], 0.2 * options.seconds)?;
            let (name, device) = (model.name, engine.device());
            if options.json {
                let figures = serde_json::json!({
                    "model": name,
                    "engine": engine.kind(),
                    "device": device,
                    "threads": engine.threads(),
                    "step_ms": 1e3 * step,
                    "prune_ms": 1e3 * prune,
                });
                println!("{figures}");
                return Ok(());
            }
            let (rate, speed) = (program.batch as f64 / step, 1e-9 * cost.flops as f64 / step);
            println!("{name:<18} {:>10.3} {rate:>11.0} {speed:>9.1} {:>9.3}  {device}", 1e3 * step, 1e3 * prune);
            Ok(())
        })?;
    }
    Ok(())
}
