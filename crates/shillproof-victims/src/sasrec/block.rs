//! One block: attention, then a small network for each row, both beside a way past them.

use shillproof_kernels::axpy;
use shillproof_kernels::nn::{Attention, AttentionTrace, Histories, LayerNorm, Linear, NormTrace};

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

    /// The rows asked for, in place of all.
    ///
    /// # Shapes
    /// `rows`: all rows of the histories.
    pub(super) fn forward(
        &self,
        form: Form,
        rows: &mut Vec<f32>,
        histories: Histories<'_>,
        trace: &mut BlockTrace,
        drops: &mut Drops<'_>,
    ) {
        let BlockTrace {
            attention_residual, attention, mask, feed_forward_residual, hidden, derivative, ..
        } = trace;
        drops.of_attention(self.attention.shares(histories), mask);
        attention_residual.forward(form, &self.first, rows, drops, |x, rows, out| {
            self.attention.forward(x, histories, mask, attention, out);
            keep_asked(rows, histories);
        });
        feed_forward_residual.forward(form, &self.second, rows, drops, |x, _, out| {
            self.inner.forward(x, hidden);
            form.activation.apply(hidden, derivative);
            self.outer.forward(hidden, out);
        });
    }

    /// Adds to the gradient; the slopes at the outputs become those at the inputs.
    pub(super) fn backward(
        &self,
        form: Form,
        histories: Histories<'_>,
        trace: &mut BlockTrace,
        gradient: &mut Self,
        slopes: &mut Vec<f32>,
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
        let norm = (&self.second, &mut gradient.second);
        feed_forward_residual.backward(form, norm, slopes, |x, slopes, _, of_x| {
            self.outer.backward(hidden, slopes, &mut gradient.outer, Some(of_hidden));
            masked(of_hidden, derivative);
            self.inner.backward(x, of_hidden, &mut gradient.inner, Some(of_x));
        });
        let norm = (&self.first, &mut gradient.first);
        attention_residual.backward(form, norm, slopes, |x, slopes, of_rows, of_x| {
            self.attention.backward(x, histories, attention, slopes, &mut gradient.attention, of_x);
            place_asked(of_rows, histories);
        });
    }
}

/// Drops rows that are not asked for.
fn keep_asked(rows: &mut Vec<f32>, Histories { lengths, asked }: Histories<'_>) {
    if asked == lengths {
        return;
    }
    let width = rows.len() / lengths.iter().sum::<usize>().max(1);
    let (mut from, mut to) = (0, 0);
    for (&length, &asked) in lengths.iter().zip(asked) {
        from += length;
        rows.copy_within((from - asked) * width..from * width, to);
        to += asked * width;
    }
    rows.truncate(to);
}

/// The way back of [`keep_asked`]: zeros where it dropped.
fn place_asked(rows: &mut Vec<f32>, Histories { lengths, asked }: Histories<'_>) {
    if asked == lengths {
        return;
    }
    let width = rows.len() / asked.iter().sum::<usize>().max(1);
    let kept = std::mem::replace(rows, Vec::with_capacity(lengths.iter().sum::<usize>() * width));
    let mut from = 0;
    for (&length, &asked) in lengths.iter().zip(asked) {
        rows.resize(rows.len() + (length - asked) * width, 0.0);
        rows.extend_from_slice(&kept[from..][..asked * width]);
        from += asked * width;
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
    /// `apply(what is given, rows, what is added)`; it may drop rows to which nothing is added.
    fn forward(
        &mut self,
        form: Form,
        norm: &LayerNorm,
        rows: &mut Vec<f32>,
        drops: &mut Drops<'_>,
        apply: impl FnOnce(&[f32], &mut Vec<f32>, &mut Vec<f32>),
    ) {
        let Self { norm: trace, given, mask, added, .. } = self;
        if form.norm_first {
            norm.forward(rows, trace, given);
        } else {
            given.clear();
            given.extend_from_slice(rows);
        }
        apply(given, rows, added);
        drops.of_rows(rows.len(), mask);
        masked(added, mask);
        axpy(1.0, added, rows);
        if !form.norm_first {
            norm.forward(rows, trace, added);
            rows.copy_from_slice(added);
        }
    }

    /// `apply(what was given, slopes at what was added, slopes at rows, slopes at what was given)`; it places rows again that were dropped.
    fn backward(
        &mut self,
        form: Form,
        (norm, gradient): (&LayerNorm, &mut LayerNorm),
        slopes: &mut Vec<f32>,
        apply: impl FnOnce(&[f32], &[f32], &mut Vec<f32>, &mut Vec<f32>),
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
        apply(given, added, slopes, of_given);
        if form.norm_first {
            norm.backward(trace, of_given, gradient, slopes);
        } else {
            axpy(1.0, of_given, slopes);
        }
    }
}
