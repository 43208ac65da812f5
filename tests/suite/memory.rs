//! Memory that does not grow with the number of steps: the process's, and what wgpu holds.

use microglia::compare::Case;
use microglia::engine::{Engine, Pass};
use microglia::gpu::Gpu;
use microglia::kernels::GpuOptions;
use microglia::models::ModelKind::Lstm;
use microglia::program::List;
use microglia::program::tensor::{LOSSES, PARAMS, STATUS, STEPS};
use microglia::reference::CpuEngine;

use crate::gpu_support::{gpu, with};

/// Bytes that the process has in memory; `None` where the system does not say.
fn resident_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split_whitespace().nth(1)?.parse::<u64>().ok()? * 4096)
}

/// Bytes and pieces that wgpu has allocated on the device, by its allocator.
fn held(gpu: &Gpu) -> Option<(u64, usize)> {
    let report = gpu.device().generate_allocator_report()?;
    Some((report.total_allocated_bytes, report.allocations.len()))
}

fn case() -> Case {
    Case::new(Lstm, 2, 4, 5, 9).dropout(0.3).clip(0.5).prune(3)
}

/// What a training does a step at a time, its tables, readings and rests included.
fn steps(engine: &mut dyn Engine, count: usize) {
    let slots = engine.program().slots;
    for step in 0..count {
        let slot = step % slots;
        engine.run(&List::STEP.map(|list| Pass { list, slot })).unwrap();
        if slot + 1 == slots {
            for r in 0..engine.program().replicas {
                let table = engine.read_u32(STEPS, r).unwrap();
                engine.write_u32(STEPS, r, &table).unwrap();
                engine.read_f32(LOSSES, r).unwrap();
                engine.read_u32(STATUS, r).unwrap();
            }
        }
        if step % 50 == 49 {
            engine.rest(&[step % 100 == 49, false]).unwrap();
            engine.run(&[Pass { list: List::Evaluate, slot: 0 }]).unwrap();
            engine.read_f32(PARAMS, 1).unwrap();
        }
    }
    engine.rest(&[false, false]).unwrap();
    engine.wait().unwrap();
}

/// After `warm` steps, as many more as asked for add nothing to what is held, and to the process no more than `slack` bytes.
fn does_not_grow(warm: usize, count: usize, slack: u64, alone: bool) {
    if let Some(gpu) = gpu() {
        // An engine of its own device: other tests allocate on theirs meanwhile.
        let gpu = crate::gpu_support::with_limits(&gpu, microglia::gpu::wgpu::Limits::default());
        let mut engine = with(&gpu, case().program().unwrap(), GpuOptions::default());
        case().load(&mut engine, 3).unwrap();
        steps(&mut engine, warm);
        let (before, resident) = (held(&gpu), resident_bytes());
        steps(&mut engine, count);
        let after = held(&gpu);
        assert_eq!(before, after, "bytes and pieces of wgpu's allocator");
        report(&engine.device(), count, before, resident, slack, alone);
    }
    let mut engine = CpuEngine::<f32>::new(case().program().unwrap(), Some(2)).unwrap();
    case().load(&mut engine, 3).unwrap();
    steps(&mut engine, warm);
    let resident = resident_bytes();
    steps(&mut engine, count);
    report("the CPU engine", count, None, resident, slack, alone);
}

fn report(device: &str, count: usize, held: Option<(u64, usize)>, resident: Option<u64>, slack: u64, alone: bool) {
    let Some((before, after)) = resident.zip(resident_bytes()) else { return };
    println!("{count} steps on {device}: allocator {held:?} before and after, resident {before} then {after} bytes");
    assert!(!alone || after <= before + slack, "{device}: resident {before} bytes, then {after}");
}

/// What wgpu holds, whatever other tests do.
#[test]
fn steps_allocate_nothing() {
    does_not_grow(100, 400, 0, false);
}

/// The resident set too, with nothing else in the process.
#[test]
#[ignore = "minutes, and alone in its process: cargo test --test suite -- --ignored --nocapture ten_thousand_steps"]
fn ten_thousand_steps_take_no_more_memory_than_a_thousand() {
    does_not_grow(1_000, 10_000, 4 << 20, true);
}
