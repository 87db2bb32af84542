//! Dense layers on row-major rows, for networks whose batches change from step to step.

use crate::gemm::{View, multiply};
use crate::matrix::Matrix;

/// `out = x Wᵀ + b`; also the shape of its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// W, one row an output.
    pub weights: Matrix,
    /// b, one number an output.
    pub bias: Vec<f32>,
}

impl Linear {
    /// Zeros of the same shape.
    #[must_use]
    pub fn zeros(&self) -> Self {
        let weights = Matrix::zeros(self.weights.rows(), self.weights.columns());
        Self { weights, bias: vec![0.0; self.bias.len()] }
    }

    /// Numbers of an output row.
    pub fn outputs(&self) -> usize {
        self.weights.rows()
    }

    /// The outputs of all rows, into `out` (cleared first).
    ///
    /// ```
    /// use shillproof_kernels::{Matrix, nn::Linear};
    /// let layer = Linear { weights: Matrix::from_slice(1, 2, &[3.0, 5.0])?, bias: vec![0.5] };
    /// let mut out = Vec::new();
    /// layer.forward(&[1.0, 10.0, 0.0, 1.0], &mut out);
    /// assert_eq!(out, [53.5, 5.5]);
    /// # Ok::<(), shillproof_kernels::ShapeError>(())
    /// ```
    pub fn forward(&self, x: &[f32], out: &mut Vec<f32>) {
        let (inputs, outputs) = (self.weights.columns(), self.weights.rows());
        let n = x.len() / inputs.max(1);
        repeat(&self.bias, n, out);
        multiply(View::new(x, n, inputs), View::new(self.weights.as_slice(), outputs, inputs).t(), 1.0, out);
    }

    /// Adds to the gradient, given the slopes at the outputs; the slopes at the inputs into `of_x` (cleared first) if they are wanted.
    ///
    /// # Shapes
    /// `x`: as for [`Linear::forward`]. `slopes`: as its `out`.
    pub fn backward(&self, x: &[f32], slopes: &[f32], gradient: &mut Self, of_x: Option<&mut Vec<f32>>) {
        let (inputs, outputs) = (self.weights.columns(), self.weights.rows());
        let n = x.len() / inputs.max(1);
        let slopes_view = View::new(slopes, n, outputs);
        multiply(slopes_view.t(), View::new(x, n, inputs), 1.0, gradient.weights.as_mut_slice());
        add_columns(slopes, &mut gradient.bias);
        if let Some(of_x) = of_x {
            of_x.resize(n * inputs, 0.0);
            multiply(slopes_view, View::new(self.weights.as_slice(), outputs, inputs), 0.0, of_x);
        }
    }
}

/// `n` copies of a row, into `out` (cleared first).
pub(super) fn repeat(row: &[f32], n: usize, out: &mut Vec<f32>) {
    out.clear();
    out.reserve(n * row.len());
    for _ in 0..n {
        out.extend_from_slice(row);
    }
}

/// Adds all rows to one.
pub fn add_columns(rows: &[f32], to: &mut [f32]) {
    for row in rows.chunks_exact(to.len().max(1)) {
        for (to, x) in to.iter_mut().zip(row) {
            *to += x;
        }
    }
}
