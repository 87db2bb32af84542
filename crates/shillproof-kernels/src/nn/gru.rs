//! The gated recurrent unit over many histories at once, forward and backward.
//!
//! Histories are packed: those of one batch are sorted by length, longest first, and step t holds row after row the t-th items of those that are long enough.
//! So the histories at step t are the first ones of step t − 1, and no cell is padding.

use crate::gemm::{View, multiply};
use crate::matrix::Matrix;
use crate::nn::linear::{add_columns, repeat};
use crate::{exp, vectorized};

/// A gated recurrent unit; gates in the order r, z, n (reset, update, candidate).
#[derive(Clone, Debug, PartialEq)]
pub struct Gru {
    /// W: 3h rows of the width of an input.
    pub input: Matrix,
    /// U: 3h rows of h.
    pub hidden: Matrix,
    /// b, 3h numbers.
    pub input_bias: Vec<f32>,
    /// b′, 3h numbers.
    pub hidden_bias: Vec<f32>,
}

/// How histories are packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Where each step starts; one entry more than there are steps.
    pub starts: Vec<usize>,
}

impl Packed {
    /// Of histories of these lengths, which must not ascend.
    ///
    /// ```
    /// use shillproof_kernels::nn::Packed;
    /// assert_eq!(Packed::of(&[3, 2, 2]).starts, [0, 3, 6, 7]);
    /// assert_eq!(Packed::of(&[0, 0]).len(), 0);
    /// ```
    pub fn of(lengths: &[usize]) -> Self {
        debug_assert!(lengths.is_sorted_by(|a, b| a >= b));
        let mut starts = vec![0];
        let longest = lengths.first().copied().unwrap_or(0);
        for step in 0..longest {
            let alive = lengths.partition_point(|&length| length > step);
            starts.push(starts[step] + alive);
        }
        Self { starts }
    }

    /// Items of all histories together.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    fn steps(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
}

/// What the way forward leaves for the way back, one row an item of the batch.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// r, z and n.
    gates: Vec<f32>,
    /// U_n h + b′_n.
    recurrent: Vec<f32>,
    /// The state before.
    before: Vec<f32>,
    /// The state after.
    pub states: Vec<f32>,
}

impl Gru {
    /// Length of a state.
    pub fn width(&self) -> usize {
        self.hidden.columns()
    }

    /// Zeros of the same shape.
    #[must_use]
    pub fn zeros(&self) -> Self {
        let zeros = |m: &Matrix| Matrix::zeros(m.rows(), m.columns());
        Self {
            input: zeros(&self.input),
            hidden: zeros(&self.hidden),
            input_bias: vec![0.0; self.input_bias.len()],
            hidden_bias: vec![0.0; self.hidden_bias.len()],
        }
    }

    /// All states:
    ///
    /// ```text
    /// r = σ(W_r x + b_r + U_r h + b′_r)      z = σ(W_z x + b_z + U_z h + b′_z)
    /// n = tanh(W_n x + b_n + r ∘ (U_n h + b′_n))      h⁺ = (1 − z) ∘ n + z ∘ h
    /// ```
    ///
    /// # Shapes
    /// `inputs`: one row an item. `first`: the states before the first step, one row a history.
    pub fn forward(&self, inputs: &[f32], packed: &Packed, first: &[f32], trace: &mut Trace) {
        let (n, h, d) = (packed.len(), self.width(), self.input.columns());
        let Trace { gates, recurrent, before, states } = trace;
        repeat(&self.input_bias, n, gates);
        let weights = View::new(self.input.as_slice(), 3 * h, d);
        multiply(View::new(inputs, n, d), weights.t(), 1.0, gates);
        for buffer in [&mut *recurrent, &mut *before, &mut *states] {
            buffer.resize(n * h, 0.0);
        }
        let weights = View::new(self.hidden.as_slice(), 3 * h, h).t();
        let mut sums = Vec::new();
        for step in 0..packed.steps() {
            let rows = packed.starts[step]..packed.starts[step + 1];
            let count = rows.len();
            let previous = if step == 0 {
                &first[..count * h]
            } else {
                &states[packed.starts[step - 1] * h..][..count * h]
            };
            before[rows.start * h..rows.end * h].copy_from_slice(previous);
            let before = &before[rows.start * h..rows.end * h];
            repeat(&self.hidden_bias, count, &mut sums);
            multiply(View::new(before, count, h), weights, 1.0, &mut sums);
            let gates = &mut gates[rows.start * 3 * h..rows.end * 3 * h];
            let recurrent = &mut recurrent[rows.start * h..rows.end * h];
            let states = &mut states[rows.start * h..rows.end * h];
            vectorized!(|| {
                for at in 0..count {
                    let (r, rest) = gates[at * 3 * h..][..3 * h].split_at_mut(h);
                    let (z, n) = rest.split_at_mut(h);
                    let (sum_r, rest) = sums[at * 3 * h..][..3 * h].split_at(h);
                    let (sum_z, sum_n) = rest.split_at(h);
                    let span = at * h..(at + 1) * h;
                    let (recurrent, before) = (&mut recurrent[span.clone()], &before[span.clone()]);
                    let states = &mut states[span];
                    for k in 0..h {
                        r[k] = plain_sigmoid(r[k] + sum_r[k]);
                        z[k] = plain_sigmoid(z[k] + sum_z[k]);
                        recurrent[k] = sum_n[k];
                        n[k] = tanh(n[k] + r[k] * sum_n[k]);
                        states[k] = n[k] + z[k] * (before[k] - n[k]);
                    }
                }
            });
        }
    }

    /// Adds to the gradient and gives the slopes at the inputs, from slopes at the states; what came before the first step is taken as constant.
    ///
    /// # Shapes
    /// As [`Gru::forward`]. `slopes`: one row an item, changed on the way. `of_inputs`: as `inputs`, overwritten.
    pub fn backward(
        &self,
        inputs: &[f32],
        packed: &Packed,
        trace: &Trace,
        slopes: &mut [f32],
        gradient: &mut Self,
        of_inputs: &mut [f32],
    ) {
        let (n, h, d) = (packed.len(), self.width(), self.input.columns());
        // Slopes at the sums of the gates: from the input's side, and from the state's, which differ in the candidate.
        let (mut of_sums, mut of_recurrent) = (vec![0.0f32; n * 3 * h], vec![0.0f32; n * 3 * h]);
        for step in (0..packed.steps()).rev() {
            let rows = packed.starts[step]..packed.starts[step + 1];
            let count = rows.len();
            let (earlier, slopes) = slopes[..rows.end * h].split_at_mut(rows.start * h);
            let states = rows.start * h..rows.end * h;
            let (before, recurrent) = (&trace.before[states.clone()], &trace.recurrent[states]);
            let sums = rows.start * 3 * h..rows.end * 3 * h;
            let gates = &trace.gates[sums.clone()];
            let (of_sums, of_recurrent) = (&mut of_sums[sums.clone()], &mut of_recurrent[sums]);
            vectorized!(|| {
                for at in 0..count {
                    let (r, rest) = gates[at * 3 * h..][..3 * h].split_at(h);
                    let (z, n) = rest.split_at(h);
                    let (to_r, rest) = of_sums[at * 3 * h..][..3 * h].split_at_mut(h);
                    let (to_z, to_n) = rest.split_at_mut(h);
                    let (also_r, rest) = of_recurrent[at * 3 * h..][..3 * h].split_at_mut(h);
                    let (also_z, also_n) = rest.split_at_mut(h);
                    let span = at * h..(at + 1) * h;
                    let (slopes, before) = (&mut slopes[span.clone()], &before[span.clone()]);
                    let recurrent = &recurrent[span];
                    for k in 0..h {
                        let slope = slopes[k];
                        let of_n = slope * (1.0 - z[k]) * (1.0 - n[k] * n[k]);
                        let of_z = slope * (before[k] - n[k]) * z[k] * (1.0 - z[k]);
                        let of_r = of_n * recurrent[k] * r[k] * (1.0 - r[k]);
                        (to_r[k], to_z[k], to_n[k]) = (of_r, of_z, of_n);
                        (also_r[k], also_z[k], also_n[k]) = (of_r, of_z, of_n * r[k]);
                        slopes[k] = slope * z[k];
                    }
                }
            });
            if step > 0 {
                let previous = &mut earlier[packed.starts[step - 1] * h..][..count * h];
                for (to, slope) in previous.iter_mut().zip(&*slopes) {
                    *to += slope;
                }
                let weights = View::new(self.hidden.as_slice(), 3 * h, h);
                multiply(View::new(of_recurrent, count, 3 * h), weights, 1.0, previous);
            }
        }
        let of_sums_view = View::new(&of_sums, n, 3 * h);
        let of_recurrent_view = View::new(&of_recurrent, n, 3 * h);
        multiply(of_sums_view.t(), View::new(inputs, n, d), 1.0, gradient.input.as_mut_slice());
        multiply(of_recurrent_view.t(), View::new(&trace.before, n, h), 1.0, gradient.hidden.as_mut_slice());
        for (sums, to) in [(&of_sums, &mut gradient.input_bias), (&of_recurrent, &mut gradient.hidden_bias)] {
            add_columns(sums, to);
        }
        multiply(of_sums_view, View::new(self.input.as_slice(), 3 * h, d), 0.0, of_inputs);
    }
}

/// The logistic function in plain arithmetic, for loops that become vector code.
#[inline(always)]
pub fn plain_sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}
