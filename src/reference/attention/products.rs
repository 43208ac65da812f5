//! The small products of a head: of its `[N, E]`, rows one behind the other, and of `[N, N]` by key, whose rows are padded
//! to a [`stride`].

use super::super::scalar::Scalar;
use super::super::vector::{PADDING, Vectors};

/// Words from one padded row of N to the next.
pub(super) fn stride(tokens: usize) -> usize {
    tokens.next_multiple_of(PADDING)
}

/// Does something to blocks of 8, then of 4, then to what is left one by one: sums that one walk adds up side by side, in
/// registers. A macro, for what a closure does is not sure to be compiled for wide vectors.
macro_rules! in_blocks {
    ($T:ty, $count:expr, |$start:ident, $B:ident| $body:expr) => {
        let mut $start = 0;
        while <$T>::UNROLLED && $start + 8 <= $count {
            const $B: usize = 8;
            $body;
            $start += $B;
        }
        while <$T>::UNROLLED && $start + 4 <= $count {
            const $B: usize = 4;
            $body;
            $start += $B;
        }
        while $start < $count {
            const $B: usize = 1;
            $body;
            $start += $B;
        }
    };
}
pub(super) use in_blocks;

/// Does something to as many columns as a vector holds at a time, to half as many where no more are left, and to the rest.
macro_rules! in_columns {
    ($simd:ident, $count:expr, |$s:ident, $start:ident, $columns:ident| $body:expr) => {
        in_columns!(@of S, $simd, $count, |$s, $start, $columns| $body)
    };
    (@of $S:ident, $simd:ident, $count:expr, |$s:ident, $start:ident, $columns:ident| $body:expr) => {
        let mut $start = 0;
        while $start + $S::LANES <= $count {
            let ($s, $columns) = ($simd, $S::LANES);
            $body;
            $start += $columns;
        }
        if $start + $S::Half::LANES <= $count {
            let ($s, $columns) = ($simd.half(), $S::Half::LANES);
            $body;
            $start += $columns;
        }
        if $start < $count {
            let ($s, $columns) = ($simd, $count - $start);
            $body;
        }
    };
}
pub(super) use in_columns;

/// `N` words. Of a fixed size, so that they are one vector.
#[inline(always)]
fn block<T, const N: usize>(words: &[T], first: usize) -> &[T; N] {
    words[first..].first_chunk().expect("a whole block")
}

/// `turned[x, n] = scale · rows[n, x]`, of rows of `width` words; padding repeats the last row.
#[inline(always)]
pub(super) fn turn<T: Scalar>(rows: &[T], width: usize, scale: T, turned: &mut [T]) {
    let (tokens, stride) = (rows.len() / width, turned.len() / width);
    for n in 0..stride {
        let row = &rows[n.min(tokens - 1) * width..][..width];
        for (x, word) in row.iter().enumerate() {
            turned[x * stride + n] = *word * scale;
        }
    }
}

/// Products of a vector of turned rows, from `first` on, with B rows of another side.
#[inline(always)]
pub(super) fn dot<S: Vectors, const B: usize>(
    simd: S,
    turned: &[S::T],
    stride: usize,
    first: usize,
    rows: &[S::T],
) -> [S::V; B] {
    let width = turned.len() / stride;
    let mut each: [&[S::T]; B] = [&[]; B];
    for b in 0..B {
        each[b] = &rows[b * width..][..width];
    }
    let mut sums = [simd.splat(S::T::ZERO); B];
    for x in 0..width {
        let own = simd.load(&turned[x * stride + first..]);
        for b in 0..B {
            sums[b] = simd.mul_add(own, simd.splat(each[b][x]), sums[b]);
        }
    }
    sums
}

/// `out[i] = scale · Σ_j matrix[j, i] · rows[j]`, its rows `out_row` words apart; the matrix by key.
#[inline(always)]
pub(super) fn by_query<S: Vectors>(
    simd: S,
    matrix: &[S::T],
    rows: &[S::T],
    tokens: usize,
    scale: S::T,
    out: &mut [S::T],
    out_row: usize,
) {
    let (width, stride) = (rows.len() / tokens, matrix.len() / tokens);
    in_columns!(simd, width, |simd, x, columns| {
        in_blocks!(S::T, tokens, |i, B| {
            let mut sums = [simd.splat(S::T::ZERO); B];
            for (matrix, row) in matrix.chunks_exact(stride).zip(rows.chunks_exact(width)) {
                let (factors, row) = (block::<S::T, B>(matrix, i), simd.load_some(&row[x..][..columns]));
                for b in 0..B {
                    sums[b] = simd.mul_add(row, simd.splat(factors[b]), sums[b]);
                }
            }
            for b in 0..B {
                let out = &mut out[(i + b) * out_row + x..][..columns];
                simd.store_some(simd.mul(sums[b], simd.splat(scale)), out);
            }
        });
    });
}

/// `out[j] = scale · Σ_i matrix[j, i] · rows[i]`
#[inline(always)]
pub(super) fn by_key<S: Vectors>(
    simd: S,
    matrix: &[S::T],
    rows: &[S::T],
    tokens: usize,
    scale: S::T,
    out: &mut [S::T],
    out_row: usize,
) {
    let (width, stride) = (rows.len() / tokens, matrix.len() / tokens);
    in_columns!(simd, width, |simd, x, columns| {
        in_blocks!(S::T, tokens, |j, B| {
            let mut each: [&[S::T]; B] = [&[]; B];
            for b in 0..B {
                each[b] = &matrix[(j + b) * stride..][..tokens];
            }
            let mut sums = [simd.splat(S::T::ZERO); B];
            for (i, row) in rows.chunks_exact(width).enumerate().take(tokens) {
                let row = simd.load_some(&row[x..][..columns]);
                for b in 0..B {
                    sums[b] = simd.mul_add(row, simd.splat(each[b][i]), sums[b]);
                }
            }
            for b in 0..B {
                let out = &mut out[(j + b) * out_row + x..][..columns];
                simd.store_some(simd.mul(sums[b], simd.splat(scale)), out);
            }
        });
    });
}
