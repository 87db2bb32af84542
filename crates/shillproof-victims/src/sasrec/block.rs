//! One block: attention, then a small network for each row, both beside a way past them.

use shillproof_kernels::axpy;
use shillproof_kernels::nn::{Attention, AttentionTrace, LayerNorm, Linear, NormTrace};

use super::form::{Drops, Form};
use crate::next_item::masked;

/// `y = x + D(attention(norm(x)))`, `out = y + D(outer(φ(inner(norm(y)))))`, or `y = norm(x + D(attention(x)))`, `out = norm(y + D(outer(φ(inner(y)))))`, D dropout; also the shape of its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Of attention.
    pub first: LayerNorm,
    /// Which rows before a row matters.
    pub attention: Attention,
    /// Of the network of each row.
    pub second: LayerNorm,
    /// Its first layer.
    pub inner: Linear,
    /// Its second layer.
    pub outer: Linear,
}

/// What the backward pass needs of the forward one.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockTrace {
    attention_residual: ResidualTrace,
    attention: AttentionTrace,
    mask: Vec<f32>,
    feed_forward_residual: ResidualTrace,
    hidden: Vec<f32>,
    /// Of φ.
    derivative: Vec<f32>,
    of_hidden: Vec<f32>,
}

impl Block {
    /// Zeros of the same shape.
    pub(super) fn zeros(&self) -> Self {
        Self {
            first: self.first.zeros(),
            attention: self.attention.zeros(),
            second: self.second.zeros(),
            inner: self.inner.zeros(),
            outer: self.outer.zeros(),
        }
    }

    /// All numbers, part by part.
    pub(super) fn parts_mut(&mut self) -> [&mut [f32]; 12] {
        let Self { first, attention: Attention { input, output, .. }, second, inner, outer } = self;
        [
            &mut first.gain,
            &mut first.shift,
            input.weights.as_mut_slice(),
            &mut input.bias,
            output.weights.as_mut_slice(),
            &mut output.bias,
            &mut second.gain,
            &mut second.shift,
            inner.weights.as_mut_slice(),
            &mut inner.bias,
            outer.weights.as_mut_slice(),
            &mut outer.bias,
        ]
    }

    /// All rows of all histories, in their place.
    ///
    /// # Shapes
    /// `rows`: the histories one behind the other, `lengths` rows each.
    pub(super) fn forward(
        &self,
        form: Form,
        rows: &mut [f32],
        lengths: &[usize],
        trace: &mut BlockTrace,
        drops: &mut Drops<'_>,
    ) {
        let BlockTrace {
            attention_residual, attention, mask, feed_forward_residual, hidden, derivative, ..
        } = trace;
        drops.of_attention(self.attention.shares(lengths), mask);
        attention_residual.forward(form, &self.first, rows, drops, |x, out| {
            self.attention.forward(x, lengths, mask, attention, out);
        });
        feed_forward_residual.forward(form, &self.second, rows, drops, |x, out| {
            self.inner.forward(x, hidden);
            form.activation.apply(hidden, derivative);
            self.outer.forward(hidden, out);
        });
    }

    /// Adds to the gradient; the slopes at the outputs become those at the inputs.
    pub(super) fn backward(
        &self,
        form: Form,
        lengths: &[usize],
        trace: &mut BlockTrace,
        gradient: &mut Self,
        slopes: &mut [f32],
    ) {
        let BlockTrace {
            attention_residual,
            attention,
            feed_forward_residual,
            hidden,
            derivative,
            of_hidden,
            ..
        } = trace;
        feed_forward_residual.backward(
            form,
            (&self.second, &mut gradient.second),
            slopes,
            |x, slopes, of_x| {
                self.outer.backward(hidden, slopes, &mut gradient.outer, Some(of_hidden));
                masked(of_hidden, derivative);
                self.inner.backward(x, of_hidden, &mut gradient.inner, Some(of_x));
            },
        );
        attention_residual.backward(form, (&self.first, &mut gradient.first), slopes, |x, slopes, of_x| {
            self.attention.backward(x, lengths, attention, slopes, &mut gradient.attention, of_x);
        });
    }
}

/// What the backward pass needs of a residual connection: of what is added to the rows.
#[derive(Clone, Debug, Default)]
struct ResidualTrace {
    norm: NormTrace,
    /// What it was given.
    given: Vec<f32>,
    mask: Vec<f32>,
    added: Vec<f32>,
    of_given: Vec<f32>,
}

impl ResidualTrace {
    fn forward(
        &mut self,
        form: Form,
        norm: &LayerNorm,
        rows: &mut [f32],
        drops: &mut Drops<'_>,
        apply: impl FnOnce(&[f32], &mut Vec<f32>),
    ) {
        let Self { norm: trace, given, mask, added, .. } = self;
        drops.of_rows(rows.len(), mask);
        if form.norm_first {
            norm.forward(rows, trace, given);
        } else {
            given.clear();
            given.extend_from_slice(rows);
        }
        apply(given, added);
        masked(added, mask);
        axpy(1.0, added, rows);
        if !form.norm_first {
            norm.forward(rows, trace, added);
            rows.copy_from_slice(added);
        }
    }

    /// `apply(what was given, slopes at what was added, slopes at what was given)`.
    fn backward(
        &mut self,
        form: Form,
        (norm, gradient): (&LayerNorm, &mut LayerNorm),
        slopes: &mut [f32],
        apply: impl FnOnce(&[f32], &[f32], &mut Vec<f32>),
    ) {
        let Self { norm: trace, given, mask, added, of_given } = self;
        added.clear();
        if form.norm_first {
            added.extend_from_slice(slopes);
        } else {
            added.resize(slopes.len(), 0.0);
            norm.backward(trace, slopes, gradient, added);
            slopes.copy_from_slice(added);
        }
        masked(added, mask);
        apply(given, added, of_given);
        if form.norm_first {
            norm.backward(trace, of_given, gradient, slopes);
        } else {
            axpy(1.0, of_given, slopes);
        }
    }
}
