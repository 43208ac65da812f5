//! The CPU engine's tensors: one vector each, `[R, row]`.

use std::ops::{Deref, DerefMut, Range};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::program::{Element, Fill, Program, ReplicaStep, Rows, Tensor, TensorId, tensor::STEPS};

use super::scalar::{Scalar, vectorized};

enum Buffer<T> {
    Float(Vec<T>),
    Word(Vec<u32>),
}

impl<T: Scalar> Buffer<T> {
    fn floats(&self) -> &[T] {
        match self {
            Buffer::Float(values) => values,
            Buffer::Word(_) => unreachable!("the tensor holds integers"),
        }
    }

    fn floats_mut(&mut self) -> &mut Vec<T> {
        match self {
            Buffer::Float(values) => values,
            Buffer::Word(_) => unreachable!("the tensor holds integers"),
        }
    }

    fn integers(&self) -> &[u32] {
        match self {
            Buffer::Word(values) => values,
            Buffer::Float(_) => unreachable!("the tensor holds floats"),
        }
    }

    fn integers_mut(&mut self) -> &mut Vec<u32> {
        match self {
            Buffer::Word(values) => values,
            Buffer::Float(_) => unreachable!("the tensor holds floats"),
        }
    }

    fn swap_rows(&mut self, row: usize, a: usize, b: usize) {
        fn swap<V>(values: &mut [V], row: usize, a: usize, b: usize) {
            let (head, tail) = values.split_at_mut(b * row);
            head[a * row..][..row].swap_with_slice(&mut tail[..row]);
        }
        match self {
            Buffer::Float(values) => swap(values, row, a, b),
            Buffer::Word(values) => swap(values, row, a, b),
        }
    }
}

/// A tensor that an op writes: the rows of the replicas that work. Those that rest lie behind them, unseen.
pub struct Taken<V> {
    values: Vec<V>,
    working: usize,
}

impl<V> Deref for Taken<V> {
    type Target = [V];

    fn deref(&self) -> &[V] {
        &self.values[..self.working]
    }
}

impl<V> DerefMut for Taken<V> {
    fn deref_mut(&mut self) -> &mut [V] {
        &mut self.values[..self.working]
    }
}

impl<V> Default for Taken<V> {
    fn default() -> Self {
        Taken { values: Vec::new(), working: 0 }
    }
}

/// All tensors of a program. An op takes the vectors it writes, reads the others in place, and puts its own back.
///
/// Ops see the replicas that work, by their place; the rows of those that rest come last and are not shown, so that no op
/// spends time on them. Rows are exchanged in place: resting takes no memory.
pub struct Storage<T> {
    /// How many work.
    pub replicas: usize,
    /// The replica at each place; those that rest come last.
    order: Vec<usize>,
    buffers: Vec<Buffer<T>>,
    shared: Vec<bool>,
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
            order: (0..program.replicas).collect(),
            shared: program.tensors.iter().map(|tensor| tensor.shared).collect(),
            buffers: program.tensors.iter().map(buffer).collect::<Result<_>>()?,
            rows: program.tensors.iter().map(|t| t.row()).collect(),
            words: program.tensors.iter().map(|t| t.words()).collect(),
        })
    }

    /// Lets the replicas marked true rest, and all others work.
    pub fn rest(&mut self, resting: &[bool]) {
        let working = resting.iter().filter(|rests| !**rests).count();
        if self.order.iter().enumerate().all(|(place, &replica)| resting[replica] == (place >= self.replicas)) {
            return;
        }
        let mut from = working;
        for place in 0..working {
            if !resting[self.order[place]] {
                continue;
            }
            while resting[self.order[from]] {
                from += 1;
            }
            self.order.swap(place, from);
            for (i, buffer) in self.buffers.iter_mut().enumerate().filter(|(i, _)| !self.shared[*i]) {
                buffer.swap_rows(self.rows[i], place, from);
            }
        }
        self.replicas = working;
    }

    /// Where a replica's words of a tensor lie, whether it works or rests.
    fn span(&self, id: TensorId, replica: usize) -> Range<usize> {
        let own = !self.shared[id.index()];
        let place = self.order.iter().position(|&one| own && one == replica).unwrap_or(replica);
        let start = place * self.row(id);
        start..start + self.words(id)
    }

    /// A replica's row of floats, whether it works or rests.
    pub fn replica_floats(&self, id: TensorId, replica: usize) -> &[T] {
        &self.buffers[id.index()].floats()[self.span(id, replica)]
    }

    pub fn replica_floats_mut(&mut self, id: TensorId, replica: usize) -> &mut [T] {
        let span = self.span(id, replica);
        &mut self.buffers[id.index()].floats_mut()[span]
    }

    /// A replica's row of integers, whether it works or rests.
    pub fn replica_integers(&self, id: TensorId, replica: usize) -> &[u32] {
        &self.buffers[id.index()].integers()[self.span(id, replica)]
    }

    pub fn replica_integers_mut(&mut self, id: TensorId, replica: usize) -> &mut [u32] {
        let span = self.span(id, replica);
        &mut self.buffers[id.index()].integers_mut()[span]
    }

    /// Words from one replica's row to the next.
    pub fn row(&self, id: TensorId) -> usize {
        self.rows[id.index()]
    }

    /// Words of a row that hold values.
    pub fn words(&self, id: TensorId) -> usize {
        self.words[id.index()]
    }

    /// Words that ops see: all of a shared tensor, else the rows of the replicas that work.
    fn working(&self, id: TensorId) -> usize {
        self.row(id) * if self.shared[id.index()] { 1 } else { self.replicas }
    }

    pub fn floats(&self, id: TensorId) -> &[T] {
        &self.buffers[id.index()].floats()[..self.working(id)]
    }

    pub fn integers(&self, id: TensorId) -> &[u32] {
        &self.buffers[id.index()].integers()[..self.working(id)]
    }

    /// The row at a place, without padding.
    pub fn float_row(&self, id: TensorId, replica: usize) -> &[T] {
        &self.floats(id)[replica * self.row(id)..][..self.words(id)]
    }

    pub fn integer_row(&self, id: TensorId, replica: usize) -> &[u32] {
        &self.integers(id)[replica * self.row(id)..][..self.words(id)]
    }

    pub fn integer_row_mut(&mut self, id: TensorId, replica: usize) -> &mut [u32] {
        let (row, words) = (self.row(id), self.words(id));
        &mut self.buffers[id.index()].integers_mut()[replica * row..][..words]
    }

    pub fn take_floats(&mut self, id: TensorId) -> Taken<T> {
        let working = self.working(id);
        Taken { values: std::mem::take(self.buffers[id.index()].floats_mut()), working }
    }

    pub fn take_integers(&mut self, id: TensorId) -> Taken<u32> {
        let working = self.working(id);
        Taken { values: std::mem::take(self.buffers[id.index()].integers_mut()), working }
    }

    pub fn put_floats(&mut self, id: TensorId, taken: Taken<T>) {
        self.buffers[id.index()] = Buffer::Float(taken.values);
    }

    pub fn put_integers(&mut self, id: TensorId, taken: Taken<u32>) {
        self.buffers[id.index()] = Buffer::Word(taken.values);
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
    spans(buffer, row, 0, items, width, tile)
}

/// The same of items that start at word `start` of each row.
pub fn spans<V>(buffer: &mut [V], row: usize, start: usize, items: usize, width: usize, tile: usize) -> Vec<&mut [V]> {
    let mut pieces = Vec::new();
    for replica in buffer.chunks_mut(row) {
        pieces.extend(replica[start..][..items * width].chunks_mut(tile * width));
    }
    pieces
}

/// The same of a view's rows, and how many rows a piece holds: `tile`, or one sequence where rows lie in sequences.
pub fn row_tiles<'a, V>(buffer: &'a mut [V], row: usize, rows: &Rows, tile: usize) -> (Vec<&'a mut [V]>, usize) {
    if rows.inner >= rows.count {
        return (tiles(buffer, row, rows.count, rows.width, tile), tile);
    }
    let sequences = |replica: &'a mut [V]| {
        let pieces = replica[rows.offset..].chunks_mut(rows.outer_stride).take(rows.count / rows.inner);
        pieces.map(|piece| &mut piece[..rows.inner * rows.width])
    };
    (buffer.chunks_mut(row).flat_map(sequences).collect(), rows.inner)
}

/// Sums `[words]` over `items`: each tile's sum on a task of its own, then the tiles' in order.
pub fn partial_sums<T: Scalar>(
    items: usize,
    tile: usize,
    words: usize,
    add: impl Fn(Range<usize>, &mut [T]) + Sync,
) -> Vec<T> {
    let tiles = (0..items.div_ceil(tile)).into_par_iter().map(|task| {
        let mut sums = vec![T::ZERO; words];
        vectorized(
            #[inline(always)]
            || add(task * tile..((task + 1) * tile).min(items), &mut sums),
        );
        sums
    });
    let mut total = vec![T::ZERO; words];
    for sums in tiles.collect::<Vec<_>>() {
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    total
}
