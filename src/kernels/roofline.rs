//! What a device can do at best, by the three shaders of `shaders/roofline`.

use std::time::Instant;

use super::sources;
use crate::engine::Roofline;
use crate::error::Result;
use crate::gpu::pass::Prepared;
use crate::gpu::shader::Access;
use crate::gpu::{DeviceType, Gpu, buffer};

/// Bytes of each buffer of the copy: more than the caches of a GPU, or of a processor that plays one.
const COPY_BYTES: [u64; 2] = [256 << 20, 64 << 20];
/// Workgroups of the copy, 256 invocations each.
const COPY_GROUPS: u32 = 16_384;
/// Workgroups of the multiply-adds, 256 invocations each.
const ARITHMETIC_GROUPS: u32 = 4096;
/// Rounds of 16 multiply-adds in each of 8 chains.
const ROUNDS: u32 = 32;
/// The time that a reading aims at.
const SECONDS: f64 = 0.02;
/// Readings of each, of which the best counts.
const READINGS: usize = 5;

pub(super) fn measure(gpu: &Gpu) -> Result<Roofline> {
    let summary = gpu.summary();
    let most = summary.max_storage_buffer_binding_bytes.min(summary.max_buffer_bytes);
    let copy_bytes = COPY_BYTES[usize::from(summary.device_type == DeviceType::Software)].min(most / 16 * 16);
    let words = copy_bytes as usize / 4;
    let source = buffer::storage(gpu, "roofline source", words, 0)?;
    let target = buffer::storage(gpu, "roofline target", words, 0)?;
    let copy = prepare(gpu, "roofline_copy", &[words as u32 / 4], COPY_GROUPS, &[&source, &target])?;
    let params = [ROUNDS, 0.999f32.to_bits(), 0.001f32.to_bits()];
    let arithmetic = prepare(gpu, "roofline_multiply_add", &params, ARITHMETIC_GROUPS, &[&target])?;
    let empty = prepare(gpu, "roofline_empty", &[], 1, &[&target])?;
    let flops = 2.0 * 8.0 * 16.0 * f64::from(ROUNDS) * 256.0 * f64::from(ARITHMETIC_GROUPS);
    Ok(Roofline {
        bytes_per_second: 2.0 * copy_bytes as f64 / seconds(gpu, &copy)?,
        flops_per_second: flops / seconds(gpu, &arithmetic)?,
        dispatch_seconds: seconds(gpu, &empty)?,
    })
}

/// A dispatch with its uniform `p`, and its storage buffers in the order of its bindings.
fn prepare(gpu: &Gpu, name: &'static str, params: &[u32], groups: u32, buffers: &[&wgpu::Buffer]) -> Result<Prepared> {
    let kernel = gpu.kernel(name, &[], || sources::shader(name))?;
    let mut bytes: Vec<u8> = bytemuck::cast_slice(params).to_vec();
    bytes.resize(bytes.len().next_multiple_of(16).max(16), 0);
    let uniform = buffer::uniform(gpu, name, &bytes)?;
    let storage: Vec<u32> =
        kernel.bindings.iter().filter(|binding| binding.access != Access::Uniform).map(|one| one.index).collect();
    let bind_group = kernel.bind(gpu, name, |binding| {
        let place = storage.iter().position(|index| *index == binding.index);
        Ok(place.map_or(&uniform, |place| buffers[place]).as_entire_buffer_binding())
    })?;
    Ok(Prepared { name, kernel, bind_group, workgroups: [groups, 1], work: 0 })
}

/// Seconds of one dispatch among many: what twice as many take longer, so that what a submission costs falls out.
fn seconds(gpu: &Gpu, dispatch: &Prepared) -> Result<f64> {
    let mut count = 1;
    while timed(gpu, dispatch, count)? < SECONDS && count < 1 << 14 {
        count *= 2;
    }
    let (mut once, mut twice) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..READINGS {
        once = once.min(timed(gpu, dispatch, count)?);
        twice = twice.min(timed(gpu, dispatch, 2 * count)?);
    }
    // Where noise hides the difference, the whole time stands.
    Ok(if twice > once { (twice - once) / f64::from(count) } else { twice / f64::from(2 * count) })
}

/// Seconds from handing in `count` dispatches of one pass until they are done.
fn timed(gpu: &Gpu, dispatch: &Prepared, count: u32) -> Result<f64> {
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&dispatch.kernel.pipeline);
        (0..count).for_each(|_| dispatch.record(&mut pass, 0, 1));
    }
    let commands = encoder.finish();
    let started = Instant::now();
    let submission = gpu.scoped(dispatch.name, || gpu.queue.submit([commands]))?;
    gpu.wait(submission, dispatch.name)?;
    Ok(started.elapsed().as_secs_f64())
}
