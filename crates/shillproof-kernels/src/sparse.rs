//! Products of a sparse with a dense matrix.

use pulp::{Arch, Simd, WithSimd};

use crate::csr::Csr;
use crate::matrix::Matrix;
use crate::parallel::{balanced, for_each_range};
use crate::prefetch::{CACHED, prefetch};
use crate::products::with_vectors;
use crate::rows::{CHUNK, Rows, add_rows};

/// Rows asked for ahead of their use.
const AHEAD: usize = 8;

impl Csr {
    /// `out = start + A x`, where A is this matrix.
    ///
    /// Rows are computed in parallel, each in the order of its cells: any number of threads gives the same bits.
    ///
    /// # Shapes
    /// `x`: one row a column of A. `start`, `out`: one row a row of A. All of one width.
    ///
    /// ```
    /// use shillproof_kernels::{Csr, Matrix};
    /// let a = Csr::from_rows(2, &[vec![(0, 2.0), (1, -1.0)]]);
    /// let x = Matrix::from_slice(2, 1, &[3.0, 5.0])?;
    /// let mut out = Matrix::zeros(1, 1);
    /// a.add_product(&x, &Matrix::from_slice(1, 1, &[10.0])?, &mut out);
    /// assert_eq!(out.as_slice(), [11.0]);
    /// # Ok::<(), shillproof_kernels::ShapeError>(())
    /// ```
    pub fn add_product(&self, x: &Matrix, start: &Matrix, out: &mut Matrix) {
        let width = out.columns();
        debug_assert_eq!((x.columns(), start.columns()), (width, width));
        debug_assert_eq!(
            (start.rows(), out.rows(), x.rows()),
            (self.n_rows(), self.n_rows(), self.n_columns())
        );
        let ranges = balanced(self.row_starts(), 2);
        for_each_range(
            &ranges,
            width,
            out.as_mut_slice(),
            || (),
            |(), rows, out| {
                Arch::new().dispatch(Part { matrix: self, x, start, rows, out });
            },
        );
    }
}

/// Some rows of a product.
struct Part<'a> {
    matrix: &'a Csr,
    x: &'a Matrix,
    start: &'a Matrix,
    rows: std::ops::Range<usize>,
    out: &'a mut [f32],
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_vectors!(product(simd, self));
    }
}

#[inline(always)]
fn product<S: Simd, const NV: usize>(simd: S, part: Part<'_>) {
    let Part { matrix, x, start, rows, out } = part;
    let cached = x.as_slice().len() <= CACHED;
    for (row, out) in rows.zip(out.chunks_exact_mut(x.columns().max(1))) {
        out.copy_from_slice(start.row(row));
        let columns = matrix.columns(row);
        for (first, some) in (0..).step_by(CHUNK).zip(columns.chunks(CHUNK)) {
            let ahead = (first..first + CHUNK).filter(|_| !cached).map(|one| one + AHEAD);
            for next in ahead.filter_map(|ahead| matrix.column_ahead(row, ahead)) {
                prefetch(x.row(next));
            }
            let coefficients =
                matrix.values(row).map_or(&[1.0; CHUNK][..some.len()], |all| &all[first..][..some.len()]);
            add_rows::<S, NV>(simd, coefficients, Rows::new(x, some), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::Seed;

    proptest! {
        #[test]
        fn a_product_is_that_of_the_dense_matrix(
            cells in prop::collection::btree_map((0u32..6, 0u32..40), -2.0f32..2.0, 0..150),
            width in 1usize..40,
            with_values: bool,
        ) {
            let mut rows = vec![Vec::new(); 6];
            for (&(row, column), &value) in &cells {
                rows[row as usize].push((column, value));
            }
            let matrix = Csr::from_rows(40, &rows);
            let matrix = if with_values { matrix } else { matrix.pattern_with::<[u32; 0]>(&[]) };
            let (x, start) = (Matrix::normal(40, width, 1.0, Seed::new(1)), Matrix::normal(6, width, 1.0, Seed::new(2)));
            let mut out = Matrix::zeros(6, width);
            matrix.add_product(&x, &start, &mut out);
            for (row, cells) in rows.iter().enumerate() {
                for k in 0..width {
                    let value = |v: f32| f64::from(if with_values { v } else { 1.0 });
                    let sum: f64 = cells.iter().map(|&(c, v)| value(v) * f64::from(x.row(c as usize)[k])).sum();
                    let exact = sum + f64::from(start.row(row)[k]);
                    prop_assert!((f64::from(out.row(row)[k]) - exact).abs() < 1e-4);
                }
            }
        }
    }
}
