//! From nothing to the end of the first training step: `cargo bench --bench first_step`; options in `common`.
//!
//! Opening the device, making the engine (every shader of every list compiled), writing its data, and a first step waited
//! for. A driver's own cache counts: `MESA_SHADER_CACHE_DISABLE=true` leaves Mesa's out.

mod common;

use std::time::Instant;

use common::{Options, Result, STEP};
use microglia::engine::{Engine, Pass};
use microglia::gpu::{Choice, Gpu};
use microglia::kernels::{GpuEngine, GpuOptions};

fn main() -> Result<()> {
    let options = Options::typed()?;
    let Some(named) = options.gpu.as_ref().map(|gpu| gpu.summary().name.clone()) else {
        eprintln!("no GPU: name a software adapter, as in `cargo bench --bench first_step -- llvmpipe`");
        return Ok(());
    };
    if !options.json {
        println!(
            "{:<18} {:>9} {:>9} {:>9} {:>9} {:>9}  device",
            "model", "open s", "engine s", "load s", "step s", "all s"
        );
    }
    for model in options.models() {
        let begun = Instant::now();
        let mut last = 0.0;
        let mut lap = || {
            let now = begun.elapsed().as_secs_f64();
            let lap = now - last;
            last = now;
            lap
        };
        // A device of its own: what another model compiled is not to be found.
        let Some(gpu) = Gpu::open(&Choice::Named(named.clone()))? else { continue };
        let open = lap();
        let mut engine = GpuEngine::new(gpu, model.case.program()?, GpuOptions::default())?;
        let made = lap();
        model.case.load(&mut engine, 1)?;
        let load = lap();
        engine.run(&STEP.map(|list| Pass { list, slot: 0 }))?;
        engine.wait()?;
        let step = lap();
        let name = model.name;
        if options.json {
            let figures = serde_json::json!({
                "model": name,
                "device": named,
                "open_s": open,
                "engine_s": made,
                "load_s": load,
                "step_s": step,
            });
            println!("{figures}");
            continue;
        }
        let all = open + made + load + step;
        println!("{name:<18} {open:>9.3} {made:>9.3} {load:>9.3} {step:>9.3} {all:>9.3}  {named}");
    }
    Ok(())
}
