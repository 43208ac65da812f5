//! One kernel on a device that this program opened itself, beside work of its own: `y = x·Wᵀ + b` for 100 rows, whose
//! result stays on the device and is copied from there.
//!
//! `cargo run --release --example one_kernel [ADAPTER]`, such as `llvmpipe`.

use std::error::Error;

use microglia::engine::Engine;
use microglia::gpu::{Gpu, wgpu};
use microglia::kernels::{GpuEngine, GpuOptions};
use microglia::layers::{Signal, linear};
use microglia::program::builder::Sizes;
use microglia::program::tensor::PARAMS;
use microglia::program::{Builder, List, Param, ParamLayout, Program, Rows, TensorId};
use microglia::reference::CpuEngine;

const ROWS: usize = 100;
const INPUTS: usize = 24;
const OUTPUTS: usize = 8;

/// A program of one layer, its input and its output. No window, replica or step is of interest here.
fn program() -> microglia::Result<(Program, TensorId, TensorId)> {
    let weight = Param::new("weight", &[OUTPUTS, INPUTS], true, 0.5);
    let bias = Param::new("bias", &[OUTPUTS], false, 0.5);
    let mut b = Builder::new(Sizes::default(), ParamLayout::new(vec![weight, bias]));
    let x = b.tensor("x", &[ROWS, INPUTS]);
    let y = linear(&mut b, "y", ("weight", "bias"), Signal::data(Rows::dense(x, ROWS, INPUTS)));
    Ok((b.finish()?, x, y.value.tensor))
}

/// Runs the one op on an engine.
fn forward(engine: &mut dyn Engine, x: TensorId) -> microglia::Result<()> {
    let values: Vec<f32> = (0..ROWS * INPUTS).map(|i| (i as f32 * 0.1).sin()).collect();
    let weights = engine.program().params.initial(7);
    engine.write_f32(x, 0, &values)?;
    engine.write_f32(PARAMS, 0, &weights)?;
    engine.run_op(List::Forward, 0, 0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (program, x, y) = program()?;
    let mut twin = CpuEngine::<f32>::new(program.clone(), None)?;
    forward(&mut twin, x)?;
    let wanted = twin.read_f32(y, 0)?;

    // As any wgpu program begins.
    let name = std::env::args().nth(1).unwrap_or_default().to_lowercase();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let Some(adapter) = adapters.into_iter().find(|adapter| adapter.get_info().name.to_lowercase().contains(&name))
    else {
        println!("no such GPU here: the CPU engine alone; y[0] is {:?}", &wanted[..OUTPUTS]);
        return Ok(());
    };
    let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))?;

    // Devices and queues are handles: the program keeps its own.
    let gpu = Gpu::with_device(device.clone(), queue.clone())?;
    let mut engine = GpuEngine::new(gpu, program, GpuOptions::default())?;
    forward(&mut engine, x)?;

    // The result, without a detour by the host, in a buffer of the program's own.
    let (result, start) = engine.buffer(y, 0)?;
    let bytes = 4 * wanted.len() as u64;
    let own = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("own"),
        size: bytes,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(result, start, &own, 0, bytes);
    queue.submit([encoder.finish()]);
    own.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("the buffer can be mapped"));
    device.poll(wgpu::PollType::wait_indefinitely())?;
    let view = own.get_mapped_range(..)?;
    let found: &[f32] = bytemuck::cast_slice(&view);

    let off = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{}: y[0] is {:?}, at most {off:.1e} from the CPU engine's", engine.device(), &found[..OUTPUTS]);
    Ok(())
}
