//! The leading singular vectors of a sparse plus low-rank matrix, by subspace iteration.

use nalgebra::{Cholesky, DMatrix, SymmetricEigen};
use rand_distr::{Distribution, StandardNormal};
use shillproof_core::Seed;

use super::observed::Observed;

/// `sparse + leftᵀright`.
pub(super) struct SparseLowRank<'a> {
    pub(super) cells: &'a Observed,
    pub(super) sparse: Vec<f64>,
    pub(super) left: DMatrix<f64>,
    pub(super) right: DMatrix<f64>,
}

impl SparseLowRank<'_> {
    /// The matrix times `blockᵀ`, transposed.
    fn times_right(&self, block: &DMatrix<f64>) -> DMatrix<f64> {
        let mut out = (block * self.right.transpose()) * &self.left;
        self.cells.add_times_right(&self.sparse, block, &mut out);
        out
    }

    /// The transposed matrix times `blockᵀ`, transposed.
    fn times_left(&self, block: &DMatrix<f64>) -> DMatrix<f64> {
        let mut out = (block * self.left.transpose()) * &self.right;
        self.cells.add_times_left(&self.sparse, block, &mut out);
        out
    }
}

/// Singular values above a threshold with their vectors, and the block they were found in.
pub(super) struct Leading {
    pub(super) left: DMatrix<f64>,
    pub(super) singular: Vec<f64>,
    pub(super) right: DMatrix<f64>,
    /// Approximate right singular vectors, as many as the search kept; the start of the next search.
    pub(super) basis: DMatrix<f64>,
}

/// Where a search of singular vectors goes on: how wide, and with which random rows.
pub(super) struct Search {
    /// Rows beyond those above the threshold (Halko, Martinsson and Tropp, SIAM Review 2011, §4.2).
    pub(super) oversampling: usize,
    /// Passes over the matrix before the one that gives the values (their §4.5).
    pub(super) power_iterations: usize,
    /// Where random rows come from.
    pub(super) seed: Seed,
    /// Random rows drawn so far.
    pub(super) drawn: u64,
}

impl Search {
    /// All singular values of `matrix` above `threshold`, searched from `basis`; the search widens until
    /// the smallest value it sees is not above the threshold.
    pub(super) fn leading(
        &mut self,
        matrix: &SparseLowRank<'_>,
        threshold: f64,
        mut basis: DMatrix<f64>,
    ) -> Leading {
        let widest = matrix.cells.n_rows().min(matrix.cells.n_columns());
        // A block that begins at random needs the passes; one that was nearly right needs none.
        let mut passes = if basis.nrows() == 0 { self.power_iterations } else { 0 };
        let mut width = basis.nrows().max(self.oversampling).min(widest);
        loop {
            self.resize(&mut basis, width);
            let mut found = pass(matrix, basis, passes, threshold);
            let kept = found.singular.len();
            if kept < width || width == widest {
                self.resize(&mut found.basis, (kept + self.oversampling).min(widest));
                return found;
            }
            width = (width + (width / 2).max(self.oversampling)).min(widest);
            basis = found.basis;
            passes = self.power_iterations;
        }
    }

    /// Cuts `basis` to `width` rows or fills it up with random ones.
    fn resize(&mut self, basis: &mut DMatrix<f64>, width: usize) {
        let (have, columns) = basis.shape();
        let mut rows = std::mem::replace(basis, DMatrix::zeros(0, columns)).resize_vertically(width, 0.0);
        for row in have..width {
            let mut rng = self.seed.index(self.drawn).rng();
            self.drawn += 1;
            for cell in &mut rows.row_mut(row) {
                *cell = StandardNormal.sample(&mut rng);
            }
        }
        *basis = rows;
    }
}

/// `power + 1` alternating products with the matrix and its transpose, then the small decomposition.
fn pass(matrix: &SparseLowRank<'_>, mut basis: DMatrix<f64>, power: usize, threshold: f64) -> Leading {
    for _ in 0..power {
        basis = orthonormal(matrix.times_left(&orthonormal(matrix.times_right(&basis))));
    }
    let range = orthonormal(matrix.times_right(&basis));
    let image = matrix.times_left(&range);
    // image = range · matrix, so its singular values are the matrix's within this range.
    let eigen = SymmetricEigen::new(&image * image.transpose());
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let rotation = eigen.eigenvectors.select_columns(&order).transpose();
    let mut basis = &rotation * image;
    let values: Vec<f64> = basis.row_iter().map(|row| row.norm()).collect();
    for (mut row, &value) in basis.row_iter_mut().zip(&values) {
        if value > 0.0 {
            row /= value;
        }
    }
    let kept = values.iter().take_while(|&&s| s > threshold).count();
    let (left, right) = (rotation.rows(0, kept) * range, basis.rows(0, kept).into_owned());
    Leading { left, singular: values[..kept].to_vec(), right, basis }
}

/// Orthonormal rows with the span of `rows`. A warm start leaves them nearly orthogonal: then one Cholesky
/// factorisation of their Gram matrix is as good as Householder reflections, which serve the rest.
fn orthonormal(mut rows: DMatrix<f64>) -> DMatrix<f64> {
    /// Smallest pivot at which what rounding does to orthogonality stays near 1e-13.
    const PIVOT: f64 = 0.05;
    for mut row in rows.row_iter_mut() {
        let norm = row.norm();
        if norm > 0.0 {
            row /= norm;
        }
    }
    let lower = Cholesky::new(&rows * rows.transpose()).map(Cholesky::unpack);
    match lower.filter(|lower| lower.diagonal().iter().all(|&pivot| pivot > PIVOT)) {
        Some(lower) => {
            lower.solve_lower_triangular_unchecked_mut(&mut rows);
            rows
        }
        None => rows.transpose().qr().q().transpose(),
    }
}
