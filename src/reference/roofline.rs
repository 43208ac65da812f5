//! What the processor can do at best, on the engine's own threads.

use std::time::Instant;

use rayon::prelude::*;

use super::matrix::{Matrix, Out, product};
use super::scalar::Scalar;
use crate::engine::Roofline;

/// Words of the copy: more than any cache holds.
const COPY_WORDS: usize = 16 << 20;
/// Rows and columns of the product that each thread repeats: operands and result fit its own cache.
const SIDE: usize = 256;
/// Products between two looks at the clock.
const PRODUCTS: usize = 8;
/// Readings of each, of which the best counts.
const READINGS: usize = 7;

pub(super) fn measure<T: Scalar>(pool: &rayon::ThreadPool) -> Roofline {
    let threads = pool.current_num_threads();
    pool.install(|| Roofline {
        bytes_per_second: {
            let source = vec![1f32; COPY_WORDS];
            let mut target = vec![0f32; COPY_WORDS];
            let part = COPY_WORDS.div_ceil(threads);
            8.0 * COPY_WORDS as f64
                / best(|| {
                    let parts = target.par_chunks_mut(part).zip(source.par_chunks(part));
                    parts.for_each(|(target, source)| target.copy_from_slice(source));
                })
        },
        flops_per_second: {
            let operand = vec![T::ONE; SIDE * SIDE];
            let mut results = vec![vec![T::ZERO; SIDE * SIDE]; threads];
            let matrix = Matrix::new(&operand, 0, SIDE, SIDE, SIDE);
            (2 * SIDE * SIDE * SIDE * PRODUCTS * threads) as f64
                / best(|| {
                    results.par_iter_mut().for_each(|result| {
                        for _ in 0..PRODUCTS {
                            product(Out { data: result, row: SIDE }, false, matrix, matrix);
                        }
                    });
                })
        },
        dispatch_seconds: best(|| {
            rayon::broadcast(|_| ());
        }),
    })
}

fn best(mut work: impl FnMut()) -> f64 {
    let reading = |_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    };
    (0..READINGS).map(reading).fold(f64::INFINITY, f64::min).max(1e-9)
}
