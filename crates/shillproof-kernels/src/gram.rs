//! Gram products.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::matrix::Matrix;
use crate::panels::{Panels, WIDTH};
use crate::products::{AddTo, product};

/// Rows whose sum is kept in `f32`; sums of pieces are combined in `f64`, in order.
const PIECE: usize = 4096;
/// Rows multiplied at a time.
const CHUNK: usize = 128;

/// `Σ_r weight_r m_r m_rᵀ` over the rows of `m`; every weight is 1 if none are given.
///
/// # Shapes
/// `m`: n x d. `weights`: n. Result: d x d, symmetric.
///
/// ```
/// use shillproof_kernels::{Matrix, gram};
/// let m = Matrix::from_slice(2, 2, &[1.0, 2.0, 3.0, 4.0])?;
/// assert_eq!(gram(&m, None).as_slice(), [10.0, 14.0, 14.0, 20.0]);
/// # Ok::<(), shillproof_kernels::ShapeError>(())
/// ```
pub fn gram(m: &Matrix, weights: Option<&[f32]>) -> Matrix {
    gram_rows(m, weights, m.columns())
}

/// The first `top` rows of [`gram`].
pub(crate) fn gram_rows(m: &Matrix, weights: Option<&[f32]>, top: usize) -> Matrix {
    let d = m.columns();
    if m.rows() <= PIECE {
        let sum = Arch::new().dispatch(Piece { m, weights, rows: 0..m.rows(), top });
        return mirrored(top, d, |i, j| sum.panel(j / WIDTH)[i].0[j % WIDTH]);
    }
    let mut total = vec![0.0f64; top * d];
    // A bounded number of pieces is in memory at a time.
    let pieces: Vec<usize> = (0..m.rows()).step_by(PIECE).collect();
    for group in pieces.chunks(64) {
        let part = |&first: &usize| {
            let rows = first..(first + PIECE).min(m.rows());
            Arch::new().dispatch(Piece { m, weights, rows, top })
        };
        for sum in group.par_iter().map(part).collect::<Vec<_>>() {
            for i in 0..top {
                for j in i..d {
                    total[i * d + j] += f64::from(sum.panel(j / WIDTH)[i].0[j % WIDTH]);
                }
            }
        }
    }
    mirrored(top, d, |i, j| total[i * d + j] as f32)
}

/// The first rows of a symmetric matrix with these values on and above the diagonal.
fn mirrored(top: usize, d: usize, value: impl Fn(usize, usize) -> f32) -> Matrix {
    let mut out = Matrix::zeros(top, d);
    for i in 0..top {
        for j in i..d {
            out.row_mut(i)[j] = value(i, j);
            if j < top {
                out.row_mut(j)[i] = value(i, j);
            }
        }
    }
    out
}

struct Piece<'a> {
    m: &'a Matrix,
    weights: Option<&'a [f32]>,
    rows: std::ops::Range<usize>,
    top: usize,
}

impl WithSimd for Piece<'_> {
    type Output = Panels;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Panels {
        let d = self.m.columns();
        let mut sum = Panels::zeros(d.next_multiple_of(WIDTH), d);
        let (mut plain, mut weighted) = (Panels::zeros(CHUNK, d), Panels::zeros(CHUNK, d));
        for first in self.rows.clone().step_by(CHUNK) {
            let n = CHUNK.min(self.rows.end - first);
            for at in 0..n {
                plain.set_row(simd, at, self.m.row(first + at), 1.0);
                if let Some(weights) = self.weights {
                    weighted.set_row(simd, at, self.m.row(first + at), weights[first + at]);
                }
            }
            let left = if self.weights.is_some() { &weighted } else { &plain };
            add_symmetric(simd, left, &plain, n, self.top, 1.0, &mut sum);
        }
        sum
    }
}

/// Adds `scale * aᵀb`, known to be symmetric, over the first `n` rows to the first `top` rows of the upper triangle of `sum`,
/// in whole blocks of 16 x 16: what lies below the diagonal within a diagonal block is written too.
#[inline(always)]
pub(crate) fn add_symmetric<S: Simd>(
    simd: S,
    a: &Panels,
    b: &Panels,
    n: usize,
    top: usize,
    scale: f32,
    sum: &mut Panels,
) {
    for j in 0..b.count() {
        for i in 0..(j + 1).min(top.div_ceil(WIDTH)) {
            let block = &mut sum.panel_mut(j)[i * WIDTH..(i + 1) * WIDTH];
            product(simd, &a.panel(i)[..n], &b.panel(j)[..n], WIDTH, &mut AddTo(block, scale));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Seed;

    fn exact(m: &Matrix, weights: Option<&[f32]>, i: usize, j: usize) -> f64 {
        (0..m.rows())
            .map(|r| {
                let weight = f64::from(weights.map_or(1.0, |w| w[r]));
                weight * f64::from(m.row(r)[i]) * f64::from(m.row(r)[j])
            })
            .sum()
    }

    #[test]
    fn agrees_with_f64_to_a_few_units_in_the_last_place() {
        for (rows, d) in [(0, 3), (1, 1), (130, 16), (5000, 37), (20_000, 64)] {
            let m = Matrix::normal(rows, d, 1.0, Seed::new(rows as u64));
            let weights: Vec<f32> = (0..rows).map(|r| (r % 7) as f32 / 3.0).collect();
            for w in [None, Some(&weights[..])] {
                let g = gram(&m, w);
                let size = (0..d).map(|i| exact(&m, w, i, i)).fold(0.0, f64::max);
                for i in 0..d {
                    for j in 0..d {
                        let error = (f64::from(g.row(i)[j]) - exact(&m, w, i, j)).abs();
                        assert!(error <= 5e-7 * size, "{rows} x {d} at {i},{j}: {error} of {size}");
                        assert_eq!(g.row(i)[j], g.row(j)[i]);
                    }
                }
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let m = Matrix::normal(30_000, 20, 1.0, Seed::new(5));
        let with = |n| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| gram(&m, None))
        };
        assert_eq!(with(1), with(3));
    }
}
