//! Matrix products on strided views, through the `gemm` crate's real kernels, one thread each. The crate itself is left out: it
//! would compile those of complex numbers too.

use gemm_common::Parallelism;

use crate::program::Rows;

use super::scalar::Scalar;

/// A matrix inside a slice: element (i, j) at `offset + i·row + j·column`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub data: &'a [T],
    pub offset: usize,
    pub rows: usize,
    pub columns: usize,
    pub row: usize,
    pub column: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// `[rows, columns]` with adjacent columns, rows `row` words apart.
    pub(crate) fn new(data: &'a [T], offset: usize, rows: usize, columns: usize, row: usize) -> Self {
        Matrix { data, offset, rows, columns, row, column: 1 }
    }

    pub(crate) fn transposed(self) -> Self {
        Matrix { rows: self.columns, columns: self.rows, row: self.column, column: self.row, ..self }
    }

    /// One past the last word.
    fn end(&self) -> usize {
        if self.rows == 0 || self.columns == 0 {
            return self.offset;
        }
        self.offset + (self.rows - 1) * self.row + (self.columns - 1) * self.column + 1
    }
}

/// Where a product goes: rows of adjacent words, `row` words apart, from the slice's start.
pub(crate) struct Out<'a, T> {
    pub data: &'a mut [T],
    pub row: usize,
}

/// m, n, k; the destination, its column and row strides, whether it is read; the same of both operands; the factors of the
/// destination and the product; three conjugations, of no use here; threads.
pub(crate) type Gemm<T> = unsafe fn(
    usize,
    usize,
    usize,
    *mut T,
    isize,
    isize,
    bool,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    T,
    bool,
    bool,
    bool,
    Parallelism,
);

/// `out = left · right`, or `out += left · right`.
pub(crate) fn product<T: Scalar>(out: Out<'_, T>, accumulate: bool, left: Matrix<'_, T>, right: Matrix<'_, T>) {
    let (m, n, k) = (left.rows, right.columns, left.columns);
    assert_eq!(k, right.rows, "inner dimensions");
    if m == 0 || n == 0 {
        return;
    }
    assert!(out.data.len() >= (m - 1) * out.row + n, "product [{m}, {n}] does not fit its place");
    assert!(left.data.len() >= left.end() && right.data.len() >= right.end(), "operand outside its slice");
    // The kernels prefer columns of adjacent words: outᵀ = rightᵀ · leftᵀ is the same product.
    let (m, n, left, right, out_column, out_row) = if out.row > 1 {
        (n, m, right.transposed(), left.transposed(), out.row, 1)
    } else {
        (m, n, left, right, 1, out.row)
    };
    // SAFETY: the asserts above keep every access of the three strided matrices inside their slices, `out` is borrowed
    // uniquely, and `gemm` reads `out` only where `accumulate` is set.
    unsafe {
        T::gemm()(
            m,
            n,
            k,
            out.data.as_mut_ptr(),
            out_column as isize,
            out_row as isize,
            accumulate,
            left.data.as_ptr().add(left.offset),
            left.column as isize,
            left.row as isize,
            right.data.as_ptr().add(right.offset),
            right.column as isize,
            right.row as isize,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// `[rows, columns]` → `[columns, rows]`, by blocks whose words stay in the nearest cache.
#[inline(always)]
pub(crate) fn transpose<T: Scalar>(from: &[T], columns: usize, to: &mut [T]) {
    const BLOCK: usize = 16;
    let rows = from.len() / columns;
    for top in (0..rows).step_by(BLOCK) {
        let bottom = (top + BLOCK).min(rows);
        for (j, to) in to.chunks_mut(rows).enumerate() {
            for (i, word) in to[top..bottom].iter_mut().enumerate() {
                *word = from[(top + i) * columns + j];
            }
        }
    }
}

/// Rows `first..first + count` of a view as matrices of evenly spaced rows, in order: one where the view allows it, else
/// one per sequence. Each comes with its first row's number.
pub(crate) fn even<'a, T>(data: &'a [T], rows: &Rows, first: usize, count: usize) -> Vec<(usize, Matrix<'a, T>)> {
    if let Some(row) = rows.stride() {
        return vec![(first, Matrix::new(data, rows.start(first), count, rows.width, row))];
    }
    let mut pieces = Vec::new();
    let mut n = first;
    while n < first + count {
        let run = (rows.inner - n % rows.inner).min(first + count - n);
        pieces.push((n, Matrix::new(data, rows.start(n), run, rows.width, rows.inner_stride)));
        n += run;
    }
    pieces
}
