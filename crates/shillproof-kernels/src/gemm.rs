//! Products of dense row-major matrices of any shape, by a library: for layers whose shapes change from step to step.

use crate::matrix::{axpy, dot};

/// Rows of the left factor below which packing the right one costs more than it saves.
const FEW: usize = 4;

/// A row-major matrix, or its transpose, in borrowed memory.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<'a> View<'a> {
    /// The matrix of these values, row after row.
    ///
    /// # Panics
    /// If there are not `rows * columns` values.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "invariant: a value for each cell");
        Self { data, rows, columns, transposed: false }
    }

    /// The transpose; nothing is moved.
    #[must_use]
    pub fn t(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// Rows and columns, seen from outside.
    fn shape(&self) -> (usize, usize) {
        if self.transposed { (self.columns, self.rows) } else { (self.rows, self.columns) }
    }

    /// Numbers from a row to the next, and from a column to the next.
    fn strides(&self) -> (isize, isize) {
        if self.transposed { (1, self.columns as isize) } else { (self.columns as isize, 1) }
    }
}

/// `out = keep · out + a b`, on the calling thread.
///
/// # Shapes
/// `a`: n x k, `b`: k x m, `out`: n rows of m.
///
/// ```
/// use shillproof_kernels::{View, multiply};
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 10.0]);
/// let mut out = [100.0, 200.0];
/// multiply(View::new(&a, 2, 2), View::new(&b, 1, 2).t(), 1.0, &mut out);
/// assert_eq!(out, [121.0, 243.0]);
/// ```
///
/// # Panics
/// If shapes do not fit.
pub fn multiply(a: View<'_>, b: View<'_>, keep: f32, out: &mut [f32]) {
    let ((rows, inner), (other, columns)) = (a.shape(), b.shape());
    assert_eq!(inner, other, "invariant: columns of the left meet rows of the right");
    assert_eq!(out.len(), rows * columns, "invariant: a value for each cell");
    if out.is_empty() {
        return;
    }
    if rows <= FEW && !a.transposed {
        few_rows(a.data, b, keep, out);
        return;
    }
    let ((a_down, a_right), (b_down, b_right)) = (a.strides(), b.strides());
    // SAFETY: `View::new` and the assertions above hold: each pointer has all cells of its shape behind it at these strides, and `out` is
    // borrowed alone. This is the library's one way in.
    #[allow(unsafe_code)]
    unsafe {
        matrixmultiply::sgemm(
            rows,
            inner,
            columns,
            1.0,
            a.data.as_ptr(),
            a_down,
            a_right,
            b.data.as_ptr(),
            b_down,
            b_right,
            keep,
            out.as_mut_ptr(),
            columns as isize,
            1,
        );
    }
}

/// The same for few rows on the left, which is not transposed.
fn few_rows(a: &[f32], b: View<'_>, keep: f32, out: &mut [f32]) {
    let (inner, columns) = b.shape();
    for (row, out) in out.chunks_exact_mut(columns).enumerate() {
        let a = &a[row * inner..][..inner];
        for x in &mut *out {
            *x = if keep == 0.0 { 0.0 } else { *x * keep };
        }
        if b.transposed {
            for (x, b) in out.iter_mut().zip(b.data.chunks_exact(inner.max(1))) {
                *x += dot(a, b);
            }
        } else {
            for (&a, b) in a.iter().zip(b.data.chunks_exact(columns)) {
                axpy(a, b, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use shillproof_core::Seed;

    use crate::matrix::Matrix;

    proptest! {
        #[test]
        fn all_four_orientations_agree_with_the_definition(
            n in 0usize..20, k in 0usize..20, m in 0usize..20, left: bool, right: bool, keep in 0..2, seed: u64,
        ) {
            let shape = |turned: bool, r, c| if turned { (c, r) } else { (r, c) };
            let ((ar, ac), (br, bc)) = (shape(left, n, k), shape(right, k, m));
            let (a, b) = (Matrix::normal(ar, ac, 1.0, Seed::new(seed)), Matrix::normal(br, bc, 1.0, Seed::new(!seed)));
            let view = |x, r, c, turned| { let b = View::new(x, r, c); if turned { b.t() } else { b } };
            let mut out = vec![3.0f32; n * m];
            multiply(view(a.as_slice(), ar, ac, left), view(b.as_slice(), br, bc, right), keep as f32, &mut out);
            for i in 0..n {
                for j in 0..m {
                    let a_at = |l: usize| if left { a.row(l)[i] } else { a.row(i)[l] };
                    let b_at = |l: usize| if right { b.row(j)[l] } else { b.row(l)[j] };
                    let exact = 3.0 * f64::from(keep) + (0..k).map(|l| f64::from(a_at(l)) * f64::from(b_at(l))).sum::<f64>();
                    prop_assert!((f64::from(out[i * m + j]) - exact).abs() < 1e-4);
                }
            }
        }
    }
}
