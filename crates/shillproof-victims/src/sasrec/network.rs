//! What SASRec learns, how a history becomes a query, and one step of learning.

use shillproof_core::{Interactions, ItemId, Seed, UserId};
use shillproof_kernels::nn::{LayerNorm, NormTrace};
use shillproof_kernels::{Adam, Matrix, axpy};

use super::block::{Block, BlockTrace};
use super::form::{Drops, Form};
use crate::next_item::{Catalogue, CatalogueSlopes, Encoder, Loss, NextItemModel, masked};

/// All parameters; also the shape of a gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// One row an item: items are met by the vectors with which they are read.
    pub items: Matrix,
    /// One row a place in a history, its beginning first.
    pub places: Matrix,
    /// From the histories' side to the queries'.
    pub blocks: Vec<Block>,
    /// After the last block, or before the first one.
    pub outside: LayerNorm,
    /// How blocks are put together.
    pub form: Form,
}

/// Histories one behind the other, and what is predicted after some of their items.
#[derive(Default)]
pub(super) struct Batch {
    /// Items of each history.
    pub(super) lengths: Vec<usize>,
    pub(super) items: Vec<u32>,
    /// After which of `items`, ascending; one a prediction, as are the next two.
    pub(super) after: Vec<usize>,
    pub(super) next: Vec<u32>,
    /// How much a prediction counts.
    pub(super) weights: Vec<f32>,
}

/// What the backward pass needs of the forward one.
#[derive(Default)]
struct NetworkTrace {
    mask: Vec<f32>,
    blocks: Vec<BlockTrace>,
    outside: NormTrace,
}

impl Parameters {
    fn zeros(&self) -> Self {
        let zeros = |m: &Matrix| Matrix::zeros(m.rows(), m.columns());
        Self {
            items: zeros(&self.items),
            places: zeros(&self.places),
            blocks: self.blocks.iter().map(Block::zeros).collect(),
            outside: self.outside.zeros(),
            form: self.form,
        }
    }

    /// All numbers, part by part.
    pub(super) fn parts_mut(&mut self) -> Vec<&mut [f32]> {
        let Self { items, places, blocks, outside, .. } = self;
        let mut out = vec![items.as_mut_slice(), places.as_mut_slice()];
        out.extend(blocks.iter_mut().flat_map(Block::parts_mut));
        out.extend([&mut outside.gain[..], &mut outside.shift[..]]);
        out
    }

    /// Most items of a history that are read.
    pub(super) fn most(&self) -> usize {
        self.places.rows()
    }

    /// The query after each item, into `out`.
    fn forward(
        &self,
        items: &[u32],
        lengths: &[usize],
        trace: &mut NetworkTrace,
        drops: &mut Drops<'_>,
        out: &mut Vec<f32>,
    ) {
        let mut rows = Vec::with_capacity(items.len() * self.items.columns());
        let places = lengths.iter().flat_map(|&length| 0..length);
        for (&item, place) in items.iter().zip(places) {
            let start = rows.len();
            rows.extend_from_slice(self.items.row(item as usize));
            axpy(1.0, self.places.row(place), &mut rows[start..]);
        }
        if !self.form.norm_first {
            self.outside.forward(&rows, &mut trace.outside, out);
            std::mem::swap(&mut rows, out);
        }
        drops.of_rows(rows.len(), &mut trace.mask);
        masked(&mut rows, &trace.mask);
        trace.blocks.resize_with(self.blocks.len(), BlockTrace::default);
        for (block, trace) in self.blocks.iter().zip(&mut trace.blocks) {
            block.forward(self.form, &mut rows, lengths, trace, drops);
        }
        if self.form.norm_first {
            self.outside.forward(&rows, &mut trace.outside, out);
        } else {
            *out = rows;
        }
    }

    /// From slopes at the queries to the gradient.
    fn backward(
        &self,
        items: &[u32],
        lengths: &[usize],
        trace: &mut NetworkTrace,
        of_queries: &[f32],
        gradient: &mut Self,
    ) {
        let mut slopes;
        if self.form.norm_first {
            slopes = vec![0.0; of_queries.len()];
            self.outside.backward(&trace.outside, of_queries, &mut gradient.outside, &mut slopes);
        } else {
            slopes = of_queries.to_vec();
        }
        let blocks = self.blocks.iter().zip(&mut trace.blocks).zip(&mut gradient.blocks);
        for ((block, trace), gradient) in blocks.rev() {
            block.backward(self.form, lengths, trace, gradient, &mut slopes);
        }
        masked(&mut slopes, &trace.mask);
        if !self.form.norm_first {
            let after = std::mem::replace(&mut slopes, vec![0.0; of_queries.len()]);
            self.outside.backward(&trace.outside, &after, &mut gradient.outside, &mut slopes);
        }
        let places = lengths.iter().flat_map(|&length| 0..length);
        let rows = slopes.chunks_exact(self.items.columns().max(1));
        for ((&item, place), slopes) in items.iter().zip(places).zip(rows) {
            axpy(1.0, slopes, gradient.items.row_mut(item as usize));
            axpy(1.0, slopes, gradient.places.row_mut(place));
        }
    }

    /// These parameters with the users' histories.
    pub(super) fn model(self, histories: &Interactions) -> NextItemModel<Self> {
        let items = self.items.clone();
        NextItemModel::new(self, &items, histories)
    }
}

impl Encoder for Parameters {
    fn width(&self) -> usize {
        self.items.columns()
    }

    fn encode(&self, user: UserId, history: &[ItemId], out: &mut [f32]) {
        self.encode_all(&[(user, history)], out);
    }

    fn encode_all(&self, histories: &[(UserId, &[ItemId])], out: &mut [f32]) {
        let recent = |history: &'_ [ItemId]| history.len().saturating_sub(self.most());
        let lengths: Vec<usize> = histories.iter().map(|(_, h)| h.len().min(self.most())).collect();
        let items: Vec<u32> =
            histories.iter().flat_map(|(_, h)| h[recent(h)..].iter().map(|item| item.0)).collect();
        let (mut queries, width) = (Vec::new(), self.width().max(1));
        // Nothing is dropped, so nothing is drawn.
        let mut drops = Drops { rows: 0.0, attention: 0.0, draws: &mut Seed::new(0).rng() };
        self.forward(&items, &lengths, &mut NetworkTrace::default(), &mut drops, &mut queries);
        let mut end = 0;
        for (&length, out) in lengths.iter().zip(out.chunks_exact_mut(width)) {
            end += length;
            if length > 0 {
                out.copy_from_slice(&queries[(end - 1) * width..][..width]);
            }
        }
    }
}

/// Parameters in training.
pub(super) struct Network {
    pub(super) parameters: Parameters,
    pub(super) gradient: Parameters,
    adam: Vec<Adam>,
    loss: Loss,
    trace: NetworkTrace,
    /// After each item.
    rows: Vec<f32>,
    of_rows: Vec<f32>,
    /// After items that predict.
    queries: Vec<f32>,
    of_queries: Vec<f32>,
    scores: Vec<f32>,
}

impl Network {
    /// Parameters that start here.
    pub(super) fn new(mut parameters: Parameters, loss: Loss, learning_rate: f32, weight_decay: f32) -> Self {
        let gradient = parameters.zeros();
        let parts = parameters.parts_mut();
        let adam = parts.iter().map(|part| Adam::new(part.len(), learning_rate, weight_decay)).collect();
        Self {
            parameters,
            gradient,
            adam,
            loss,
            trace: NetworkTrace::default(),
            rows: Vec::new(),
            of_rows: Vec::new(),
            queries: Vec::new(),
            of_queries: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// One step of Adam on the mean loss of the batch; the sum of its losses.
    pub(super) fn learn(&mut self, batch: &Batch, drops: &mut Drops<'_>) -> f64 {
        let loss = self.differentiate(batch, drops);
        let Self { parameters, gradient, adam, .. } = self;
        let parts = parameters.parts_mut().into_iter().zip(gradient.parts_mut());
        for ((part, slopes), adam) in parts.zip(adam) {
            adam.step(part, slopes);
        }
        loss * batch.next.len() as f64
    }

    /// The gradient of the mean loss, in `gradient`; the mean.
    pub(super) fn differentiate(&mut self, batch: &Batch, drops: &mut Drops<'_>) -> f64 {
        let Self { parameters, gradient, loss, trace, rows, of_rows, queries, of_queries, scores, .. } = self;
        for part in gradient.parts_mut() {
            part.fill(0.0);
        }
        parameters.forward(&batch.items, &batch.lengths, trace, drops, rows);
        let width = parameters.items.columns();
        queries.clear();
        for &row in &batch.after {
            queries.extend_from_slice(&rows[row * width..][..width]);
        }
        let share = 1.0 / batch.next.len() as f32;
        let mut of_row = |at: usize, positive: usize, row: &mut [f32]| {
            loss.differentiate(row, positive, share * batch.weights[at])
        };
        let slopes = CatalogueSlopes { queries: of_queries, items: &mut gradient.items, bias: None };
        let catalogue = Catalogue { items: &parameters.items, bias: None };
        let value = catalogue.differentiate(queries, &batch.next, &mut of_row, slopes, scores);
        of_rows.clear();
        of_rows.resize(rows.len(), 0.0);
        for (&row, slopes) in batch.after.iter().zip(of_queries.chunks_exact(width.max(1))) {
            of_rows[row * width..][..width].copy_from_slice(slopes);
        }
        parameters.backward(&batch.items, &batch.lengths, trace, of_rows, gradient);
        value
    }
}
