//! What completion comes to: a matrix in the form of its singular value decomposition.

use nalgebra::DMatrix;
use shillproof_kernels::Matrix;

use super::observed::Observed;

/// A completed matrix `Σ_k s_k u_k v_kᵀ`, and what a warm start needs.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Left singular vectors of the whole matrix, genuine and fake rows together: one column a row of it.
    pub left: DMatrix<f64>,
    /// Singular values, descending, all positive.
    pub singular: Vec<f64>,
    /// Right singular vectors: one column a column of the matrix.
    pub right: DMatrix<f64>,
    /// Rows that span the leading right singular vectors and some more: where the next search begins.
    pub(super) basis: DMatrix<f64>,
    /// `‖R_Ω(M − X)‖² + 2λ‖X‖_*`.
    pub objective: f64,
    /// `‖X_k − X_{k−1}‖_F / ‖X_k‖_F` of the last iteration.
    pub change: f64,
    /// Iterations made.
    pub iterations: usize,
}

impl Completion {
    /// The zero matrix.
    pub(super) fn zero(rows: usize, columns: usize) -> Self {
        Self {
            left: DMatrix::zeros(0, rows),
            singular: Vec::new(),
            right: DMatrix::zeros(0, columns),
            basis: DMatrix::zeros(0, columns),
            objective: f64::INFINITY,
            change: f64::INFINITY,
            iterations: 0,
        }
    }

    /// Number of positive singular values.
    pub fn rank(&self) -> usize {
        self.singular.len()
    }

    /// `s_k u_k`: one column a row of the matrix.
    pub fn scaled_left(&self) -> DMatrix<f64> {
        scaled(&self.left, self.singular.iter().copied())
    }

    /// `(√s_k u_k, √s_k v_k)`: the two sides alike, as factors whose product is the matrix.
    pub fn balanced(&self) -> (DMatrix<f64>, DMatrix<f64>) {
        let root = || self.singular.iter().map(|s| s.sqrt());
        (scaled(&self.left, root()), scaled(&self.right, root()))
    }

    /// The matrix at the observed cells of `cells`, row after row.
    pub fn at(&self, cells: &Observed) -> Vec<f64> {
        cells.products(&self.scaled_left(), &self.right)
    }

    /// With rows of zeros up to `rows`.
    pub(super) fn padded(mut self, rows: usize) -> Self {
        self.left = self.left.resize_horizontally(rows, 0.0);
        self
    }

    /// `‖self − before‖_F / ‖self‖_F`, without cancellation: the parts inside and outside the span of
    /// the right singular vectors of `self` are orthogonal.
    pub(super) fn change_from(&self, before: &Self) -> f64 {
        let old = before.scaled_left();
        // Coordinates of the old right vectors in the new ones.
        let inside = &self.right * before.right.transpose();
        let difference = self.scaled_left() - &inside * &old;
        let outside = &before.right - inside.transpose() * &self.right;
        let gram = &old * old.transpose();
        let outer = &outside * outside.transpose();
        let squared = difference.norm_squared() + gram.component_mul(&outer).sum().max(0.0);
        let size = self.singular.iter().map(|s| s * s).sum::<f64>();
        if squared == 0.0 { 0.0 } else { (squared / size).sqrt() }
    }
}

/// Columns of a f64 matrix as rows of f32 factors.
pub(super) fn factors(columns: &DMatrix<f64>) -> Matrix {
    let values = columns.iter().map(|&x| x as f32).collect::<Vec<_>>();
    Matrix::from_slice(columns.ncols(), columns.nrows(), &values).expect("invariant: as many values as cells")
}

fn scaled(rows: &DMatrix<f64>, scale: impl Iterator<Item = f64>) -> DMatrix<f64> {
    let mut out = rows.clone();
    for (mut row, s) in out.row_iter_mut().zip(scale) {
        row *= s;
    }
    out
}
