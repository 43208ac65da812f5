//! A device that the caller opened.

use microglia::compare::Case;
use microglia::engine::Engine;
use microglia::gpu::{AdapterClass, Gpu, wgpu};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::models::ModelKind;
use microglia::program::tensor::{MASK, PARAMS};
use microglia::program::{List, Op};

use crate::gpu_support::{engine, gpu, open, train, with, with_limits};
use crate::shaders::cases;

#[test]
fn the_callers_device_gives_the_same_bits_and_its_buffers_can_be_read() {
    let Some(own) = gpu() else { return };
    let (device, queue) = open(&own, wgpu::Limits::default());
    let theirs = Gpu::with_device(device.clone(), queue.clone()).unwrap();
    assert_eq!(theirs.summary().class(), own.summary().class());
    assert_eq!(theirs.summary().max_buffer_bytes, wgpu::Limits::default().max_buffer_size);
    let case = Case::new(ModelKind::Rnn, 2, 3, 5, 4);
    let program = case.program().unwrap();
    let cell = |op: &Op| if let Op::RecurrentForward(op) = op { Some(op.clone()) } else { None };
    let cell = program.forward.iter().find_map(cell).expect("a recurrent op");
    let run = |engine: &mut GpuEngine| {
        case.load(engine, 1).unwrap();
        for op in 0..program.forward.len() {
            engine.run_op(List::Forward, op, 0).unwrap();
        }
        engine.read_f32(cell.states, 1).unwrap()
    };
    let wanted = run(&mut engine(&own, program.clone()));
    let mut engine = GpuEngine::new(theirs, program.clone(), GpuOptions::default()).unwrap();
    assert_eq!(run(&mut engine), wanted);

    // The same row, by a copy of the caller's own.
    let (buffer, start) = engine.buffer(cell.states, 1).unwrap();
    let bytes = 4 * wanted.len() as u64;
    let read = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: bytes,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, start, &read, 0, bytes);
    queue.submit([encoder.finish()]);
    read.map_async(wgpu::MapMode::Read, .., |mapped| mapped.unwrap());
    device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let found: Vec<f32> = bytemuck::pod_collect_to_vec(&read.get_mapped_range(..).unwrap());
    assert_eq!(found, wanted);
    let error = engine.buffer(PARAMS, 2).unwrap_err().to_string();
    assert!(error.contains("tensor `params`") && error.contains("[2]"), "{error}");
}

#[test]
fn a_device_of_too_little_is_rejected_by_its_limits() {
    let Some(own) = gpu() else { return };
    let limits = wgpu::Limits {
        max_storage_buffers_per_shader_stage: 4,
        max_compute_invocations_per_workgroup: 128,
        max_compute_workgroup_size_x: 128,
        ..wgpu::Limits::default()
    };
    let (device, queue) = open(&own, limits);
    let error = Gpu::with_device(device, queue).unwrap_err().to_string();
    for part in [
        "max_storage_buffers_per_shader_stage is 4, needed is 8",
        "max_compute_invocations_per_workgroup is 128, needed is 256",
        "max_compute_workgroup_size_x is 128",
        "help: open it with",
    ] {
        assert!(error.contains(part), "no {part:?} in {error}");
    }
    assert!(!error.contains("texture"), "{error}");
}

/// Every kernel, cut for software adapters and for cards, with nothing beyond what WebGPU gives everyone.
#[test]
fn webgpu_s_default_limits_are_enough_for_every_kernel() {
    let Some(own) = gpu() else { return };
    let plain = with_limits(&own, wgpu::Limits::default());
    assert_eq!(plain.device().features(), wgpu::Features::empty());
    for case in cases() {
        for class in [AdapterClass::Software, AdapterClass::Discrete] {
            let run = |gpu| {
                let options = GpuOptions { class: Some(class), ..Default::default() };
                let mut engine = with(gpu, case.program().unwrap(), options);
                case.load(&mut engine, 3).unwrap();
                train(&mut engine, case.prune_count > 0);
                [PARAMS, MASK].map(|id| engine.read_u32(id, 0).unwrap())
            };
            assert!(run(&own) == run(&plain), "{case:?} as {class:?}");
        }
    }
}
