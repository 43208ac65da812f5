//! Sparse products on the processor, over rows as the engine keeps them.

use rayon::prelude::*;

use crate::weights::Weight;

/// Compressed sparse rows.
pub(crate) struct Csr {
    pub starts: Vec<u32>,
    pub columns: Vec<u32>,
    pub values: Vec<f32>,
}

impl Csr {
    pub(crate) fn new(weight: &Weight) -> Csr {
        let mut csr = Csr { starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for row in weight.words.chunks(weight.inputs) {
            for (i, word) in row.iter().enumerate().filter(|(_, word)| **word != 0.0) {
                csr.columns.push(i as u32);
                csr.values.push(*word);
            }
            csr.starts.push(csr.columns.len() as u32);
        }
        csr
    }
}

/// Rows of a tile: four of the widest vectors.
const ROWS: usize = 64;

/// `y[n, o] = Σ x[n, i] · weight[o, i]`: a tile of rows is turned, so that a weight meets many rows at a time, and its result
/// turned back.
pub(crate) fn csr(csr: &Csr, x: &[f32], y: &mut [f32], [inputs, outputs]: [usize; 2]) {
    y.par_chunks_mut(ROWS * outputs)
        .zip(x.par_chunks(ROWS * inputs))
        .for_each(|(y, x)| pulp::Arch::new().dispatch(Tile { csr, x, y, inputs, outputs }));
}

struct Tile<'a> {
    csr: &'a Csr,
    x: &'a [f32],
    y: &'a mut [f32],
    inputs: usize,
    outputs: usize,
}

impl pulp::NullaryFnOnce for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Tile { csr, x, y, inputs, outputs } = self;
        let mut turned = vec![[0f32; ROWS]; inputs];
        for (n, row) in x.chunks_exact(inputs).enumerate() {
            for (to, word) in turned.iter_mut().zip(row) {
                to[n] = *word;
            }
        }
        let mut sums = vec![[0f32; ROWS]; outputs];
        for (sum, ends) in sums.iter_mut().zip(csr.starts.windows(2)) {
            let living = ends[0] as usize..ends[1] as usize;
            let mut own = [0f32; ROWS];
            for (value, column) in csr.values[living.clone()].iter().zip(&csr.columns[living]) {
                for (own, x) in own.iter_mut().zip(&turned[*column as usize]) {
                    *own = value.mul_add(*x, *own);
                }
            }
            *sum = own;
        }
        for (n, row) in y.chunks_exact_mut(outputs).enumerate() {
            for (word, sum) in row.iter_mut().zip(&sums) {
                *word = sum[n];
            }
        }
    }
}

/// Rows of a task of the engine's own product.
const TASK: usize = 512;

/// The dense product, but for tiles of the weight that hold no living one.
pub(crate) fn tiles(weight: &Weight, tile: [usize; 2], x: &[f32], y: &mut [f32]) {
    let (inputs, outputs) = (weight.inputs, weight.outputs);
    let corners = |high: usize, wide: usize| {
        (0..outputs).step_by(high).flat_map(move |o| (0..inputs).step_by(wide).map(move |i| [o, i]))
    };
    let there: Vec<[usize; 2]> = corners(tile[0], tile[1]).filter(|at| !weight.is_empty(*at, tile)).collect();
    y.par_chunks_mut(TASK * outputs).zip(x.par_chunks(TASK * inputs)).for_each(|(y, x)| {
        y.fill(0.0);
        for &[o, i] in &there {
            let (m, n, k) = (y.len() / outputs, tile[0].min(outputs - o), tile[1].min(inputs - i));
            // SAFETY: tiles end within the weight, and rows of x and y are whole.
            unsafe {
                // Transposed, as the engine's own product is: yᵀ += w · xᵀ.
                gemm_f32::gemm::f32::get_gemm_fn()(
                    n,
                    m,
                    k,
                    y.as_mut_ptr().add(o),
                    outputs as isize,
                    1,
                    true,
                    weight.words.as_ptr().add(o * inputs + i),
                    1,
                    inputs as isize,
                    x.as_ptr().add(i),
                    inputs as isize,
                    1,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm_common::Parallelism::None,
                );
            }
        }
    });
}
