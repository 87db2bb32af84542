//! Dense row-major matrices of `f32`.

use aligned_vec::{AVec, ConstAlign, avec};
use rand_distr::{Distribution, Normal, Uniform};
use rayon::prelude::*;
use shillproof_core::Seed;

/// A dense row-major matrix. Its values begin at a cache line, so that a row of 16 numbers, or 32 and so on, is whole lines.
#[derive(Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    data: AVec<f32, ConstAlign<64>>,
}

impl Clone for Matrix {
    fn clone(&self) -> Self {
        Self { data: self.data.clone(), ..*self }
    }

    /// Into the memory that is there, where it is enough.
    fn clone_from(&mut self, source: &Self) {
        self.reshape(source.rows, source.columns);
        self.data.copy_from_slice(&source.data);
    }
}

impl Default for Matrix {
    fn default() -> Self {
        Self::zeros(0, 0)
    }
}

/// Values that do not fill a matrix of the shape asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeError {
    /// Rows asked for.
    pub rows: usize,
    /// Columns asked for.
    pub columns: usize,
    /// Values given.
    pub values: usize,
}

impl std::fmt::Display for ShapeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} values do not make a {} x {} matrix", self.values, self.rows, self.columns)
    }
}

impl std::error::Error for ShapeError {}

impl Matrix {
    /// All zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: avec![[64]| 0.0; rows * columns] }
    }

    /// The matrix with these values, row after row.
    ///
    /// # Errors
    /// If there are not `rows * columns` values.
    ///
    /// ```
    /// use shillproof_kernels::Matrix;
    /// let m = Matrix::from_slice(2, 2, &[1.0, 2.0, 3.0, 4.0])?;
    /// assert_eq!(m.row(1), [3.0, 4.0]);
    /// # Ok::<(), shillproof_kernels::ShapeError>(())
    /// ```
    pub fn from_slice(rows: usize, columns: usize, data: &[f32]) -> Result<Self, ShapeError> {
        if data.len() == rows * columns {
            Ok(Self { rows, columns, data: AVec::from_slice(64, data) })
        } else {
            Err(ShapeError { rows, columns, values: data.len() })
        }
    }

    /// Entries from N(0, `deviation`²). Row `i` is drawn from `seed.index(i)`, so it does not depend on
    /// how many rows there are: genuine rows start alike with and without fake rows after them.
    ///
    /// # Panics
    /// If `deviation` is negative or not finite.
    pub fn normal(rows: usize, columns: usize, deviation: f32, seed: Seed) -> Self {
        let normal = Normal::new(0.0, deviation).expect("invariant: a finite deviation of at least 0");
        let mut out = Self::zeros(rows, columns);
        out.data.par_chunks_mut(columns.max(1)).enumerate().for_each(|(i, row)| {
            let mut rng = seed.index(i as u64).rng();
            row.fill_with(|| normal.sample(&mut rng));
        });
        out
    }

    /// Entries uniform between −`bound` and `bound`, drawn row by row as in [`Matrix::normal`].
    ///
    /// # Panics
    /// If `bound` is negative or not finite.
    pub fn uniform(rows: usize, columns: usize, bound: f32, seed: Seed) -> Self {
        let uniform = Uniform::new_inclusive(-bound, bound).expect("invariant: a finite bound of at least 0");
        let mut out = Self::zeros(rows, columns);
        out.data.par_chunks_mut(columns.max(1)).enumerate().for_each(|(i, row)| {
            let mut rng = seed.index(i as u64).rng();
            row.fill_with(|| uniform.sample(&mut rng));
        });
        out
    }

    /// Another shape, in the memory that is there where it is as much; which values it has then is not said.
    pub fn reshape(&mut self, rows: usize, columns: usize) {
        if rows * columns == self.data.len() {
            (self.rows, self.columns) = (rows, columns);
        } else {
            *self = Self::zeros(rows, columns);
        }
    }

    /// Becomes these rows of another one, in their order, in the memory that is there where it is as much.
    ///
    /// ```
    /// use shillproof_kernels::Matrix;
    /// let mut out = Matrix::default();
    /// out.set_rows(&Matrix::from_slice(3, 1, &[5.0, 6.0, 7.0])?, [2, 0].into_iter());
    /// assert_eq!(out.as_slice(), [7.0, 5.0]);
    /// # Ok::<(), shillproof_kernels::ShapeError>(())
    /// ```
    pub fn set_rows(&mut self, of: &Self, rows: impl ExactSizeIterator<Item = usize>) {
        self.reshape(rows.len(), of.columns());
        for (at, row) in rows.enumerate() {
            self.row_mut(at).copy_from_slice(of.row(row));
        }
    }

    /// Becomes two others side by side, in the memory that is there where it is as much.
    ///
    /// # Panics
    /// If one has more rows than the other.
    pub fn set_beside(&mut self, left: &Self, right: &Self) {
        assert_eq!(left.rows(), right.rows(), "rows side by side");
        self.reshape(left.rows(), left.columns() + right.columns());
        for row in 0..left.rows() {
            let (to_left, to_right) = self.row_mut(row).split_at_mut(left.columns());
            to_left.copy_from_slice(left.row(row));
            to_right.copy_from_slice(right.row(row));
        }
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
    #[inline]
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.columns..(i + 1) * self.columns]
    }

    /// One row, to write to.
    #[inline]
    pub fn row_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.data[i * self.columns..(i + 1) * self.columns]
    }

    /// All values, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// All values, row after row, to write to.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Whether no value is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        self.data.par_chunks(1 << 14).all(|chunk| chunk.iter().all(|x| x.is_finite()))
    }

    /// The squared Frobenius norm.
    pub fn squared_norm(&self) -> f64 {
        let square = |chunk: &[f32]| chunk.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
        self.data.par_chunks(1 << 14).map(square).collect::<Vec<_>>().into_iter().sum()
    }
}

/// Inner product, summed in 16 interleaved partial sums.
///
/// # Shapes
/// Slices of one length; the longer one's rest is ignored.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    let (a16, a_rest) = a[..n].as_chunks::<16>();
    let (b16, b_rest) = b[..n].as_chunks::<16>();
    let mut lanes = [0.0f32; 16];
    for (x, y) in a16.iter().zip(b16) {
        for k in 0..16 {
            lanes[k] += x[k] * y[k];
        }
    }
    for (k, (x, y)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[k] += x * y;
    }
    let mut width = 8;
    while width > 0 {
        for k in 0..width {
            lanes[k] += lanes[k + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// `y += a x`.
///
/// # Shapes
/// Slices of one length; the longer one's rest is left alone.
#[inline(always)]
pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dot_agrees_with_f64(pairs in prop::collection::vec((-3.0f32..3.0, -3.0f32..3.0), 0..100)) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
            let exact: f64 = pairs.iter().map(|p| f64::from(p.0) * f64::from(p.1)).sum();
            let size: f64 = pairs.iter().map(|p| f64::from(p.0 * p.1).abs()).sum();
            prop_assert!((f64::from(dot(&a, &b)) - exact).abs() <= 1e-5 * size + 1e-6);
        }
    }

    #[test]
    fn rows_do_not_depend_on_how_many_follow() {
        let (few, many) = (Matrix::normal(3, 5, 0.1, Seed::new(1)), Matrix::normal(7, 5, 0.1, Seed::new(1)));
        assert_eq!(few.as_slice(), &many.as_slice()[..15]);
        assert!(few.squared_norm() > 0.0 && few.is_finite());
    }

    #[test]
    fn a_wrong_shape_is_refused() {
        let error = Matrix::from_slice(2, 2, &[0.0; 3]).unwrap_err();
        assert_eq!(error.to_string(), "3 values do not make a 2 x 2 matrix");
    }
}
