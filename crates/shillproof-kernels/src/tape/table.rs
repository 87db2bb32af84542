//! Dense row-major matrices of `f64`.

use std::ops::{Index, IndexMut};

/// A dense row-major matrix of `f64`.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Table {
    /// All zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: vec![0.0; rows * columns] }
    }

    /// The matrix with these values, row after row.
    ///
    /// # Panics
    /// If there are not `rows * columns` of them.
    pub fn from_vec(rows: usize, columns: usize, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), rows * columns, "values for every cell");
        Self { rows, columns, data }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    pub fn row(&self, r: usize) -> &[f64] {
        &self.data[r * self.columns..(r + 1) * self.columns]
    }

    /// One row, to write to.
    pub fn row_mut(&mut self, r: usize) -> &mut [f64] {
        &mut self.data[r * self.columns..(r + 1) * self.columns]
    }

    /// All values, row after row.
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    /// All values, row after row, to write to.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// `f` of every value.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { data: self.data.iter().map(|&x| f(x)).collect(), ..*self }
    }

    /// `f` of every pair of values.
    ///
    /// # Shapes
    /// `other`: as this.
    #[must_use]
    pub fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        debug_assert_eq!((self.rows, self.columns), (other.rows, other.columns));
        Self { data: self.data.iter().zip(&other.data).map(|(&x, &y)| f(x, y)).collect(), ..*self }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (x, y) in self.data.iter_mut().zip(&other.data) {
            *x += y;
        }
    }

    pub(super) fn transposed(&self) -> Self {
        let mut out = Self::zeros(self.columns, self.rows);
        for r in 0..self.rows {
            for c in 0..self.columns {
                out[(c, r)] = self[(r, c)];
            }
        }
        out
    }

    /// `self · other`.
    pub(super) fn times(&self, other: &Self) -> Self {
        debug_assert_eq!(self.columns, other.rows);
        let mut out = Self::zeros(self.rows, other.columns);
        for r in 0..self.rows {
            for (k, &x) in self.row(r).iter().enumerate() {
                for (cell, y) in out.row_mut(r).iter_mut().zip(other.row(k)) {
                    *cell += x * y;
                }
            }
        }
        out
    }

    /// `self · otherᵀ`.
    pub(super) fn times_transposed(&self, other: &Self) -> Self {
        self.times(&other.transposed())
    }
}

impl Index<(usize, usize)> for Table {
    type Output = f64;

    fn index(&self, (r, c): (usize, usize)) -> &f64 {
        &self.data[r * self.columns + c]
    }
}

impl IndexMut<(usize, usize)> for Table {
    fn index_mut(&mut self, (r, c): (usize, usize)) -> &mut f64 {
        &mut self.data[r * self.columns + c]
    }
}
