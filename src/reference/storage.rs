//! The CPU engine's tensors: one vector each, `[R, row]`.

use crate::error::{Error, Result};
use crate::program::{Element, Fill, Program, ReplicaStep, Tensor, TensorId, tensor::STEPS};

use super::scalar::Scalar;

enum Buffer<T> {
    Float(Vec<T>),
    Word(Vec<u32>),
}

/// All tensors of a program. An op takes the vectors it writes, reads the others in place, and puts its own back.
pub struct Storage<T> {
    pub replicas: usize,
    buffers: Vec<Buffer<T>>,
    rows: Vec<usize>,
    words: Vec<usize>,
}

impl<T: Scalar> Storage<T> {
    /// Fails with the tensor that does not fit, and what all of them need.
    pub fn new(program: &Program) -> Result<Self> {
        let len = |tensor: &Tensor| tensor.row() as u128 * if tensor.shared { 1 } else { program.replicas as u128 };
        let buffer = |tensor: &Tensor| {
            let buffer = match tensor.element {
                // NaN shows in every result that reads a word before it is written.
                Element::F32 if tensor.fill == Fill::Unwritten => {
                    filled(len(tensor), T::from_f32(f32::NAN)).map(Buffer::Float)
                }
                Element::F32 => filled(len(tensor), T::ZERO).map(Buffer::Float),
                Element::U32 => {
                    filled(len(tensor), if tensor.fill == Fill::Ones { u32::MAX } else { 0 }).map(Buffer::Word)
                }
            };
            buffer.ok_or_else(|| {
                let total: u128 = program.tensors.iter().map(len).sum();
                Error::Device {
                    problem: format!(
                        "no memory for tensor `{}` {:?} of {} replica(s): the run needs about {} MiB",
                        tensor.name,
                        tensor.shape,
                        program.replicas,
                        (total * size_of::<T>() as u128) >> 20
                    ),
                    help: "choose fewer --replicas, or a smaller --batch, --lookback, --hidden or --layers".into(),
                }
            })
        };
        Ok(Storage {
            replicas: program.replicas,
            buffers: program.tensors.iter().map(buffer).collect::<Result<_>>()?,
            rows: program.tensors.iter().map(|t| t.row()).collect(),
            words: program.tensors.iter().map(|t| t.words()).collect(),
        })
    }

    /// Words from one replica's row to the next.
    pub fn row(&self, id: TensorId) -> usize {
        self.rows[id.index()]
    }

    /// Words of a row that hold values.
    pub fn words(&self, id: TensorId) -> usize {
        self.words[id.index()]
    }

    pub fn floats(&self, id: TensorId) -> &[T] {
        match &self.buffers[id.index()] {
            Buffer::Float(values) => values,
            Buffer::Word(_) => unreachable!("tensor {} holds integers", id.0),
        }
    }

    pub fn integers(&self, id: TensorId) -> &[u32] {
        match &self.buffers[id.index()] {
            Buffer::Word(values) => values,
            Buffer::Float(_) => unreachable!("tensor {} holds floats", id.0),
        }
    }

    /// One replica's row, without padding.
    pub fn float_row(&self, id: TensorId, replica: usize) -> &[T] {
        &self.floats(id)[replica * self.row(id)..][..self.words(id)]
    }

    pub fn integer_row(&self, id: TensorId, replica: usize) -> &[u32] {
        &self.integers(id)[replica * self.row(id)..][..self.words(id)]
    }

    pub fn float_row_mut(&mut self, id: TensorId, replica: usize) -> &mut [T] {
        let (row, words) = (self.row(id), self.words(id));
        match &mut self.buffers[id.index()] {
            Buffer::Float(values) => &mut values[replica * row..][..words],
            Buffer::Word(_) => unreachable!("tensor {} holds integers", id.0),
        }
    }

    pub fn integer_row_mut(&mut self, id: TensorId, replica: usize) -> &mut [u32] {
        let (row, words) = (self.row(id), self.words(id));
        match &mut self.buffers[id.index()] {
            Buffer::Word(values) => &mut values[replica * row..][..words],
            Buffer::Float(_) => unreachable!("tensor {} holds floats", id.0),
        }
    }

    pub fn take_floats(&mut self, id: TensorId) -> Vec<T> {
        match &mut self.buffers[id.index()] {
            Buffer::Float(values) => std::mem::take(values),
            Buffer::Word(_) => unreachable!("tensor {} holds integers", id.0),
        }
    }

    pub fn take_integers(&mut self, id: TensorId) -> Vec<u32> {
        match &mut self.buffers[id.index()] {
            Buffer::Word(values) => std::mem::take(values),
            Buffer::Float(_) => unreachable!("tensor {} holds floats", id.0),
        }
    }

    pub fn put_floats(&mut self, id: TensorId, values: Vec<T>) {
        self.buffers[id.index()] = Buffer::Float(values);
    }

    pub fn put_integers(&mut self, id: TensorId, values: Vec<u32>) {
        self.buffers[id.index()] = Buffer::Word(values);
    }

    /// A replica's row of the step table.
    pub fn step(&self, replica: usize, slot: usize) -> ReplicaStep {
        let words = &self.integer_row(STEPS, replica)[slot * ReplicaStep::WORDS..][..ReplicaStep::WORDS];
        bytemuck::pod_read_unaligned(bytemuck::cast_slice(words))
    }
}

/// `len` copies of a value, if there is memory for them.
fn filled<V: Clone>(len: u128, value: V) -> Option<Vec<V>> {
    let len = usize::try_from(len).ok()?;
    let mut values = Vec::new();
    values.try_reserve_exact(len).ok()?;
    values.resize(len, value);
    Some(values)
}

/// Cuts `[R, row]` into disjoint pieces of `tile` items of `width` words each, in (replica, tile) order.
///
/// The cut depends on the shape alone, never on the number of threads.
pub fn tiles<V>(buffer: &mut [V], row: usize, items: usize, width: usize, tile: usize) -> Vec<&mut [V]> {
    let mut pieces = Vec::new();
    for replica in buffer.chunks_mut(row) {
        let (used, _) = replica.split_at_mut(items * width);
        pieces.extend(used.chunks_mut(tile * width));
    }
    pieces
}
