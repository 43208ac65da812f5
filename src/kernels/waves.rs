//! Waves: replicas in contiguous groups whose tensors each fit one binding.

use super::lower::{Dispatch, Lowered, Shapes};
use super::{GpuOptions, lower};
use crate::dims::padded;
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::program::tensor::*;
use crate::program::{List, Program, Tensor, TensorId};

/// Shaders index words with u32.
const MAX_BUFFER_BYTES: u64 = u32::MAX as u64;

/// In how many waves a program's replicas run on a device. Allocates nothing; rejects a model that does not fit alone.
pub fn waves(gpu: &Gpu, program: &Program) -> Result<usize> {
    Ok(Waves::of(gpu, program, &GpuOptions::default())?.ranges().count())
}

/// Every list's ops as dispatches, of at most `most_work` operations each where that can be.
pub(super) fn lists(gpu: &Gpu, program: &Program, options: &GpuOptions, most_work: u64) -> Vec<Vec<Lowered>> {
    let class = options.class.unwrap_or(gpu.summary().class());
    let tuning = options.tuning.as_ref();
    let shapes = Shapes { max_steps: options.max_steps_per_dispatch, tuning, most_work, ..Shapes::of(program, class) };
    List::ALL.iter().map(|&list| program.list(list).iter().map(|op| lower(op, &shapes)).collect()).collect()
}

/// How replicas spread over waves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waves {
    pub replicas: usize,
    /// Replicas per wave; the last may hold fewer.
    pub size: usize,
}

impl Waves {
    /// The waves that the device needs for a program.
    pub(super) fn of(gpu: &Gpu, program: &Program, options: &GpuOptions) -> Result<Waves> {
        let summary = gpu.summary();
        options.tuning.as_ref().map_or(Ok(()), |tuning| tuning.check(&summary.name, program))?;
        let limit = summary.max_storage_buffer_binding_bytes.min(summary.max_buffer_bytes);
        let limit = options.max_binding_bytes.unwrap_or(limit).min(MAX_BUFFER_BYTES);
        let most_work = options.work_of_a_submission(gpu);
        let all: Vec<Lowered> = lists(gpu, program, options, most_work).into_iter().flatten().collect();
        Waves::new(program, &all, limit, most_work)
    }

    /// The fewest waves in which every buffer fits `limit_bytes` and every dispatch can be cut to `most_work`, of sizes as
    /// even as can be; before any allocation.
    pub(super) fn new(program: &Program, lowered: &[Lowered], limit_bytes: u64, most_work: u64) -> Result<Waves> {
        let mut fit = program.replicas.min(MAX_REPLICAS_PER_DISPATCH);
        for (i, tensor) in program.tensors.iter().enumerate() {
            let id = TensorId(i as u32);
            let holds = (limit_bytes / row_bytes(tensor)) as usize;
            if holds == 0 {
                let op = program.first_use(id).unwrap_or("none");
                let name = format!("op `{op}`: tensor `{}`", tensor.name);
                return Err(too_large(&name, &tensor.shape, row_bytes(tensor), limit_bytes, id));
            }
            if !tensor.shared {
                fit = fit.min(holds);
            }
        }
        for one in lowered {
            let words = one.scratch.iter().copied().max().unwrap_or(0);
            let bytes = padded(words.max(1)) as u64 * 4;
            if bytes > limit_bytes {
                let op = one.dispatches.first().map_or("none", |dispatch| dispatch.shader);
                let name = format!("op `{op}`: working memory");
                return Err(too_large(&name, &[words], bytes, limit_bytes, PARAMS));
            }
            fit = fit.min((limit_bytes / bytes) as usize);
        }
        let least = lowered.iter().flat_map(|one| &one.dispatches).map(Dispatch::least_work).max().unwrap_or(0);
        fit = fit.min((most_work / least.max(1)).max(1) as usize);
        let count = program.replicas.div_ceil(fit);
        Ok(Waves { replicas: program.replicas, size: program.replicas.div_ceil(count) })
    }

    /// First replica and number of replicas of each wave.
    pub(super) fn ranges(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.replicas).step_by(self.size).map(move |first| (first, self.size.min(self.replicas - first)))
    }

    /// The wave that holds a replica, and its place there.
    pub(super) fn place(self, replica: usize) -> (usize, usize) {
        (replica / self.size, replica % self.size)
    }
}

/// Workgroups per dimension that every device allows; the replica is the third.
const MAX_REPLICAS_PER_DISPATCH: usize = 65_535;

/// Bytes from one replica's row to the next; an empty tensor still has a buffer.
pub(super) fn row_bytes(tensor: &Tensor) -> u64 {
    tensor.row().max(padded(1)) as u64 * 4
}

fn too_large(name: &str, shape: &[usize], bytes: u64, limit_bytes: u64, id: TensorId) -> Error {
    let help = match id {
        PARAMS | GRADS | MOMENT1 | MOMENT2 | MASK | BEST_PARAMS => {
            "choose a smaller ‹hidden› (of patchtst ‹d-model› or ‹ff›) or ‹layers›"
        }
        SERIES | OBSERVED => "use fewer ‹covariates› or a shorter series",
        _ => "choose a smaller ‹batch›, ‹lookback› or ‹hidden› (of patchtst ‹d-model›, ‹ff› or ‹heads›)",
    };
    Error::device(
        format!(
            "{name} {shape:?} needs {bytes} bytes in one buffer for a single model, and this device binds at \
             most {limit_bytes}"
        ),
        format!("{help}, or use ‹device cpu›"),
    )
}
