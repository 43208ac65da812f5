//! Shaders: parsed and reflected with naga, so that bindings are found by the names the WGSL gives them.

use std::num::NonZeroU64;
use std::sync::atomic::AtomicBool;

use naga::valid::{Capabilities, ValidationFlags, Validator};

use super::device::Gpu;
use crate::error::{Error, Result};

/// The name of the uniform that changes with the slot, by a dynamic offset.
pub const SLOT: &str = "slot";
/// The override that sets the workgroup's size where a shader has one for several shapes.
pub const LANES: &str = "LANES";

/// A word that the shader leaves open, by name, and what a pipeline makes of it.
pub type Constant = (&'static str, u32);

/// How a shader sees one of its buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A uniform.
    Uniform,
    /// A storage buffer that the shader only reads.
    Read,
    /// A storage buffer that the shader writes.
    ReadWrite,
}

/// A buffer that a shader reads or writes, by its name in the WGSL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The variable in the WGSL.
    pub name: String,
    /// `@binding` of group 0.
    pub index: u32,
    /// What the shader does with it.
    pub access: Access,
}

/// A parsed and validated shader.
pub struct Shader {
    /// Its name and that of its entry point.
    pub name: String,
    /// The whole WGSL text.
    pub source: String,
    module: naga::Module,
}

impl Shader {
    /// Fails with the compiler's message and line.
    pub fn parse(name: &str, source: String) -> Result<Self> {
        let broken = |problem: String| {
            Error::device(format!("shader `{name}`: {problem}"), "this is a bug of microglia: please report it")
        };
        let module = naga::front::wgsl::parse_str(&source).map_err(|error| broken(error.emit_to_string(&source)))?;
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .map_err(|error| broken(error.emit_to_string(&source)))?;
        if !module.entry_points.iter().map(|entry| entry.name.as_str()).eq([name]) {
            return Err(broken("its one entry point must bear its name".into()));
        }
        Ok(Shader { name: name.to_string(), source, module })
    }

    /// The buffers of group 0, by index.
    #[must_use]
    pub fn bindings(&self) -> Vec<Binding> {
        let mut bindings: Vec<Binding> = self
            .module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| {
                let access = match variable.space {
                    naga::AddressSpace::Uniform => Access::Uniform,
                    naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => {
                        Access::ReadWrite
                    }
                    naga::AddressSpace::Storage { .. } => Access::Read,
                    _ => return None,
                };
                let index = variable.binding?.binding;
                Some(Binding { name: variable.name.clone().unwrap_or_default(), index, access })
            })
            .collect();
        bindings.sort_by_key(|binding| binding.index);
        bindings
    }

    /// The words of a uniform struct: `(byte offset, dotted name, type)` of every scalar, structs within it flattened.
    #[must_use]
    pub fn uniform_words(&self, variable: &str) -> Vec<(u32, String, &'static str)> {
        let found = self.module.global_variables.iter().find(|(_, v)| v.name.as_deref() == Some(variable));
        let mut words = Vec::new();
        if let Some((_, variable)) = found {
            self.flatten(variable.ty, 0, "", &mut words);
        }
        words
    }

    /// The words of a struct by its WGSL name.
    #[must_use]
    pub fn struct_words(&self, name: &str) -> Vec<(u32, String, &'static str)> {
        let mut words = Vec::new();
        if let Some((handle, _)) = self.module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some(name)) {
            self.flatten(handle, 0, "", &mut words);
        }
        words
    }

    fn flatten(
        &self,
        ty: naga::Handle<naga::Type>,
        offset: u32,
        name: &str,
        words: &mut Vec<(u32, String, &'static str)>,
    ) {
        match &self.module.types[ty].inner {
            naga::TypeInner::Struct { members, .. } => {
                for member in members {
                    let field = member.name.as_deref().unwrap_or_default();
                    let dotted = if name.is_empty() { field.to_string() } else { format!("{name}.{field}") };
                    self.flatten(member.ty, offset + member.offset, &dotted, words);
                }
            }
            naga::TypeInner::Scalar(scalar) => {
                let kind = match scalar.kind {
                    naga::ScalarKind::Uint => "u32",
                    naga::ScalarKind::Sint => "i32",
                    naga::ScalarKind::Float => "f32",
                    _ => "other",
                };
                words.push((offset, name.to_string(), kind));
            }
            _ => words.push((offset, name.to_string(), "other")),
        }
    }
}

/// A compiled shader, ready to be bound.
pub(crate) struct Kernel {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    pub bindings: Vec<Binding>,
    /// Whether it reads the slot through a dynamic offset.
    pub per_slot: bool,
    /// Whether a submission that holds it was waited for: some drivers compile at the first use.
    pub ran: AtomicBool,
}

impl Kernel {
    pub(crate) fn new(gpu: &Gpu, shader: Shader, constants: &[Constant]) -> Result<Self> {
        let bindings = shader.bindings();
        let entries: Vec<wgpu::BindGroupLayoutEntry> = bindings
            .iter()
            .map(|binding| wgpu::BindGroupLayoutEntry {
                binding: binding.index,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty: match binding.access {
                        Access::Uniform => wgpu::BufferBindingType::Uniform,
                        Access::Read => wgpu::BufferBindingType::Storage { read_only: true },
                        Access::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: binding.name == SLOT,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        let label = Some(shader.name.as_str());
        let constants: Vec<(&str, f64)> = constants.iter().map(|&(name, value)| (name, f64::from(value))).collect();
        let what = format!("the pipeline of shader `{}`", shader.name);
        let made = gpu.scoped(what, || {
            let checks =
                wgpu::ShaderRuntimeChecks { bounds_checks: gpu.bounds_checks, ..wgpu::ShaderRuntimeChecks::checked() };
            let source = wgpu::ShaderSource::Wgsl(shader.source.as_str().into());
            // SAFETY: a kernel's indices lie in its tensors, by what `program::check` holds against them, and tests/suite/bounds
            // watches every index of every kernel. Loops and divisions stay checked.
            let module = unsafe {
                gpu.device.create_shader_module_trusted(wgpu::ShaderModuleDescriptor { label, source }, checks)
            };
            let layout =
                gpu.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
            let pipeline_layout = gpu.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label,
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
            let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label,
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: label,
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &constants,
                    // Every kernel writes its workgroup memory before it reads it.
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            });
            (pipeline, layout)
        });
        // Whatever is wrong, lost or out of memory: this adapter does not compile it.
        let (pipeline, layout) = made.map_err(|error| match error {
            Error::Device { problem, help } => Error::adapter(problem, help),
            other => other,
        })?;
        let per_slot = bindings.iter().any(|binding| binding.name == SLOT);
        Ok(Kernel { pipeline, layout, bindings, per_slot, ran: AtomicBool::new(false) })
    }

    /// Binds a buffer range to every name of the shader.
    pub(crate) fn bind<'a>(
        &self,
        gpu: &Gpu,
        label: &str,
        resource: impl Fn(&Binding) -> Result<wgpu::BufferBinding<'a>>,
    ) -> Result<wgpu::BindGroup> {
        let mut entries = Vec::with_capacity(self.bindings.len());
        for binding in &self.bindings {
            let resource = wgpu::BindingResource::Buffer(resource(binding)?);
            entries.push(wgpu::BindGroupEntry { binding: binding.index, resource });
        }
        gpu.scoped(format_args!("op `{label}`"), || {
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(label),
                layout: &self.layout,
                entries: &entries,
            })
        })
    }
}

/// A range of a uniform buffer, from a 256-byte boundary.
pub(crate) fn uniform_range(buffer: &wgpu::Buffer, start: u64, bytes: u64) -> wgpu::BufferBinding<'_> {
    wgpu::BufferBinding { buffer, offset: start, size: NonZeroU64::new(bytes) }
}
