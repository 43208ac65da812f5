//! The matrix product's two variants over the models' shapes: `cargo bench --bench linear [-- ADAPTER]`.
//!
//! Fastest wall times, the device waited for, less that of an empty run; forward, backward to the input and to the
//! weight each. `registers` is what software adapters get, `tiles` what real GPUs get.

use std::time::Instant;

use microglia::engine::Engine;
use microglia::gpu::{AdapterClass, Choice, Gpu};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::program::builder::Sizes;
use microglia::program::op::{LinearBackwardInput, LinearBackwardWeight, LinearForward, Op};
use microglia::program::tensor::LOSSES;
use microglia::program::{Builder, List, Param, ParamLayout, Program, Rows};

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

/// One linear layer: its forward, and its backward ops as the lists' first and second.
fn program([rows, inputs, outputs]: [usize; 3]) -> microglia::Result<Program> {
    let layout = ParamLayout::new(vec![
        Param::new("weight", &[outputs, inputs], true, 0.1),
        Param::new("bias", &[outputs], false, 0.1),
    ]);
    let (weight, bias) = (layout.get("weight").map_or(0, |p| p.offset), layout.get("bias").map_or(0, |p| p.offset));
    let sizes = Sizes {
        replicas: 1,
        batch: 1,
        slots: 1,
        prediction_slots: 1,
        rows: 1,
        channels: 1,
        targets: 1,
        horizon: 1,
        lookback: 1,
    };
    let mut b = Builder::new(sizes, layout);
    let mut dense = |name: &str, width: usize| Rows::dense(b.tensor(name, &[rows, width]), rows, width);
    let (input, output) = (dense("input", inputs), dense("output", outputs));
    let (d_input, d_output) = (dense("d_input", inputs), dense("d_output", outputs));
    b.forward(Op::LinearForward(LinearForward { input, weight, bias, residual: None, output }));
    b.backward(Op::LinearBackwardWeight(LinearBackwardWeight {
        parts: vec![(input, d_output)],
        d_weight: weight,
        d_bias: bias,
    }));
    b.backward(Op::LinearBackwardInput(LinearBackwardInput { d_output, weight, skip: None, d_input }));
    b.finish()
}

/// Seconds of the fastest `run` of about a second.
fn time(engine: &mut GpuEngine, run: impl Fn(&mut GpuEngine) -> microglia::Result<()>) -> microglia::Result<f64> {
    let mut fastest = f64::INFINITY;
    let begun = Instant::now();
    while begun.elapsed().as_secs_f64() < 1.0 {
        let started = Instant::now();
        run(engine)?;
        engine.read_f32(LOSSES, 0)?;
        fastest = fastest.min(started.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

fn main() -> microglia::Result<()> {
    // Cargo adds `--bench`.
    let device = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_else(|| "gpu".into());
    let choice: Choice = device.parse()?;
    let Some(gpu) = Gpu::open(&choice)? else { return Ok(()) };
    println!("{}; ms and GFLOP/s", gpu.summary().name);
    print!("{:<18} {:>16} {:<9}", "", "shape", "variant");
    println!(" {:>8} {:>6} {:>8} {:>6} {:>8} {:>6}", "forward", "", "input", "", "weight", "");
    for (name, shape) in SHAPES {
        let flops = 2.0 * shape.iter().product::<usize>() as f64;
        for (variant, class) in [("registers", AdapterClass::Software), ("tiles", AdapterClass::Discrete)] {
            let options = GpuOptions { class: Some(class), ..GpuOptions::default() };
            let mut engine = GpuEngine::new(gpu.clone(), program(shape)?, options)?;
            let empty = time(&mut engine, |_| Ok(()))?;
            print!("{name:<18} {:>16} {variant:<9}", shape.map(|n| n.to_string()).join("·"));
            for (list, index) in [(List::Forward, 0), (List::Backward, 0), (List::Backward, 1)] {
                let seconds = time(&mut engine, |engine| engine.run_op(list, index, 0))? - empty;
                print!(" {:>8.3} {:>6.1}", seconds * 1e3, flops / seconds / 1e9);
            }
            println!();
        }
    }
    Ok(())
}
