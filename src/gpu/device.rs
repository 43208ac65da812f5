//! An open device, and the pipelines made on it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::adapter::{AdapterSummary, Choice, adapters, select};
use super::fault::Fault;
use super::shader::{Constant, Kernel, Shader};
use super::timing::{Stamps, Tally};
use crate::error::{Error, Result};

/// A device's own limits, but for those that kernels rely on, which are WebGPU's defaults.
fn compute_limits(own: &wgpu::Limits) -> wgpu::Limits {
    let webgpu = wgpu::Limits::default();
    wgpu::Limits {
        max_storage_buffers_per_shader_stage: webgpu.max_storage_buffers_per_shader_stage,
        max_uniform_buffers_per_shader_stage: webgpu.max_uniform_buffers_per_shader_stage,
        max_dynamic_uniform_buffers_per_pipeline_layout: webgpu.max_dynamic_uniform_buffers_per_pipeline_layout,
        max_uniform_buffer_binding_size: webgpu.max_uniform_buffer_binding_size,
        max_storage_buffer_binding_size: webgpu.max_storage_buffer_binding_size,
        max_buffer_size: webgpu.max_buffer_size,
        min_uniform_buffer_offset_alignment: webgpu.min_uniform_buffer_offset_alignment,
        min_storage_buffer_offset_alignment: webgpu.min_storage_buffer_offset_alignment,
        max_compute_workgroup_storage_size: webgpu.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: webgpu.max_compute_invocations_per_workgroup,
        max_compute_workgroup_size_x: webgpu.max_compute_workgroup_size_x,
        max_compute_workgroup_size_y: webgpu.max_compute_workgroup_size_y,
        max_compute_workgroup_size_z: webgpu.max_compute_workgroup_size_z,
        max_compute_workgroups_per_dimension: webgpu.max_compute_workgroups_per_dimension,
        ..own.clone()
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
    pub(crate) tally: Tally,
    summary: AdapterSummary,
    pub(super) fault: Fault,
    kernels: Mutex<HashMap<KernelKey, Arc<Kernel>>>,
}

impl Gpu {
    /// Opens the adapter that `choice` means; `None` is the CPU engine.
    pub fn open(choice: &Choice) -> Result<Option<Arc<Gpu>>> {
        if *choice == Choice::Cpu {
            return Ok(None); // and no driver is woken
        }
        let adapters = adapters();
        let mut summaries: Vec<AdapterSummary> = adapters.iter().map(AdapterSummary::of).collect();
        match select(&summaries, choice)? {
            None => Ok(None),
            Some(i) => Ok(Some(Arc::new(Self::on(&adapters[i], summaries.swap_remove(i))?))),
        }
    }

    fn on(adapter: &wgpu::Adapter, summary: AdapterSummary) -> Result<Gpu> {
        // Only what bounds the size of a model; the kernels keep to WebGPU's defaults in all else.
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: summary.max_storage_buffer_binding_bytes,
            max_buffer_size: summary.max_buffer_bytes,
            ..wgpu::Limits::default()
        };
        let stamps = Stamps::of(adapter.features());
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("microglia"),
            required_features: stamps.map_or(wgpu::Features::empty(), Stamps::features),
            required_limits: limits,
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| Error::Device {
                problem: format!("{} cannot be opened: {error}", summary.name),
                help: "it must offer WebGPU's default limits; use --device cpu, or another of `microglia devices`"
                    .into(),
            })?;
        let gpu = Self::of(device, queue, stamps, summary);
        gpu.fault.watch(&gpu.device);
        Ok(gpu)
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
        let (limits, features) = (device.limits(), device.features());
        let summary = AdapterSummary::with(device.adapter_info(), &limits, features);
        let mut short = Vec::new();
        compute_limits(&limits).check_limits_with_fail_fn(&limits, false, |name, needed, offered| {
            short.push(format!("{name} is {offered}, needed is {needed}"));
        });
        if !short.is_empty() {
            return Err(Error::Device {
                problem: format!("{}: the device was opened with too little: {}", summary.name, short.join("; ")),
                help: "open it with `required_limits: wgpu::Limits::default()` or better".into(),
            });
        }
        Ok(Arc::new(Self::of(device, queue, Stamps::of(features), summary)))
    }

    fn of(device: wgpu::Device, queue: wgpu::Queue, stamps: Option<Stamps>, summary: AdapterSummary) -> Gpu {
        let (tally, fault, kernels) = (Tally::default(), Fault::default(), Mutex::default());
        Gpu { device, queue, stamps, tally, summary, fault, kernels }
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
