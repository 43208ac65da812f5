//! How an op's work is cut into tasks: disjoint pieces of what it writes, by the shape alone, never by the number of
//! threads.

use std::ops::Range;
use std::slice::ChunksMut;

use rayon::prelude::*;

use crate::program::Rows;

use super::scalar::Scalar;

/// Runs work on every piece and its number, each a task. Not generic over the work: what `rayon` makes of it is large, and
/// compiled once for each kind of piece instead of for each op.
pub(super) fn each<P: Send>(pieces: impl Iterator<Item = P>, work: &(dyn Fn(usize, P) + Sync)) {
    run(pieces.collect(), work);
}

fn run<P: Send>(pieces: Vec<P>, work: &(dyn Fn(usize, P) + Sync)) {
    pieces.into_par_iter().enumerate().for_each(|(task, piece)| work(task, piece));
}

/// Cuts `items` of `width` words each into disjoint pieces of `tile` items, in order.
pub(super) fn tiles<V>(buffer: &mut [V], items: usize, width: usize, tile: usize) -> ChunksMut<'_, V> {
    spans(buffer, 0, items, width, tile)
}

/// The same of items that start at word `start`.
pub(super) fn spans<V>(buffer: &mut [V], start: usize, items: usize, width: usize, tile: usize) -> ChunksMut<'_, V> {
    buffer[start..][..items * width].chunks_mut(tile * width)
}

/// The same of a view's rows, and how many rows a piece holds: `tile`, or one sequence where rows lie in sequences.
pub(super) fn row_tiles<'a, V>(buffer: &'a mut [V], rows: &Rows, tile: usize) -> (Vec<&'a mut [V]>, usize) {
    if rows.inner >= rows.count {
        return (buffer[..rows.count * rows.width].chunks_mut(tile * rows.width).collect(), tile);
    }
    let sequences = buffer[rows.offset..].chunks_mut(rows.outer_stride).take(rows.count / rows.inner);
    (sequences.map(|sequence| &mut sequence[..rows.inner * rows.width]).collect(), rows.inner)
}

/// Sums `[words]` over `items`: each tile's sum on a task of its own, then the tiles' in order.
pub(super) fn partial_sums<T: Scalar>(
    items: usize,
    tile: usize,
    words: usize,
    add: impl Fn(Range<usize>, &mut [T]) + Sync,
) -> Vec<T> {
    let mut sums = vec![T::ZERO; items.div_ceil(tile) * words];
    each(sums.chunks_mut(words), &|task, sums| {
        T::vectorized(
            #[inline(always)]
            || add(task * tile..((task + 1) * tile).min(items), sums),
        );
    });
    let mut total = vec![T::ZERO; words];
    for sums in sums.chunks(words) {
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += *sum);
    }
    total
}
