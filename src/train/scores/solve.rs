//! Matrix products and Cholesky's method, in f64.

use crate::reference::matrix::{Matrix, Out, product};

/// aᵀ b for a `[n, p]`, b `[n, q]` → `[p, q]`.
pub(super) fn transposed_product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let (p, q) = (a.len() / n, b.len() / n);
    matrix_product(Matrix::new(a, 0, n, p, p).transposed(), Matrix::new(b, 0, n, q, q))
}

/// x wᵀ for x `[n, k]`, w `[m, k]` → `[n, m]`.
pub(super) fn product_with_rows(x: &[f64], w: &[f64], k: usize) -> Vec<f64> {
    let (n, m) = (x.len() / k, w.len() / k);
    matrix_product(Matrix::new(x, 0, n, k, k), Matrix::new(w, 0, m, k, k).transposed())
}

fn matrix_product(left: Matrix<f64>, right: Matrix<f64>) -> Vec<f64> {
    let mut out = vec![0.0; left.rows * right.columns];
    product(Out { data: &mut out, row: right.columns }, false, left, right);
    out
}

/// The lower factor L, A = L Lᵀ, in place of A `[n, n]`; above the diagonal lies what was there.
pub(super) fn cholesky(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    for i in 0..n {
        let (above, row) = a.split_at_mut(i * n);
        for j in 0..i {
            row[j] = (row[j] - dot(&row[..j], &above[j * n..][..j])) / above[j * n + j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        // What is left of a dependent column is rounding noise.
        if pivot <= 1e-12 * row[i] || !pivot.is_finite() {
            return None;
        }
        row[i] = pivot.sqrt();
    }
    Some(a)
}

/// Solves L Lᵀ x = b.
pub(super) fn substitute(l: &[f64], b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let mut x = b.to_vec();
    for i in 0..n {
        x[i] = (x[i] - dot(&l[i * n..][..i], &x[..i])) / l[i * n + i];
    }
    for i in (0..n).rev() {
        x[i] /= l[i * n + i];
        let solved = x[i];
        x[..i].iter_mut().zip(&l[i * n..][..i]).for_each(|(x, l)| *x -= l * solved);
    }
    x
}

/// L⁻¹ of a lower factor `[n, n]`; 0 above the diagonal.
pub(super) fn inverse(l: &[f64], n: usize) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    for i in 0..n {
        let (above, row) = out.split_at_mut(i * n);
        for (j, above) in above.chunks_exact(n).enumerate() {
            row[..=j].iter_mut().zip(above).for_each(|(sum, above)| *sum -= l[i * n + j] * above);
        }
        row[..i].iter_mut().for_each(|sum| *sum /= l[i * n + i]);
        row[i] = 1.0 / l[i * n + i];
    }
    out
}

/// Eight running sums, so that the loop becomes vector instructions.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.0.iter().zip(b.0) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + a.1.iter().zip(b.1).map(|(a, b)| a * b).sum::<f64>()
}
