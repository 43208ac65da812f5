//! The matrix product's two variants on a GPU, over the models' shapes: `cargo bench --bench linear`; options in `common`.
//!
//! Medians of forward, backward to the weight and backward to the input. `registers` is what software adapters get,
//! `tiles` what real GPUs get.

mod common;

use std::time::Instant;

use common::{Options, Result, linear_layer};
use microglia::engine::Roofline;
use microglia::gpu::AdapterClass;
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::profile::{OpProfile, time_ops};
use microglia::program::List;

/// Rows, inputs, outputs.
const SHAPES: [(&str, [usize; 3]); 7] = [
    ("lstm gates", [1920, 8, 256]),
    ("lstm h to h", [1920, 64, 256]),
    ("patchtst 16: qkv", [37_632, 16, 48]),
    ("patchtst 16: ff", [37_632, 128, 16]),
    ("patchtst 16: head", [896, 672, 96]),
    ("patchtst 128: qkv", [9408, 128, 384]),
    ("cube", [512, 512, 512]),
];

fn main() -> Result<()> {
    let options = Options::typed()?;
    let Some(gpu) = &options.gpu else {
        eprintln!("no GPU: name a software adapter, as in `cargo bench --bench linear -- llvmpipe`");
        return Ok(());
    };
    if !options.json {
        println!("{}; µs and GFLOP/s of forward, weight, input", gpu.summary().name);
    }
    for (name, shape) in SHAPES.into_iter().filter(|(name, _)| options.asks_for(name)) {
        for (variant, class) in [("registers", AdapterClass::Software), ("tiles", AdapterClass::Discrete)] {
            let choice = GpuOptions { class: Some(class), ..GpuOptions::default() };
            let mut engine = GpuEngine::new(gpu.clone(), linear_layer(shape)?, choice)?;
            let ops = sampled(&mut engine, options.seconds)?;
            if options.json {
                println!("{}", serde_json::json!({ "name": name, "shape": shape, "variant": variant, "ops": ops }));
                continue;
            }
            print!("{name:<18} {:>16} {variant:<9}", shape.map(|n| n.to_string()).join("·"));
            for label in ["linear_forward", "linear_backward_weight", "linear_backward_input"] {
                if let Some(op) = ops.iter().find(|op| op.op == label) {
                    print!(" {:>9.1} {:>6.1}", op.median_us, op.gflops);
                }
            }
            println!();
        }
    }
    Ok(())
}

/// The layer's ops in about so many seconds.
fn sampled(engine: &mut GpuEngine, seconds: f64) -> Result<Vec<OpProfile>> {
    let lists = [List::Forward, List::Backward];
    let free = Roofline { bytes_per_second: f64::INFINITY, flops_per_second: f64::INFINITY, dispatch_seconds: 0.0 };
    // The first compiles.
    time_ops(engine, &lists, 0, 1, &free)?;
    let started = Instant::now();
    time_ops(engine, &lists, 0, 1, &free)?;
    let steps = (seconds / started.elapsed().as_secs_f64()).clamp(3.0, 300.0) as usize;
    time_ops(engine, &lists, 0, steps, &free)
}
