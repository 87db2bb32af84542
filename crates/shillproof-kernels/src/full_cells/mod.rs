//! First and second derivatives of a weighted squared loss over *all* cells of a 0/1 matrix, in both factors at once.

#[cfg(test)]
mod tests;

use pulp::{Arch, Simd, WithSimd};

use crate::csr::Csr;
use crate::gram::gram;
use crate::matrix::Matrix;
use crate::parallel::{balanced, for_each_range, for_each_range_with_cells};
use crate::products::with_vectors;
use crate::rows::{GROUP, add_rows, dots, picked, rows_at};
use crate::score::ItemPanels;

/// The loss `L(P, Q) = Σ_rc ω_r w_rc (y_rc − p_rᵀq_c)²` over all cells, where `y` is 1 with weight `weight` on
/// stored cells and 0 with weight 1 elsewhere.
///
/// A gradient costs `O((rows + columns) d² + cells d)`: cells of weight 1 are in the Gram products QᵀQ and PᵀP, and what is
/// computed for a stored cell while walking rows is used again while walking columns.
#[derive(Clone, Debug)]
pub struct FullCells {
    by_row: Csr,
    by_column: Csr,
    /// Where each cell of `by_column` stands in `by_row`.
    origins: Vec<u32>,
    weight: f32,
    row_weight: Option<Vec<f32>>,
}

/// Factors with a tangent beside each row: `[θ | θ̇]`.
#[derive(Clone, Debug)]
pub struct Joined(Matrix);

impl Joined {
    /// # Panics
    /// If the two are not of one shape.
    pub fn new(value: &Matrix, tangent: &Matrix) -> Self {
        let (rows, d) = (value.rows(), value.columns());
        assert_eq!((rows, d), (tangent.rows(), tangent.columns()), "a tangent of another shape");
        let mut out = Matrix::zeros(rows, 2 * d);
        for r in 0..rows {
            let (left, right) = out.row_mut(r).split_at_mut(d);
            left.copy_from_slice(value.row(r));
            right.copy_from_slice(tangent.row(r));
        }
        Self(out)
    }

    /// One row of twice the width.
    pub fn row(&self, r: usize) -> &[f32] {
        self.0.row(r)
    }

    /// θ and θ̇ apart.
    pub fn parts(&self) -> [Matrix; 2] {
        let d = self.0.columns() / 2;
        let mut parts = [Matrix::zeros(self.0.rows(), d), Matrix::zeros(self.0.rows(), d)];
        for r in 0..self.0.rows() {
            parts[0].row_mut(r).copy_from_slice(&self.0.row(r)[..d]);
            parts[1].row_mut(r).copy_from_slice(&self.0.row(r)[d..]);
        }
        parts
    }

    /// As a matrix of twice the width.
    pub fn matrix(&self) -> &Matrix {
        &self.0
    }

    /// The sum over rows of `ω (θ̇ θᵀ + θ θ̇ᵀ)` beside that of `ω θ θᵀ`, doubled: what cells of weight 1 do to the other side.
    fn dense(&self, weights: Option<&[f32]>) -> ItemPanels {
        let both = gram(&self.0, weights);
        let d = self.0.columns() / 2;
        let mut out = Matrix::zeros(d, 2 * d);
        for i in 0..d {
            let row = out.row_mut(i);
            for j in 0..d {
                row[j] = 2.0 * (both.row(i)[d + j] + both.row(d + i)[j]);
                row[d + j] = 2.0 * both.row(i)[j];
            }
        }
        ItemPanels::new(&out)
    }
}

impl FullCells {
    /// # Shapes
    /// `row_weight`: ω, one a row; 1 if none. Values of `by_row` are not read.
    pub fn new(by_row: Csr, weight: f32, row_weight: Option<Vec<f32>>) -> Self {
        let (by_column, origins) = by_row.transpose_with_origins();
        Self { by_row, by_column, origins, weight, row_weight }
    }

    /// Stored cells in rows.
    pub fn by_row(&self) -> &Csr {
        &self.by_row
    }

    /// The gradients `(∂L/∂P, ∂L/∂Q)`.
    ///
    /// # Shapes
    /// `p`, `of_p`: one row a row. `q`, `of_q`: one row a column. All of one width.
    pub fn gradient(&self, p: &Matrix, q: &Matrix, of_p: &mut Matrix, of_q: &mut Matrix) {
        let d = q.columns();
        let mut residuals = vec![0.0f32; self.by_row.len()];
        let dense = doubled(gram(q, None));
        for_each_range_with_cells(
            &balanced(self.by_row.row_starts(), d / 8 + 1),
            d,
            of_p.as_mut_slice(),
            self.by_row.row_starts(),
            &mut residuals,
            |rows, out, residuals| {
                self.add_dense(&dense, p, rows.clone(), d, out);
                Arch::new().dispatch(ByRow { of: self, p, q, rows, out, residuals });
            },
        );
        let dense = doubled(gram(p, self.row_weight.as_deref()));
        for_each_range(
            &balanced(self.by_column.row_starts(), d / 4 + 1),
            d,
            of_q.as_mut_slice(),
            || (),
            |(), rows, out| {
                let own: Vec<&[f32]> = rows.clone().map(|c| q.row(c)).collect();
                dense.score_block(&own, out);
                Arch::new().dispatch(ByColumn { of: self, other: p, rows, out, cells: &residuals });
            },
        );
    }

    /// The derivative of [`FullCells::gradient`] along the tangents: a product with the Hessian.
    ///
    /// # Shapes
    /// As [`FullCells::gradient`].
    pub fn second(&self, p: &Joined, q: &Joined, of_p: &mut Matrix, of_q: &mut Matrix) {
        let d = of_q.columns();
        let mut cells = vec![[0.0f32; 2]; self.by_row.len()];
        let dense = q.dense(None);
        for_each_range_with_cells(
            &balanced(self.by_row.row_starts(), d / 8 + 1),
            d,
            of_p.as_mut_slice(),
            self.by_row.row_starts(),
            &mut cells,
            |rows, out, cells| {
                self.add_dense(&dense, &p.0, rows.clone(), d, out);
                Arch::new().dispatch(SecondByRow { of: self, p, q, rows, out, cells });
            },
        );
        let dense = p.dense(self.row_weight.as_deref());
        for_each_range(
            &balanced(self.by_column.row_starts(), d / 4 + 1),
            d,
            of_q.as_mut_slice(),
            || (),
            |(), rows, out| {
                let own: Vec<&[f32]> = rows.clone().map(|c| q.row(c)).collect();
                dense.score_block(&own, out);
                Arch::new().dispatch(SecondByColumn { of: self, other: p, rows, out, cells: &cells });
            },
        );
    }

    /// What cells of weight 1 give the rows, into `out`.
    fn add_dense(
        &self,
        dense: &ItemPanels,
        own: &Matrix,
        rows: std::ops::Range<usize>,
        d: usize,
        out: &mut [f32],
    ) {
        let own: Vec<&[f32]> = rows.clone().map(|r| own.row(r)).collect();
        dense.score_block(&own, out);
        if let Some(weights) = &self.row_weight {
            for (out, weight) in out.chunks_exact_mut(d.max(1)).zip(&weights[rows]) {
                for x in out.iter_mut() {
                    *x *= weight;
                }
            }
        }
    }

    fn row_weight(&self, row: usize) -> f32 {
        self.row_weight.as_ref().map_or(1.0, |w| w[row])
    }
}

/// Twice a symmetric matrix, to multiply rows by.
fn doubled(mut gram: Matrix) -> ItemPanels {
    for x in gram.as_mut_slice().iter_mut() {
        *x *= 2.0;
    }
    ItemPanels::new(&gram)
}

struct ByRow<'a> {
    of: &'a FullCells,
    p: &'a Matrix,
    q: &'a Matrix,
    rows: std::ops::Range<usize>,
    out: &'a mut [f32],
    residuals: &'a mut [f32],
}

impl WithSimd for ByRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        #[inline(always)]
        fn few<S: Simd, const NV: usize, const N: usize>(
            simd: S,
            of: &ByRow<'_>,
            omega: f32,
            x: &[f32],
            columns: [u32; N],
            out: &mut [f32],
        ) -> [f32; N] {
            let rows = rows_at(of.q, columns);
            let weight = of.of.weight;
            let mut cells = dots::<S, NV, N>(simd, x, rows);
            for cell in &mut cells {
                *cell = -2.0 * omega * (weight - (weight - 1.0) * *cell);
            }
            add_rows::<S, NV, N>(simd, cells, rows, out);
            cells
        }
        #[inline(always)]
        fn all<S: Simd, const NV: usize>(simd: S, mut work: ByRow<'_>) {
            let d = work.q.columns().max(1);
            let (out, cells) = (std::mem::take(&mut work.out), std::mem::take(&mut work.residuals));
            let mut rest = cells;
            for (row, out) in work.rows.clone().zip(out.chunks_exact_mut(d)) {
                let (x, omega) = (work.p.row(row), work.of.row_weight(row));
                let columns = work.of.by_row.columns(row);
                let (cells, tail) = rest.split_at_mut(columns.len());
                rest = tail;
                let (groups, single) = columns.as_chunks::<GROUP>();
                let (cell_groups, cell_single) = cells.as_chunks_mut::<GROUP>();
                for (&columns, cells) in groups.iter().zip(cell_groups) {
                    *cells = few::<S, NV, GROUP>(simd, &work, omega, x, columns, out);
                }
                for (&column, cell) in single.iter().zip(cell_single) {
                    [*cell] = few::<S, NV, 1>(simd, &work, omega, x, [column], out);
                }
            }
        }
        with_vectors!(all(simd, self));
    }
}

struct ByColumn<'a> {
    of: &'a FullCells,
    other: &'a Matrix,
    rows: std::ops::Range<usize>,
    out: &'a mut [f32],
    cells: &'a [f32],
}

impl WithSimd for ByColumn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        #[inline(always)]
        fn all<S: Simd, const NV: usize>(simd: S, work: ByColumn<'_>) {
            let ByColumn { of, other, rows, out, cells } = work;
            for (row, out) in rows.zip(out.chunks_exact_mut(other.columns().max(1))) {
                let start = of.by_column.row_starts()[row];
                let columns = of.by_column.columns(row);
                let origins = &of.origins[start..start + columns.len()];
                let (groups, single) = columns.as_chunks::<GROUP>();
                let (origin_groups, origin_single) = origins.as_chunks::<GROUP>();
                for (columns, origins) in groups.iter().zip(origin_groups) {
                    add_rows::<S, NV, GROUP>(simd, picked(cells, *origins), rows_at(other, *columns), out);
                }
                for (&column, &at) in single.iter().zip(origin_single) {
                    add_rows::<S, NV, 1>(simd, [cells[at as usize]], [other.row(column as usize)], out);
                }
            }
        }
        with_vectors!(all(simd, self));
    }
}

struct SecondByRow<'a> {
    of: &'a FullCells,
    p: &'a Joined,
    q: &'a Joined,
    rows: std::ops::Range<usize>,
    out: &'a mut [f32],
    cells: &'a mut [[f32; 2]],
}

impl WithSimd for SecondByRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        /// Coefficients of θ and of θ̇ of each column's row.
        #[inline(always)]
        fn few<S: Simd, const NV: usize, const N: usize>(
            simd: S,
            of: &SecondByRow<'_>,
            omega: f32,
            [x, swapped]: [&[f32]; 2],
            columns: [u32; N],
            out: &mut [f32],
        ) -> [[f32; 2]; N] {
            let d = out.len();
            let rows = rows_at(&of.q.0, columns);
            let (scores, mut of_value) =
                (dots::<S, NV, N>(simd, &x[..d], rows), dots::<S, NV, N>(simd, swapped, rows));
            let weight = of.of.weight;
            let (mut of_tangent, mut tangents, mut cells) = (scores, rows, [[0.0; 2]; N]);
            for n in 0..N {
                of_value[n] *= 2.0 * omega * (weight - 1.0);
                of_tangent[n] = -2.0 * omega * (weight - (weight - 1.0) * scores[n]);
                tangents[n] = &rows[n][d..];
                cells[n] = [of_value[n], of_tangent[n]];
            }
            add_rows::<S, NV, N>(simd, of_value, rows, out);
            add_rows::<S, NV, N>(simd, of_tangent, tangents, out);
            cells
        }
        #[inline(always)]
        fn all<S: Simd, const NV: usize>(simd: S, mut work: SecondByRow<'_>) {
            let d = work.q.0.columns() / 2;
            let (out, cells) = (std::mem::take(&mut work.out), std::mem::take(&mut work.cells));
            let (mut rest, mut swapped) = (cells, vec![0.0; 2 * d]);
            for (row, out) in work.rows.clone().zip(out.chunks_exact_mut(d.max(1))) {
                let (x, omega) = (work.p.row(row), work.of.row_weight(row));
                swapped[..d].copy_from_slice(&x[d..]);
                swapped[d..].copy_from_slice(&x[..d]);
                let own = [x, &swapped[..]];
                let columns = work.of.by_row.columns(row);
                let (cells, tail) = rest.split_at_mut(columns.len());
                rest = tail;
                let (groups, single) = columns.as_chunks::<GROUP>();
                let (cell_groups, cell_single) = cells.as_chunks_mut::<GROUP>();
                for (&columns, cells) in groups.iter().zip(cell_groups) {
                    *cells = few::<S, NV, GROUP>(simd, &work, omega, own, columns, out);
                }
                for (&column, cell) in single.iter().zip(cell_single) {
                    [*cell] = few::<S, NV, 1>(simd, &work, omega, own, [column], out);
                }
            }
        }
        with_vectors!(all(simd, self));
    }
}

struct SecondByColumn<'a> {
    of: &'a FullCells,
    other: &'a Joined,
    rows: std::ops::Range<usize>,
    out: &'a mut [f32],
    cells: &'a [[f32; 2]],
}

impl WithSimd for SecondByColumn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        #[inline(always)]
        fn few<S: Simd, const NV: usize, const N: usize>(
            simd: S,
            cells: [[f32; 2]; N],
            rows: [&[f32]; N],
            out: &mut [f32],
        ) {
            let (mut of_value, mut of_tangent, mut tangents) = ([0.0; N], [0.0; N], rows);
            for n in 0..N {
                [of_value[n], of_tangent[n]] = cells[n];
                tangents[n] = &rows[n][out.len()..];
            }
            add_rows::<S, NV, N>(simd, of_value, rows, out);
            add_rows::<S, NV, N>(simd, of_tangent, tangents, out);
        }
        #[inline(always)]
        fn all<S: Simd, const NV: usize>(simd: S, work: SecondByColumn<'_>) {
            let SecondByColumn { of, other, rows, out, cells } = work;
            for (row, out) in rows.zip(out.chunks_exact_mut((other.0.columns() / 2).max(1))) {
                let start = of.by_column.row_starts()[row];
                let columns = of.by_column.columns(row);
                let origins = &of.origins[start..start + columns.len()];
                let (groups, single) = columns.as_chunks::<GROUP>();
                let (origin_groups, origin_single) = origins.as_chunks::<GROUP>();
                for (columns, origins) in groups.iter().zip(origin_groups) {
                    few::<S, NV, GROUP>(simd, picked(cells, *origins), rows_at(&other.0, *columns), out);
                }
                for (&column, &at) in single.iter().zip(origin_single) {
                    few::<S, NV, 1>(simd, [cells[at as usize]], [other.row(column as usize)], out);
                }
            }
        }
        with_vectors!(all(simd, self));
    }
}
