//! The CPU engine's tensors: one vector each, `[R, row]`.

use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::program::{Element, Fill, Program, ReplicaStep, Rows, Tensor, TensorId, tensor::STEPS};

use super::scalar::{Scalar, vectorized};

enum Buffer<T> {
    Float(Vec<T>),
    Word(Vec<u32>),
}

impl<T: Scalar> Buffer<T> {
    fn empty(element: Element) -> Self {
        match element {
            Element::F32 => Buffer::Float(Vec::new()),
            Element::U32 => Buffer::Word(Vec::new()),
        }
    }

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

    fn append(&mut self, other: &mut Buffer<T>) {
        match self {
            Buffer::Float(values) => values.append(other.floats_mut()),
            Buffer::Word(values) => values.append(other.integers_mut()),
        }
    }

    fn split_off(&mut self, at: usize) -> Buffer<T> {
        match self {
            Buffer::Float(values) => Buffer::Float(values.split_off(at)),
            Buffer::Word(values) => Buffer::Word(values.split_off(at)),
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

/// All tensors of a program. An op takes the vectors it writes, reads the others in place, and puts its own back.
///
/// Ops see the replicas that work, by their place; those that rest lie in `resting`, so that no op spends time on them.
pub struct Storage<T> {
    /// How many work.
    pub replicas: usize,
    /// The replica at each place; those that rest come last.
    order: Vec<usize>,
    buffers: Vec<Buffer<T>>,
    /// The rows of the places from `replicas` on.
    resting: Vec<Buffer<T>>,
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
            resting: program.tensors.iter().map(|tensor| Buffer::empty(tensor.element)).collect(),
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
        let rows = self.rows.clone();
        let own = |i: usize, shared: &[bool]| !shared[i] && rows[i] > 0;
        for i in (0..rows.len()).filter(|&i| own(i, &self.shared)) {
            self.buffers[i].append(&mut self.resting[i]);
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
            for i in (0..rows.len()).filter(|&i| own(i, &self.shared)) {
                self.buffers[i].swap_rows(rows[i], place, from);
            }
        }
        for i in (0..rows.len()).filter(|&i| own(i, &self.shared)) {
            self.resting[i] = self.buffers[i].split_off(working * rows[i]);
        }
        self.replicas = working;
    }

    /// Whether a replica's row of a tensor lies among those that rest, and its words there.
    fn place(&self, id: TensorId, replica: usize) -> (bool, Range<usize>) {
        let own = !self.shared[id.index()];
        let place = self.order.iter().position(|&one| own && one == replica).unwrap_or(replica);
        let rests = own && place >= self.replicas;
        let start = (if rests { place - self.replicas } else { place }) * self.row(id);
        (rests, start..start + self.words(id))
    }

    fn half(&self, rests: bool) -> &[Buffer<T>] {
        if rests { &self.resting } else { &self.buffers }
    }

    fn half_mut(&mut self, rests: bool) -> &mut [Buffer<T>] {
        if rests { &mut self.resting } else { &mut self.buffers }
    }

    /// A replica's row of floats, whether it works or rests.
    pub fn replica_floats(&self, id: TensorId, replica: usize) -> &[T] {
        let (rests, span) = self.place(id, replica);
        &self.half(rests)[id.index()].floats()[span]
    }

    pub fn replica_floats_mut(&mut self, id: TensorId, replica: usize) -> &mut [T] {
        let (rests, span) = self.place(id, replica);
        &mut self.half_mut(rests)[id.index()].floats_mut()[span]
    }

    /// A replica's row of integers, whether it works or rests.
    pub fn replica_integers(&self, id: TensorId, replica: usize) -> &[u32] {
        let (rests, span) = self.place(id, replica);
        &self.half(rests)[id.index()].integers()[span]
    }

    pub fn replica_integers_mut(&mut self, id: TensorId, replica: usize) -> &mut [u32] {
        let (rests, span) = self.place(id, replica);
        &mut self.half_mut(rests)[id.index()].integers_mut()[span]
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
        self.buffers[id.index()].floats()
    }

    pub fn integers(&self, id: TensorId) -> &[u32] {
        self.buffers[id.index()].integers()
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

    pub fn take_floats(&mut self, id: TensorId) -> Vec<T> {
        std::mem::take(self.buffers[id.index()].floats_mut())
    }

    pub fn take_integers(&mut self, id: TensorId) -> Vec<u32> {
        std::mem::take(self.buffers[id.index()].integers_mut())
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
