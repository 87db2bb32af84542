//! First and second derivatives of a weighted squared loss over *all* cells of a 0/1 matrix, in both factors at once.

#[cfg(test)]
mod tests;

use pulp::{Arch, Simd, WithSimd};

use crate::csr::Csr;
use crate::gram::{gram, gram_rows};
use crate::matrix::{Matrix, dot};
use crate::parallel::{balanced, for_each_range, for_each_range_with_cells, sum};
use crate::products::with_vectors;
use crate::rows::{CHUNK, Rows, add_rows, dots};
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

/// Gradients, and what was found for each stored cell on the way. To be written over again and again: memory that the system must find takes a
/// tenth of a step.
#[derive(Clone, Debug, Default)]
pub struct CellSlopes<T> {
    /// One row a row.
    pub of_p: Matrix,
    /// One row a column.
    pub of_q: Matrix,
    /// One entry a stored cell.
    cells: Vec<T>,
}

/// Factors with a tangent beside each row: `[θ | θ̇]`.
#[derive(Clone, Debug, Default)]
pub struct Joined(Matrix);

impl Joined {
    /// # Panics
    /// If the two are not of one shape.
    pub fn new(value: &Matrix, tangent: &Matrix) -> Self {
        let mut out = Self::default();
        out.set(value, tangent);
        out
    }

    /// [`Joined::new`], into the memory that is there.
    ///
    /// # Panics
    /// If the two are not of one shape.
    pub fn set(&mut self, value: &Matrix, tangent: &Matrix) {
        assert_eq!(value.columns(), tangent.columns(), "a tangent of another shape");
        self.0.set_beside(value, tangent);
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
        let d = self.0.columns() / 2;
        let both = gram_rows(&self.0, weights, d);
        let mut out = Matrix::zeros(d, 2 * d);
        for i in 0..d {
            let row = out.row_mut(i);
            for j in 0..d {
                row[j] = 2.0 * (both.row(i)[d + j] + both.row(j)[d + i]);
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

    /// The loss.
    ///
    /// # Shapes
    /// As [`FullCells::gradient`].
    pub fn loss(&self, p: &Matrix, q: &Matrix) -> f64 {
        let (gram, weight) = (gram(q, None), f64::from(self.weight));
        sum(&balanced(self.by_row.row_starts(), 16), |rows| {
            let of_row = |row: usize| {
                let x = p.row(row);
                let all: f64 =
                    x.iter().zip(0..).map(|(&x_k, k)| f64::from(x_k) * f64::from(dot(gram.row(k), x))).sum();
                let stored = self.by_row.columns(row).iter().map(|&c| {
                    let score = f64::from(dot(x, q.row(c as usize)));
                    weight * (1.0 - score).powi(2) - score * score
                });
                f64::from(self.row_weight(row)) * (all + stored.sum::<f64>())
            };
            rows.map(of_row).sum()
        })
    }

    /// The gradients `(∂L/∂P, ∂L/∂Q)`, in the place of what `out` had.
    ///
    /// # Shapes
    /// `p`: one row a row. `q`: one row a column, as long.
    pub fn gradient(&self, p: &Matrix, q: &Matrix, out: &mut CellSlopes<f32>) {
        let d = q.columns();
        let CellSlopes { of_p, of_q, cells: residuals } = out;
        of_p.reshape(p.rows(), d);
        of_q.reshape(q.rows(), d);
        residuals.resize(self.by_row.len(), 0.0);
        doubled(gram(q, None)).score_rows(p, of_p.as_mut_slice());
        self.weigh_rows(of_p);
        for_each_range_with_cells(
            &balanced(self.by_row.row_starts(), 1),
            d,
            of_p.as_mut_slice(),
            self.by_row.row_starts(),
            residuals,
            |rows, out, residuals| {
                Arch::new().dispatch(ByRow { of: self, p, q, rows, out, residuals });
            },
        );
        doubled(gram(p, self.row_weight.as_deref())).score_rows(q, of_q.as_mut_slice());
        for_each_range(
            &balanced(self.by_column.row_starts(), 1),
            d,
            of_q.as_mut_slice(),
            || (),
            |(), rows, out| {
                Arch::new().dispatch(ByColumn { of: self, other: p, rows, out, cells: residuals });
            },
        );
    }

    /// The derivative of [`FullCells::gradient`] along the tangents: a product with the Hessian.
    ///
    /// # Shapes
    /// As [`FullCells::gradient`].
    pub fn second(&self, p: &Joined, q: &Joined, out: &mut CellSlopes<[f32; 2]>) {
        let d = q.0.columns() / 2;
        let CellSlopes { of_p, of_q, cells } = out;
        of_p.reshape(p.0.rows(), d);
        of_q.reshape(q.0.rows(), d);
        cells.resize(self.by_row.len(), [0.0; 2]);
        q.dense(None).score_rows(&p.0, of_p.as_mut_slice());
        self.weigh_rows(of_p);
        for_each_range_with_cells(
            &balanced(self.by_row.row_starts(), 1),
            d,
            of_p.as_mut_slice(),
            self.by_row.row_starts(),
            cells,
            |rows, out, cells| {
                Arch::new().dispatch(SecondByRow { of: self, p, q, rows, out, cells });
            },
        );
        p.dense(self.row_weight.as_deref()).score_rows(&q.0, of_q.as_mut_slice());
        for_each_range(
            &balanced(self.by_column.row_starts(), 1),
            d,
            of_q.as_mut_slice(),
            || (),
            |(), rows, out| {
                Arch::new().dispatch(SecondByColumn { of: self, other: p, rows, out, cells });
            },
        );
    }

    fn weigh_rows(&self, of_p: &mut Matrix) {
        for (row, &weight) in self.row_weight.iter().flatten().enumerate() {
            for x in of_p.row_mut(row).iter_mut() {
                *x *= weight;
            }
        }
    }

    /// Rows of the stored cells of a column, and where these stand in `by_row`, some at a time.
    #[inline(always)]
    fn chunks_of_column(&self, column: usize) -> impl Iterator<Item = (&[u32], &[u32])> {
        let rows = self.by_column.columns(column);
        let origins = &self.origins[self.by_column.row_starts()[column]..][..rows.len()];
        rows.chunks(CHUNK).zip(origins.chunks(CHUNK))
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
        fn all<S: Simd, const NV: usize>(simd: S, work: ByRow<'_>) {
            let ByRow { of, p, q, rows, out, mut residuals } = work;
            let weight = of.weight;
            for (row, out) in rows.zip(out.chunks_exact_mut(q.columns().max(1))) {
                let (x, omega, columns) = (p.row(row), of.row_weight(row), of.by_row.columns(row));
                let own =
                    residuals.split_off_mut(..columns.len()).expect("invariant: a number for each cell");
                for (columns, cells) in columns.chunks(CHUNK).zip(own.chunks_mut(CHUNK)) {
                    let others = Rows::new(q, columns);
                    dots::<S, NV>(simd, x, others, cells);
                    for cell in cells.iter_mut() {
                        *cell = -2.0 * omega * (weight - (weight - 1.0) * *cell);
                    }
                    add_rows::<S, NV>(simd, cells, others, out);
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
            for (column, out) in rows.zip(out.chunks_exact_mut(other.columns().max(1))) {
                for (others, origins) in of.chunks_of_column(column) {
                    let mut factors = [0.0; CHUNK];
                    for (factor, &origin) in factors.iter_mut().zip(origins) {
                        *factor = cells[origin as usize];
                    }
                    add_rows::<S, NV>(simd, &factors[..origins.len()], Rows::new(other, others), out);
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
    /// Coefficients of θ and of θ̇ of each column's row.
    cells: &'a mut [[f32; 2]],
}

impl WithSimd for SecondByRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        #[inline(always)]
        fn all<S: Simd, const NV: usize>(simd: S, work: SecondByRow<'_>) {
            let SecondByRow { of, p, q, rows, out, mut cells } = work;
            let (weight, d) = (of.weight, q.0.columns() / 2);
            let mut swapped = vec![0.0; 2 * d];
            for (row, out) in rows.zip(out.chunks_exact_mut(d.max(1))) {
                let (x, omega, columns) = (p.row(row), of.row_weight(row), of.by_row.columns(row));
                swapped[..d].copy_from_slice(&x[d..]);
                swapped[d..].copy_from_slice(&x[..d]);
                let own = cells.split_off_mut(..columns.len()).expect("invariant: two numbers for each cell");
                for (columns, cells) in columns.chunks(CHUNK).zip(own.chunks_mut(CHUNK)) {
                    let (mut of_value, mut of_tangent) = ([0.0; CHUNK], [0.0; CHUNK]);
                    let (of_value, of_tangent) =
                        (&mut of_value[..columns.len()], &mut of_tangent[..columns.len()]);
                    let others = Rows::new(&q.0, columns);
                    dots::<S, NV>(simd, &x[..d], others, of_tangent);
                    dots::<S, NV>(simd, &swapped, others, of_value);
                    for ((value, tangent), cell) in of_value.iter_mut().zip(&mut *of_tangent).zip(cells) {
                        *value *= 2.0 * omega * (weight - 1.0);
                        *tangent = -2.0 * omega * (weight - (weight - 1.0) * *tangent);
                        *cell = [*value, *tangent];
                    }
                    add_rows::<S, NV>(simd, of_value, others, out);
                    add_rows::<S, NV>(simd, of_tangent, others.from(d), out);
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
        fn all<S: Simd, const NV: usize>(simd: S, work: SecondByColumn<'_>) {
            let SecondByColumn { of, other, rows, out, cells } = work;
            let d = other.0.columns() / 2;
            for (column, out) in rows.zip(out.chunks_exact_mut(d.max(1))) {
                for (others, origins) in of.chunks_of_column(column) {
                    let (mut of_value, mut of_tangent) = ([0.0; CHUNK], [0.0; CHUNK]);
                    for (at, &origin) in origins.iter().enumerate() {
                        [of_value[at], of_tangent[at]] = cells[origin as usize];
                    }
                    let rows = Rows::new(&other.0, others);
                    add_rows::<S, NV>(simd, &of_value[..origins.len()], rows, out);
                    add_rows::<S, NV>(simd, &of_tangent[..origins.len()], rows.from(d), out);
                }
            }
        }
        with_vectors!(all(simd, self));
    }
}
