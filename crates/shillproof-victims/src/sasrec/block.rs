//! One block: attention, then a small network for each row, both beside a way past them.

use shillproof_core::Rng;
use shillproof_kernels::axpy;
use shillproof_kernels::nn::{Attention, AttentionTrace, LayerNorm, Linear, NormTrace};

use crate::next_item::{dropout_mask, masked};

/// `y = x + D(attention(norm(x)))`, `out = y + D(outer(relu(inner(norm(y)))))`, D dropout; also the shape of its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Before attention.
    pub first: LayerNorm,
    /// Which rows before a row matters.
    pub attention: Attention,
    /// Before the network of each row.
    pub second: LayerNorm,
    /// Its first layer.
    pub inner: Linear,
    /// Its second layer.
    pub outer: Linear,
}

/// What the backward pass needs of the forward one.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockTrace {
    norms: [NormTrace; 2],
    attention: AttentionTrace,
    normal: [Vec<f32>; 2],
    hidden: Vec<f32>,
    masks: [Vec<f32>; 2],
    added: Vec<f32>,
    of_hidden: Vec<f32>,
    of_normal: Vec<f32>,
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
        rows: &mut [f32],
        lengths: &[usize],
        trace: &mut BlockTrace,
        dropout: f32,
        drops: &mut Rng,
    ) {
        let BlockTrace { norms, attention, normal, hidden, masks, added, .. } = trace;
        for mask in &mut *masks {
            dropout_mask(rows.len(), dropout, drops, mask);
        }
        self.first.forward(rows, &mut norms[0], &mut normal[0]);
        self.attention.forward(&normal[0], lengths, attention, added);
        masked(added, &masks[0]);
        axpy(1.0, added, rows);
        self.second.forward(rows, &mut norms[1], &mut normal[1]);
        self.inner.forward(&normal[1], hidden);
        for x in &mut *hidden {
            *x = x.max(0.0);
        }
        self.outer.forward(hidden, added);
        masked(added, &masks[1]);
        axpy(1.0, added, rows);
    }

    /// Adds to the gradient; the slopes at the outputs become those at the inputs.
    pub(super) fn backward(
        &self,
        lengths: &[usize],
        trace: &mut BlockTrace,
        gradient: &mut Self,
        slopes: &mut [f32],
    ) {
        let BlockTrace { norms, attention, normal, hidden, masks, added, of_hidden, of_normal } = trace;
        let take = |added: &mut Vec<f32>, slopes: &[f32], mask: &[f32]| {
            added.clear();
            added.extend_from_slice(slopes);
            masked(added, mask);
        };
        take(added, slopes, &masks[1]);
        self.outer.backward(hidden, added, &mut gradient.outer, Some(of_hidden));
        for (slope, &x) in of_hidden.iter_mut().zip(&*hidden) {
            *slope = if x > 0.0 { *slope } else { 0.0 };
        }
        self.inner.backward(&normal[1], of_hidden, &mut gradient.inner, Some(of_normal));
        self.second.backward(&norms[1], of_normal, &mut gradient.second, slopes);
        take(added, slopes, &masks[0]);
        self.attention.backward(&normal[0], lengths, attention, added, &mut gradient.attention, of_normal);
        self.first.backward(&norms[0], of_normal, &mut gradient.first, slopes);
    }
}
