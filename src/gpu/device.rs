//! An open device, and the pipelines made on it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::adapter::{Adapter, AdapterSummary, Choice, allowed};
use super::fault::Fault;
use super::shader::{Constant, Kernel, Shader};
use super::timing::{Counters, Stamps};
use crate::error::{Error, Result};

/// The variable of the environment that, where it is `1`, has kernels check every index, to tell a fault of theirs from a
/// driver's: the engine leaves such checks out, for [`program::check`](crate::program::check) has made them. Where a Vulkan
/// driver checks buffers itself (robustBufferAccess2), wgpu leaves those to it in either case.
pub const BOUNDS_CHECKS: &str = "MICROGLIA_BOUNDS_CHECKS";

fn asked_for() -> Result<bool> {
    match std::env::var(BOUNDS_CHECKS).as_deref() {
        Ok("1") => Ok(true),
        Ok("0" | "") | Err(std::env::VarError::NotPresent) => Ok(false),
        other => Err(Error::device(
            format!("{BOUNDS_CHECKS} is {other:?}"),
            "set it to 1 for checks of every index, or leave it out",
        )),
    }
}

/// A shader's name, and what its open words are.
type KernelKey = (String, Vec<Constant>);

/// An open device, with the pipelines made on it so far: engines of one process share it.
pub struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    /// The timestamps that were asked for and granted.
    pub(crate) stamps: Option<Stamps>,
    pub(crate) counters: Counters,
    /// Whether kernels check their indices.
    pub(super) bounds_checks: bool,
    summary: AdapterSummary,
    pub(super) fault: Fault,
    kernels: Mutex<HashMap<KernelKey, Arc<Kernel>>>,
}

impl Gpu {
    /// Opens the best adapter that `choice` allows; `None` is the CPU engine. [`Devices`](super::Devices) tries the next
    /// one where that fails.
    ///
    /// # Errors
    /// [`Error::Device`] where no adapter is meant, [`Error::Adapter`] where it cannot be opened.
    pub fn open(choice: &Choice) -> Result<Option<Arc<Gpu>>> {
        allowed(choice)?.first().map(Self::on).transpose()
    }

    /// Opens an adapter.
    ///
    /// # Errors
    /// [`Error::Adapter`] where that fails, with every limit that it falls short of, or its driver's words.
    pub fn on(adapter: &Adapter) -> Result<Arc<Gpu>> {
        let Adapter { summary, handle } = adapter;
        let bounds_checks = asked_for()?;
        let failed = |problem: String| {
            Error::adapter(
                format!("{} ({}) cannot be opened: {problem}", summary.name, summary.backend),
                "update its driver, or use ‹device cpu›, or another of `microglia devices`",
            )
        };
        if !summary.short_limits.is_empty() {
            return Err(failed(format!("it offers too little: {}", summary.short_limits.join("; "))));
        }
        // Only what bounds the size of a model; the kernels keep to WebGPU's defaults in all else.
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: summary.max_storage_buffer_binding_bytes,
            max_buffer_size: summary.max_buffer_bytes,
            ..wgpu::Limits::default()
        };
        let stamps = Stamps::of(handle.features());
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("microglia"),
            required_features: stamps.map_or(wgpu::Features::empty(), Stamps::features),
            required_limits: limits,
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(handle.request_device(&descriptor)).map_err(|error| failed(error.to_string()))?;
        let gpu = Self::of(device, queue, stamps, summary.clone(), bounds_checks);
        gpu.fault.watch(&gpu.device);
        Ok(Arc::new(gpu))
    }

    /// Works on a device that the caller opened, beside the caller's own work: submissions go to this queue, in order with
    /// those of the caller. `wgpu` is re-exported as [`gpu::wgpu`](super::wgpu), so that versions agree.
    ///
    /// No feature is required; with `TIMESTAMP_QUERY`, and better with `TIMESTAMP_QUERY_INSIDE_PASSES` too, timed runs read
    /// the device's own clock. How large a model may be follows from `max_storage_buffer_binding_size` and
    /// `max_buffer_size`. The device's error and device-lost callbacks stay the caller's, and hear of what no call here
    /// could be blamed for.
    ///
    /// # Errors
    /// [`Error::Device`] with every limit that is below WebGPU's defaults for compute shaders.
    pub fn with_device(device: wgpu::Device, queue: wgpu::Queue) -> Result<Arc<Gpu>> {
        Self::opened(device, queue, asked_for()?)
    }

    /// The same, with kernels that check every index, whatever [`BOUNDS_CHECKS`] says: slower, and the same bits.
    ///
    /// # Errors
    /// As [`Gpu::with_device`].
    pub fn with_bounds_checks(device: wgpu::Device, queue: wgpu::Queue) -> Result<Arc<Gpu>> {
        Self::opened(device, queue, true)
    }

    fn opened(device: wgpu::Device, queue: wgpu::Queue, bounds_checks: bool) -> Result<Arc<Gpu>> {
        let (limits, features) = (device.limits(), device.features());
        let summary = AdapterSummary::with(device.adapter_info(), &limits, features);
        if !summary.short_limits.is_empty() {
            let short = summary.short_limits.join("; ");
            return Err(Error::device(
                format!("{}: the device was opened with too little: {short}", summary.name),
                "open it with `required_limits: wgpu::Limits::default()` or better",
            ));
        }
        Ok(Arc::new(Self::of(device, queue, Stamps::of(features), summary, bounds_checks)))
    }

    fn of(
        device: wgpu::Device,
        queue: wgpu::Queue,
        stamps: Option<Stamps>,
        summary: AdapterSummary,
        bounds_checks: bool,
    ) -> Gpu {
        let (counters, fault, kernels) = (Counters::default(), Fault::default(), Mutex::default());
        Gpu { device, queue, stamps, counters, bounds_checks, summary, fault, kernels }
    }

    /// The device, for work of the caller's own.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The queue on which everything here is submitted.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// The adapter, with the limits that hold here.
    pub fn summary(&self) -> &AdapterSummary {
        &self.summary
    }

    /// The pipeline of a shader, made at its first use.
    pub(crate) fn kernel(
        &self,
        name: &str,
        constants: &[Constant],
        source: impl FnOnce() -> Result<Shader>,
    ) -> Result<Arc<Kernel>> {
        let key = (name.to_string(), constants.to_vec());
        if let Some(kernel) = lock(&self.kernels).get(&key) {
            return Ok(kernel.clone());
        }
        // Compiled outside the lock: another thread's pipelines need not wait.
        let kernel = Arc::new(Kernel::new(self, source()?, constants)?);
        Ok(lock(&self.kernels).entry(key).or_insert(kernel).clone())
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("adapter", &self.summary.name).finish_non_exhaustive()
    }
}

/// A thread that panicked while it held one of these left nothing half-done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
