//! Normalisation of rows.

use crate::matrix::dot;

/// Keeps the quotient finite where a row is constant.
const TINY: f32 = 1e-5;

/// `out = γ ∘ (x − mean(x)) / std(x) + β`, row by row (Ba, Kiros and Hinton, 2016); also the shape of its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// γ, one number a column.
    pub gain: Vec<f32>,
    /// β, one number a column.
    pub shift: Vec<f32>,
}

/// What the backward pass needs of the forward one.
#[derive(Clone, Debug, Default)]
pub struct NormTrace {
    normal: Vec<f32>,
    /// One over the standard deviation, one a row.
    inverse: Vec<f32>,
}

impl LayerNorm {
    /// Gains of 1 and shifts of 0.
    pub fn new(width: usize) -> Self {
        Self { gain: vec![1.0; width], shift: vec![0.0; width] }
    }

    /// Zeros of the same shape.
    #[must_use]
    pub fn zeros(&self) -> Self {
        Self { gain: vec![0.0; self.gain.len()], shift: vec![0.0; self.shift.len()] }
    }

    /// All rows, into `out` (cleared first).
    ///
    /// ```
    /// use shillproof_kernels::nn::{LayerNorm, NormTrace};
    /// let (mut trace, mut out) = (NormTrace::default(), Vec::new());
    /// LayerNorm { gain: vec![1.0, 2.0], shift: vec![0.0, 0.5] }.forward(&[3.0, 7.0], &mut trace, &mut out);
    /// assert!((out[0] + 1.0).abs() < 1e-5 && (out[1] - 2.5).abs() < 1e-5);
    /// ```
    pub fn forward(&self, x: &[f32], trace: &mut NormTrace, out: &mut Vec<f32>) {
        let width = self.gain.len();
        trace.normal.clear();
        trace.inverse.clear();
        out.clear();
        // A sum as a product is vector code.
        let ones = vec![1.0; width];
        for row in x.chunks_exact(width.max(1)) {
            let mean = dot(row, &ones) / width as f32;
            let start = trace.normal.len();
            trace.normal.extend(row.iter().map(|x| x - mean));
            let normal = &mut trace.normal[start..];
            let inverse = 1.0 / (dot(normal, normal) / width as f32 + TINY).sqrt();
            trace.inverse.push(inverse);
            for normal in normal.iter_mut() {
                *normal *= inverse;
            }
            let affine = normal.iter().zip(self.gain.iter().zip(&self.shift));
            out.extend(affine.map(|(normal, (gain, shift))| gain * normal + shift));
        }
    }

    /// Adds to the gradient, and to the slopes at the inputs, given the slopes at the outputs.
    ///
    /// # Shapes
    /// `slopes`, `of_x`: as the rows of [`LayerNorm::forward`].
    pub fn backward(&self, trace: &NormTrace, slopes: &[f32], gradient: &mut Self, of_x: &mut [f32]) {
        let width = self.gain.len().max(1);
        let (mut of_normal, ones) = (vec![0.0; width], vec![1.0; width]);
        let rows = slopes.chunks_exact(width).zip(trace.normal.chunks_exact(width)).zip(&trace.inverse);
        for (((slopes, normal), inverse), of_x) in rows.zip(of_x.chunks_exact_mut(width)) {
            for k in 0..width {
                gradient.gain[k] += slopes[k] * normal[k];
                gradient.shift[k] += slopes[k];
                of_normal[k] = slopes[k] * self.gain[k];
            }
            let mean = dot(&of_normal, &ones) / width as f32;
            let along = dot(&of_normal, normal) / width as f32;
            for k in 0..width {
                of_x[k] += inverse * (of_normal[k] - mean - normal[k] * along);
            }
        }
    }
}
