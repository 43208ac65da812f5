//! Rows that are read side by side: each thread takes a chunk of them at a time.

use std::ops::Range;

use rayon::prelude::*;

use crate::error::Result;

/// Rows of a chunk.
const ROWS: usize = 1 << 14;

/// What `read` makes of each chunk of so many rows, in order.
///
/// # Errors
/// That of the first chunk that has one.
pub(super) fn of_rows<T: Send>(rows: usize, read: impl Fn(Range<usize>) -> Result<T> + Sync) -> Result<Vec<T>> {
    let chunk = |chunk: usize| read(chunk * ROWS..rows.min((chunk + 1) * ROWS));
    let chunks: Vec<Result<T>> = (0..rows.div_ceil(ROWS)).into_par_iter().map(chunk).collect();
    chunks.into_iter().collect()
}

/// The same of a value by row: all of them.
///
/// # Errors
/// As [`of_rows`].
pub(super) fn values<T: Send>(rows: usize, read: impl Fn(usize) -> Result<T> + Sync) -> Result<Vec<T>> {
    let chunks = of_rows(rows, |chunk| chunk.map(&read).collect::<Result<Vec<T>>>())?;
    let mut all = Vec::with_capacity(rows);
    chunks.into_iter().for_each(|chunk| all.extend(chunk));
    Ok(all)
}
