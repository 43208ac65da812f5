//! Dispatches bound to buffers: uniforms, working memory, and a bind group each.

use std::collections::HashSet;

use super::lower::{Dispatch, Lowered, Operand};
use super::sources;
use crate::dims::padded;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::gpu::buffer::{self, POISON};
use crate::gpu::pass::Prepared;
use crate::gpu::shader::{Access, Binding, SLOT, uniform_range};

/// Bytes from one block of uniforms to the next: the alignment that every device accepts.
pub(super) const UNIFORM_STRIDE: usize = 256;
/// The cost of a launch, in operations.
const LAUNCH_WORK: u64 = 100_000;

/// Working memory, as large as the greediest op needs it: ops follow one another.
pub(super) fn scratch(gpu: &Gpu, lowered: &[Lowered], replicas: usize, poison: bool) -> Result<Vec<wgpu::Buffer>> {
    let kinds = lowered.iter().map(|one| one.scratch.len()).max().unwrap_or(0);
    let words = |i: usize| lowered.iter().filter_map(|one| one.scratch.get(i)).copied().max().unwrap_or(0);
    let fill = if poison { POISON } else { 0 };
    (0..kinds).map(|i| buffer::storage(gpu, "scratch", padded(words(i).max(1)) * replicas, fill)).collect()
}

/// Everything the uniforms say: one buffer for all dispatches, one for all slots.
pub(super) struct Uniforms {
    params: wgpu::Buffer,
    slots: wgpu::Buffer,
}

impl Uniforms {
    pub(super) fn new(gpu: &Gpu, lowered: &[Lowered], slots: usize) -> Result<Self> {
        let mut bytes = Vec::new();
        for dispatch in lowered.iter().flat_map(|one| &one.dispatches) {
            bytes.extend_from_slice(&dispatch.params);
            bytes.resize(bytes.len().next_multiple_of(UNIFORM_STRIDE), 0);
        }
        bytes.resize(bytes.len().max(UNIFORM_STRIDE), 0);
        let mut slot_bytes = vec![0; slots.max(1) * UNIFORM_STRIDE];
        for (slot, block) in slot_bytes.chunks_mut(UNIFORM_STRIDE).enumerate() {
            block[..4].copy_from_slice(&(slot as u32).to_le_bytes());
        }
        Ok(Uniforms {
            params: buffer::uniform(gpu, "uniform parameters", &bytes)?,
            slots: buffer::uniform(gpu, "uniform slots", &slot_bytes)?,
        })
    }
}

/// Binds dispatches to the buffers of one wave.
pub(super) struct Binder<'a> {
    pub gpu: &'a Gpu,
    pub uniforms: &'a Uniforms,
    pub shared: &'a Vec<Option<wgpu::Buffer>>,
    pub tensors: &'a Vec<Option<wgpu::Buffer>>,
    pub scratch: &'a [wgpu::Buffer],
}

impl Binder<'_> {
    /// `index`: the dispatch's block of the uniforms.
    pub(super) fn prepare(&self, dispatch: &Dispatch, index: usize, replicas: usize) -> Result<Prepared> {
        let name = dispatch.shader;
        let kernel = self.gpu.kernel(name, &dispatch.constants, || sources::shader(name))?;
        check_bindings(dispatch, &kernel.bindings)?;
        let bind_group = kernel.bind(self.gpu, name, |binding| match binding.access {
            Access::Uniform if binding.name == SLOT => Ok(uniform_range(&self.uniforms.slots, 0, 4)),
            Access::Uniform => {
                let start = (index * UNIFORM_STRIDE) as u64;
                Ok(uniform_range(&self.uniforms.params, start, dispatch.params.len() as u64))
            }
            Access::Read | Access::ReadWrite => {
                let storage = dispatch.bindings.iter().find(|(bound, _)| *bound == binding.name);
                let buffer = storage.and_then(|(_, storage)| match *storage {
                    Operand::Tensor(id) => self.shared[id.index()].as_ref().or(self.tensors[id.index()].as_ref()),
                    Operand::Scratch(i) => self.scratch.get(i),
                });
                let buffer = buffer.ok_or_else(|| broken(name, format!("nothing is bound to `{}`", binding.name)))?;
                Ok(buffer.as_entire_buffer_binding())
            }
        })?;
        let [x, y] = dispatch.workgroups;
        let work = dispatch.work * replicas as u64 + LAUNCH_WORK;
        Ok(Prepared { name, kernel, bind_group, workgroups: [x, y], work })
    }
}

/// Every storage variable of the shader is named once, nothing else is, and none is bound twice where it is written.
fn check_bindings(dispatch: &Dispatch, bindings: &[Binding]) -> Result<()> {
    let names: HashSet<&str> = dispatch.bindings.iter().map(|(name, _)| *name).collect();
    let storage: Vec<&Binding> = bindings.iter().filter(|binding| binding.access != Access::Uniform).collect();
    if names.len() != dispatch.bindings.len()
        || !storage.iter().map(|b| b.name.as_str()).collect::<HashSet<_>>().eq(&names)
    {
        return Err(broken(dispatch.shader, format!("the host names {names:?}, the shader {storage:?}")));
    }
    for written in storage.iter().filter(|binding| binding.access == Access::ReadWrite) {
        let target = dispatch.bindings.iter().find(|(name, _)| *name == written.name).map(|(_, storage)| *storage);
        if dispatch.bindings.iter().filter(|(_, storage)| Some(*storage) == target).count() > 1 {
            return Err(broken(
                dispatch.shader,
                format!("`{}` is written and bound twice: it cannot work in place", written.name),
            ));
        }
    }
    Ok(())
}

fn broken(shader: &str, problem: String) -> Error {
    Error::device(format!("op `{shader}`: {problem}"), "this is a bug of microglia: please report it")
}
