//! The CPU engine's tensors of one replica: one vector each.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::program::tensor::{PARAMS, STEPS};
use crate::program::{Element, Fill, Program, ReplicaStep, Tensor, TensorId};

use super::matrix::transpose;
use super::scalar::Scalar;

enum Buffer<T> {
    Float(Vec<T>),
    Word(Vec<u32>),
    /// What no op writes and all replicas read.
    Shared(Arc<Vec<T>>),
    SharedWord(Arc<Vec<u32>>),
}

/// All tensors of one replica. An op takes the vectors it writes, reads the others in place, and puts its own back.
pub struct Storage<T> {
    buffers: Vec<Buffer<T>>,
    /// What one op needs between its tasks; kept, so that a step allocates nothing large.
    scratch: Vec<T>,
}

impl<T: Scalar> Storage<T> {
    /// A replica's own tensors; those that all share are empty until set. Fails with the tensor that does not fit, and what
    /// all replicas need.
    pub fn new(program: &Program) -> Result<Self> {
        let buffer = |tensor: &Tensor| {
            if tensor.shared {
                return Ok(match tensor.element {
                    Element::F32 => Buffer::Shared(Arc::new(Vec::new())),
                    Element::U32 => Buffer::SharedWord(Arc::new(Vec::new())),
                });
            }
            let buffer = match tensor.element {
                // NaN shows in every result that reads a word before it is written.
                Element::F32 if tensor.fill == Fill::Unwritten => {
                    filled(tensor.words(), T::from_f32(f32::NAN)).map(Buffer::Float)
                }
                Element::F32 => filled(tensor.words(), T::ZERO).map(Buffer::Float),
                Element::U32 => {
                    filled(tensor.words(), if tensor.fill == Fill::Ones { u32::MAX } else { 0 }).map(Buffer::Word)
                }
            };
            buffer.ok_or_else(|| {
                let rows = |tensor: &Tensor| if tensor.shared { 1 } else { program.replicas as u128 };
                let total: u128 = program.tensors.iter().map(|tensor| tensor.words() as u128 * rows(tensor)).sum();
                Error::device(
                    format!(
                        "no memory for tensor `{}` {:?} of {} replica(s): the run needs about {} MiB",
                        tensor.name,
                        tensor.shape,
                        program.replicas,
                        (total * size_of::<T>() as u128) >> 20
                    ),
                    "choose fewer ‹replicas›, or a smaller ‹batch›, ‹lookback›, ‹hidden› or ‹layers›",
                )
            })
        };
        Ok(Storage { buffers: program.tensors.iter().map(buffer).collect::<Result<_>>()?, scratch: Vec::new() })
    }

    /// Gives a tensor values that all replicas share.
    pub fn share(&mut self, id: TensorId, values: Arc<Vec<T>>) {
        self.buffers[id.index()] = Buffer::Shared(values);
    }

    /// The same of integers.
    pub fn share_integers(&mut self, id: TensorId, values: Arc<Vec<u32>>) {
        self.buffers[id.index()] = Buffer::SharedWord(values);
    }

    /// Row-major values of a tensor of floats.
    pub fn floats(&self, id: TensorId) -> &[T] {
        match &self.buffers[id.index()] {
            Buffer::Float(values) => values,
            Buffer::Shared(values) => values,
            Buffer::Word(_) | Buffer::SharedWord(_) => unreachable!("the tensor holds integers"),
        }
    }

    /// The same, of a tensor that is this replica's own.
    pub fn floats_mut(&mut self, id: TensorId) -> &mut Vec<T> {
        match &mut self.buffers[id.index()] {
            Buffer::Float(values) => values,
            Buffer::Word(_) | Buffer::Shared(_) | Buffer::SharedWord(_) => {
                unreachable!("the tensor holds no floats of its own")
            }
        }
    }

    /// Row-major words of a tensor of integers.
    pub fn integers(&self, id: TensorId) -> &[u32] {
        match &self.buffers[id.index()] {
            Buffer::Word(values) => values,
            Buffer::SharedWord(values) => values,
            Buffer::Float(_) | Buffer::Shared(_) => unreachable!("the tensor holds floats"),
        }
    }

    /// The same, of a tensor that is this replica's own.
    pub fn integers_mut(&mut self, id: TensorId) -> &mut Vec<u32> {
        match &mut self.buffers[id.index()] {
            Buffer::Word(values) => values,
            Buffer::Float(_) | Buffer::Shared(_) | Buffer::SharedWord(_) => {
                unreachable!("the tensor holds no integers of its own")
            }
        }
    }

    /// Takes a tensor's values out, to write them while others are read; to be put back.
    pub fn take_floats(&mut self, id: TensorId) -> Vec<T> {
        std::mem::take(self.floats_mut(id))
    }

    /// The same of integers.
    pub fn take_integers(&mut self, id: TensorId) -> Vec<u32> {
        std::mem::take(self.integers_mut(id))
    }

    /// Puts back what [`Self::take_floats`] took.
    pub fn put_floats(&mut self, id: TensorId, values: Vec<T>) {
        *self.floats_mut(id) = values;
    }

    /// Puts back what [`Self::take_integers`] took.
    pub fn put_integers(&mut self, id: TensorId, values: Vec<u32>) {
        *self.integers_mut(id) = values;
    }

    /// Words of any value, to be put back.
    pub fn take_scratch(&mut self, words: usize) -> Vec<T> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(words.max(scratch.len()), T::ZERO);
        scratch
    }

    /// Puts back what [`Self::take_scratch`] took.
    pub fn put_scratch(&mut self, scratch: Vec<T>) {
        self.scratch = scratch;
    }

    /// A weight `[rows, columns]` as `[columns, rows]`, in scratch memory: a recurrent product runs at twice the speed over
    /// it, and every time step has one.
    pub fn take_transposed(&mut self, offset: usize, rows: usize, columns: usize) -> Vec<T> {
        let mut scratch = self.take_scratch(rows * columns);
        let weight = &self.floats(PARAMS)[offset..][..rows * columns];
        T::vectorized(
            #[inline(always)]
            || transpose(weight, columns, &mut scratch[..rows * columns]),
        );
        scratch
    }

    /// The replica's row of the step table.
    pub fn step(&self, slot: usize) -> ReplicaStep {
        let words = &self.integers(STEPS)[slot * ReplicaStep::WORDS..][..ReplicaStep::WORDS];
        bytemuck::pod_read_unaligned(bytemuck::cast_slice(words))
    }
}

/// `len` copies of a value, if there is memory for them.
fn filled<V: Clone>(len: usize, value: V) -> Option<Vec<V>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).ok()?;
    values.resize(len, value);
    Some(values)
}
