//! The observed cells of a matrix in f64, by row and by column, and their products with tall thin matrices.

use nalgebra::DMatrix;
use rayon::prelude::*;
use shillproof_core::Interactions;
use shillproof_kernels::vectorized;

/// Rows (or columns) that one piece of parallel work takes.
const PIECE: usize = 32;

/// Which cells of a matrix are observed, and their values.
#[derive(Clone, Debug)]
pub struct Observed {
    row_start: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
    column_start: Vec<usize>,
    rows: Vec<u32>,
    /// Where the cells of a column are among `values`.
    positions: Vec<u32>,
}

impl Observed {
    /// Users as rows, items as columns, ratings less `offset` as values; implicit data counts as 1.
    pub fn of(data: &Interactions, offset: f64) -> Self {
        Self::new(
            data.n_items(),
            data.rows().map(|row| row.iter().map(|(item, r)| (item.0, f64::from(r) - offset)).collect()),
        )
    }

    /// The matrix with these cells, `(column, value)`, row after row.
    ///
    /// # Panics
    /// If a column is not below `n_columns`.
    ///
    /// ```
    /// use shillproof_victims::Observed;
    /// let observed = Observed::new(3, [vec![(0, 1.0), (2, -0.5)], vec![]].into_iter());
    /// assert_eq!((observed.n_rows(), observed.n_columns()), (2, 3));
    /// assert_eq!(observed.values(), [1.0, -0.5]);
    /// ```
    pub fn new(n_columns: usize, cells: impl Iterator<Item = Vec<(u32, f64)>>) -> Self {
        let (mut row_start, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
        for row in cells {
            for (column, value) in row {
                columns.push(column);
                values.push(value);
            }
            row_start.push(columns.len());
        }
        let mut column_start = vec![0; n_columns + 1];
        for &c in &columns {
            column_start[c as usize + 1] += 1;
        }
        for c in 0..n_columns {
            column_start[c + 1] += column_start[c];
        }
        let mut next = column_start.clone();
        let (mut rows, mut positions) = (vec![0; columns.len()], vec![0; columns.len()]);
        for row in 0..row_start.len() - 1 {
            for at in row_start[row]..row_start[row + 1] {
                let slot = &mut next[columns[at] as usize];
                (rows[*slot], positions[*slot]) = (row as u32, at as u32);
                *slot += 1;
            }
        }
        Self { row_start, columns, values, column_start, rows, positions }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.row_start.len() - 1
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.column_start.len() - 1
    }

    /// Values of all cells, row after row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Where the cells of `row` are among all cells.
    pub fn span(&self, row: usize) -> std::ops::Range<usize> {
        self.row_start[row]..self.row_start[row + 1]
    }

    /// Columns of the cells of `row`.
    pub fn columns(&self, row: usize) -> &[u32] {
        &self.columns[self.span(row)]
    }

    /// `leftᵀright` at every observed cell.
    ///
    /// # Shapes
    /// `left`: one column a row of the matrix; `right`: one column a column of it; both of one height.
    pub(super) fn products(&self, left: &DMatrix<f64>, right: &DMatrix<f64>) -> Vec<f64> {
        let height = left.nrows();
        let mut out = vec![0.0; self.values.len()];
        if height == 0 {
            return out;
        }
        let mut parts = Vec::new();
        let mut rest = &mut out[..];
        for first in (0..self.n_rows()).step_by(PIECE) {
            let rows = first..(first + PIECE).min(self.n_rows());
            let (part, tail) = rest.split_at_mut(self.row_start[rows.end] - self.row_start[first]);
            parts.push((rows, part));
            rest = tail;
        }
        let (left, right) = (left.as_slice(), right.as_slice());
        parts.into_par_iter().for_each(|(rows, part)| {
            vectorized!(|| {
                let mut out = part.iter_mut();
                for row in rows {
                    let x = &left[row * height..][..height];
                    for (&c, out) in self.columns(row).iter().zip(&mut out) {
                        *out = dot(x, &right[c as usize * height..][..height]);
                    }
                }
            });
        });
        out
    }

    /// `out[:, r] += Σ_c cells_rc right[:, c]`: the sparse matrix with values `cells` times `rightᵀ`, transposed.
    ///
    /// # Shapes
    /// `cells`: one value a cell. `right`: one column a column of the matrix. `out`: one column a row of it.
    pub(super) fn add_times_right(&self, cells: &[f64], right: &DMatrix<f64>, out: &mut DMatrix<f64>) {
        let right = right.as_slice();
        gather(out, |row, height, sum| {
            for at in self.span(row) {
                axpy(cells[at], &right[self.columns[at] as usize * height..][..height], sum);
            }
        });
    }

    /// `out[:, c] += Σ_r cells_rc left[:, r]`: the transposed sparse matrix times `leftᵀ`, transposed.
    ///
    /// # Shapes
    /// `cells`: one value a cell. `left`: one column a row of the matrix. `out`: one column a column of it.
    pub(super) fn add_times_left(&self, cells: &[f64], left: &DMatrix<f64>, out: &mut DMatrix<f64>) {
        let left = left.as_slice();
        gather(out, |column, height, sum| {
            for at in self.column_start[column]..self.column_start[column + 1] {
                let value = cells[self.positions[at] as usize];
                axpy(value, &left[self.rows[at] as usize * height..][..height], sum);
            }
        });
    }
}

/// Calls `add` on each column of `out`, in parallel.
fn gather(out: &mut DMatrix<f64>, add: impl Fn(usize, usize, &mut [f64]) + Sync) {
    let height = out.nrows();
    if height == 0 {
        return;
    }
    out.as_mut_slice().par_chunks_mut(height * PIECE).enumerate().for_each(|(piece, part)| {
        vectorized!(|| {
            for (at, column) in part.chunks_exact_mut(height).enumerate() {
                add(piece * PIECE + at, height, column);
            }
        });
    });
}

// Both must become part of the function that `pulp` compiles for the chosen instruction set.
#[allow(clippy::inline_always)]
#[inline(always)]
fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// Inner product in eight interleaved partial sums.
#[allow(clippy::inline_always)]
#[inline(always)]
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let ((x8, x_rest), (y8, y_rest)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (x, y) in x8.iter().zip(y8) {
        for k in 0..8 {
            lanes[k] += x[k] * y[k];
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f64>() + rest
}
