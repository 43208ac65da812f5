//! Buffers: made with a known content, written and read back.

use std::time::Duration;

use super::device::Gpu;
use crate::error::{Error, Result};

/// The bits of -12345.0: what a test finds where a kernel left a word unwritten.
pub const POISON: u32 = 0xC640_E400;

/// Bytes written at a time while filling a fresh buffer.
const CHUNK_BYTES: usize = 1 << 22;

/// A storage buffer of `words` words that all hold `fill`.
pub(crate) fn storage(gpu: &Gpu, label: &str, words: usize, fill: u32) -> Result<wgpu::Buffer> {
    let bytes = words as u64 * 4;
    gpu.counters.allocated(bytes);
    gpu.scoped(format_args!("{label} ({bytes} bytes)"), || {
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        // wgpu hands out zeroed buffers.
        if fill != 0 {
            let chunk = vec![fill; CHUNK_BYTES.min(words * 4) / 4];
            for start in (0..words).step_by(chunk.len().max(1)) {
                let len = chunk.len().min(words - start);
                gpu.queue.write_buffer(&buffer, start as u64 * 4, bytemuck::cast_slice(&chunk[..len]));
                // Written chunks wait in host memory until a submission.
                gpu.queue.submit([]);
            }
        }
        buffer
    })
}

/// A uniform buffer with these bytes.
pub(crate) fn uniform(gpu: &Gpu, label: &str, bytes: &[u8]) -> Result<wgpu::Buffer> {
    gpu.counters.allocated(bytes.len() as u64);
    gpu.scoped(label, || {
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.queue.write_buffer(&buffer, 0, bytes);
        buffer
    })
}

/// How long a finished submission's buffer may take to be mapped.
const MAP_TIMEOUT: Duration = Duration::from_secs(30);

/// Where read-backs land: grows to the largest so far.
#[derive(Default)]
pub(crate) struct Staging {
    buffer: Option<wgpu::Buffer>,
}

impl Staging {
    /// The bytes of `range` of `source`, after all work submitted so far.
    pub(crate) fn read(&mut self, gpu: &Gpu, source: &wgpu::Buffer, start: u64, len: u64) -> Result<Vec<u8>> {
        if len == 0 {
            return Ok(Vec::new());
        }
        gpu.counters.read_back();
        let buffer = match self.buffer.take() {
            Some(buffer) if buffer.size() >= len => buffer,
            _ => {
                let size = len.next_power_of_two();
                gpu.counters.allocated(size);
                gpu.scoped("the read-back buffer", || {
                    gpu.device.create_buffer(&wgpu::BufferDescriptor {
                        label: Some("read-back"),
                        size,
                        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                        mapped_at_creation: false,
                    })
                })?
            }
        };
        let submission =
            gpu.submit("a read-back", |encoder| encoder.copy_buffer_to_buffer(source, start, &buffer, 0, len))?;
        let (sender, receiver) = std::sync::mpsc::channel();
        gpu.scoped(format_args!("a read-back of {len} bytes"), || {
            buffer.map_async(wgpu::MapMode::Read, 0..len, move |result| {
                // The receiver waits below; it is gone only if the wait itself failed.
                let _ = sender.send(result);
            });
        })?;
        gpu.wait(submission, format_args!("a read-back of {len} bytes"))?;
        let failed = |problem: String| Error::device(problem, "use ‹device cpu›");
        // The work is done, but the callback may run on another thread that waits for the same device.
        match receiver.recv_timeout(MAP_TIMEOUT) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(format!("reading back failed: {error}"))),
            Err(_) => return Err(failed("the driver finished the work but did not map the read-back buffer".into())),
        }
        let view = buffer.get_mapped_range(0..len).map_err(|error| failed(format!("reading back failed: {error}")))?;
        let bytes = view.to_vec();
        drop(view);
        buffer.unmap();
        self.buffer = Some(buffer);
        Ok(bytes)
    }
}
