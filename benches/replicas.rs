//! How many models train in a second, side by side: `cargo bench --bench replicas`; options in `common`.
//!
//! `--only "lstm-64 R=40"` is one of them. The paper's cell: hidden 64, 8 inputs, 30 steps, batch 64, horizon 1; forward, backward and update of R models at once.

mod common;

use common::{Options, Result, STEP, models, time};

fn main() -> Result<()> {
    let options = Options::typed()?;
    if !options.json {
        println!(
            "{:<8} {:>4} {:>10} {:>13} {:>16}  device",
            "model", "R", "step ms", "ms per model", "model·steps / s"
        );
    }
    for name in ["rnn-64", "lstm-64"] {
        for replicas in [1, 10, 40, 160] {
            if !options.asks_for(&format!("{name} R={replicas}")) {
                continue;
            }
            let Some(model) = models(replicas).into_iter().find(|model| model.name == name) else { continue };
            options.on_each(&model.case.program()?, |engine| {
                model.case.load(engine, 1)?;
                let step = 1e3 * time(engine, &STEP, options.seconds)?;
                let (each, rate, device) = (step / replicas as f64, 1e3 * replicas as f64 / step, engine.device());
                if options.json {
                    let figures = serde_json::json!({
                        "model": name,
                        "replicas": replicas,
                        "engine": engine.kind(),
                        "device": device,
                        "threads": engine.threads(),
                        "step_ms": step,
                    });
                    println!("{figures}");
                } else {
                    println!("{name:<8} {replicas:>4} {step:>10.3} {each:>13.3} {rate:>16.0}  {device}");
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}
