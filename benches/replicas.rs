//! How many models train in a second, side by side: `cargo bench --bench replicas [-- ADAPTER]`.
//!
//! The paper's cell: hidden 64, 8 inputs, 30 steps, batch 64, horizon 1; forward, backward and update of R models at once.
//! Prints model·steps a second. The CPU engine always runs; a GPU where there is one, or the adapter that is named.

use std::time::Instant;

use microglia::engine::{Engine, Pass};
use microglia::gpu::Choice;
use microglia::kernels::GpuEngine;
use microglia::models::{ModelKind, ModelOptions, Training, build};
use microglia::program::builder::Sizes;
use microglia::program::op::LossKind;
use microglia::program::tensor::*;
use microglia::program::{List, Program, ReplicaStep};
use microglia::reference::CpuEngine;

const ROWS: usize = 500;
const BATCH: usize = 64;
const CHANNELS: usize = 8;

fn program(kind: ModelKind, replicas: usize) -> microglia::Result<Program> {
    let model = ModelOptions { kind, instance_norm: None, ..ModelOptions::default() };
    let training = Training { loss: LossKind::Mse, dropout: true, clip: false };
    let sizes = Sizes {
        replicas,
        batch: BATCH,
        slots: 1,
        prediction_slots: 1,
        rows: ROWS,
        channels: CHANNELS,
        targets: 1,
        horizon: 1,
        lookback: 30,
    };
    build(&model, &training, sizes)
}

fn fill(engine: &mut dyn Engine) -> microglia::Result<()> {
    let layout = engine.program().params.clone();
    let series: Vec<f32> = (0..ROWS * CHANNELS).map(|i| (i as f32 * 0.37).sin()).collect();
    engine.write_f32(SERIES, 0, &series)?;
    engine.write_f32(OBSERVED, 0, &[1.0; ROWS])?;
    for r in 0..engine.program().replicas {
        let step = ReplicaStep {
            active: 1,
            step: 1,
            inv_target_count: 1.0 / BATCH as f32,
            step_size: 1e-3,
            one_minus_beta1: 0.1,
            one_minus_beta2: 0.001,
            ..ReplicaStep::idle(1)
        };
        engine.write_f32(PARAMS, r, &layout.initial(r as u32))?;
        engine.write_u32(MASK, r, &layout.full_mask())?;
        engine.write_u32(WINDOWS, r, &(0..BATCH as u32).collect::<Vec<_>>())?;
        engine.write_u32(STEPS, r, bytemuck::cast_slice(&[step]))?;
    }
    Ok(())
}

/// Median seconds of a step of all replicas.
fn step(engine: &mut dyn Engine) -> microglia::Result<f64> {
    let passes = [List::Forward, List::Backward, List::Update].map(|list| Pass { list, slot: 0 });
    let mut times = Vec::new();
    let begun = Instant::now();
    while times.len() < 5 || begun.elapsed().as_secs_f64() < 2.0 {
        let started = Instant::now();
        engine.run(&passes)?;
        engine.read_f32(LOSSES, 0)?;
        times.push(started.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn main() -> microglia::Result<()> {
    // Cargo adds `--bench`.
    let device = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_else(|| "auto".into());
    let choice: Choice = device.parse()?;
    println!("{:<6} {:>4} {:>12} {:>16}  device", "model", "R", "step ms", "model·steps / s");
    for kind in [ModelKind::Rnn, ModelKind::Lstm] {
        for replicas in [1, 10, 40, 160] {
            let program = program(kind, replicas)?;
            let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(CpuEngine::<f32>::new(program.clone(), None)?)];
            engines.extend(GpuEngine::open(&choice, program)?.map(|engine| Box::new(engine) as Box<dyn Engine>));
            for mut engine in engines {
                fill(engine.as_mut())?;
                let seconds = step(engine.as_mut())?;
                let (ms, rate) = (1e3 * seconds, replicas as f64 / seconds);
                println!("{kind:<6} {replicas:>4} {ms:>12.2} {rate:>16.0}  {}", engine.device());
            }
        }
    }
    Ok(())
}
