//! What SASRec learns, how a history becomes a query, and one step of learning.

use shillproof_core::{Interactions, ItemId, Seed, UserId};
use shillproof_kernels::nn::{Histories, LayerNorm, NormTrace};
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

/// Histories one behind the other, and what is predicted after the last of their items.
#[derive(Default)]
pub(super) struct Batch {
    /// Items of each history.
    pub(super) lengths: Vec<usize>,
    pub(super) items: Vec<u32>,
    /// How many of a history's last items are followed by a prediction.
    pub(super) asked: Vec<usize>,
    /// One a prediction, as are the weights.
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

    /// The query after each item asked for, into `out`.
    fn forward(
        &self,
        items: &[u32],
        histories: Histories<'_>,
        trace: &mut NetworkTrace,
        drops: &mut Drops<'_>,
        out: &mut Vec<f32>,
    ) {
        let mut rows = Vec::with_capacity(items.len() * self.items.columns());
        let places = histories.lengths.iter().flat_map(|&length| 0..length);
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
        for (at, (block, trace)) in self.blocks.iter().zip(&mut trace.blocks).enumerate() {
            block.forward(self.form, &mut rows, self.asked_of(at, histories), trace, drops);
        }
        if self.form.norm_first {
            self.outside.forward(&rows, &mut trace.outside, out);
        } else {
            *out = rows;
        }
    }

    /// What block `at` is asked for: all rows, which the next block reads, but for the last one.
    fn asked_of<'a>(&self, at: usize, histories: Histories<'a>) -> Histories<'a> {
        if at + 1 == self.blocks.len() { histories } else { histories.whole() }
    }

    /// From slopes at the queries to the gradient.
    fn backward(
        &self,
        items: &[u32],
        histories: Histories<'_>,
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
        for (at, ((block, trace), gradient)) in blocks.enumerate().rev() {
            block.backward(self.form, self.asked_of(at, histories), trace, gradient, &mut slopes);
        }
        masked(&mut slopes, &trace.mask);
        if !self.form.norm_first {
            let zeros = vec![0.0; slopes.len()];
            let after = std::mem::replace(&mut slopes, zeros);
            self.outside.backward(&trace.outside, &after, &mut gradient.outside, &mut slopes);
        }
        let places = histories.lengths.iter().flat_map(|&length| 0..length);
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
        let asked: Vec<usize> = lengths.iter().map(|&n| n.min(1)).collect();
        let (mut queries, width) = (Vec::new(), self.width().max(1));
        // Nothing is dropped, so nothing is drawn.
        let mut drops = Drops { rows: 0.0, attention: 0.0, draws: &mut Seed::new(0).rng() };
        let trace = &mut NetworkTrace::default();
        let asked_for = Histories { lengths: &lengths, asked: &asked };
        self.forward(&items, asked_for, trace, &mut drops, &mut queries);
        let answered = asked.iter().zip(out.chunks_exact_mut(width)).filter(|(asked, _)| **asked > 0);
        for ((_, out), query) in answered.zip(queries.chunks_exact(width)) {
            out.copy_from_slice(query);
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
            queries: Vec::new(),
            of_queries: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// One step of Adam on the mean loss of all predictions; the sum of their losses.
    pub(super) fn learn(&mut self, batches: &[Batch], drops: &mut Drops<'_>) -> f64 {
        let loss = self.differentiate(batches, drops);
        let Self { parameters, gradient, adam, .. } = self;
        let parts = parameters.parts_mut().into_iter().zip(gradient.parts_mut());
        for ((part, slopes), adam) in parts.zip(adam) {
            adam.step(part, slopes);
        }
        loss * predictions(batches) as f64
    }

    /// The gradient of the mean loss, in `gradient`; the mean. Memory is what one of the batches needs.
    pub(super) fn differentiate(&mut self, batches: &[Batch], drops: &mut Drops<'_>) -> f64 {
        let Self { parameters, gradient, loss, trace, queries, of_queries, scores, .. } = self;
        for part in gradient.parts_mut() {
            part.fill(0.0);
        }
        let share = 1.0 / predictions(batches) as f32;
        let mut value = 0.0;
        for batch in batches {
            let histories = Histories { lengths: &batch.lengths, asked: &batch.asked };
            parameters.forward(&batch.items, histories, trace, drops, queries);
            let mut of_row = |at: usize, positive: usize, row: &mut [f32]| {
                loss.differentiate(row, positive, share * batch.weights[at])
            };
            let slopes = CatalogueSlopes { queries: of_queries, items: &mut gradient.items, bias: None };
            let catalogue = Catalogue { items: &parameters.items, bias: None };
            value += catalogue.differentiate(queries, &batch.next, &mut of_row, slopes, scores);
            parameters.backward(&batch.items, histories, trace, of_queries, gradient);
        }
        value
    }
}

fn predictions(batches: &[Batch]) -> usize {
    batches.iter().map(|batch| batch.next.len()).sum()
}
