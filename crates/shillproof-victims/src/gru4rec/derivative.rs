//! Derivatives of losses and scores at given parameters, for attacks that reason about training.

use shillproof_core::ItemId;
use shillproof_kernels::nn::Packed;

use super::network::{Against, Batch, Network};
use super::parameters::Parameters;
use crate::next_item::Loss;

/// Parameters whose losses, scores and gradients are asked for. Predictions are compared with all items; nothing is dropped.
pub struct Differentiator {
    network: Network,
}

impl Differentiator {
    /// At these parameters.
    pub fn new(parameters: Parameters, loss: Loss) -> Self {
        Self { network: Network::new(parameters, loss, Against::Catalogue, 0.0, 0.0) }
    }

    /// All parameters, block after block.
    pub fn numbers(&mut self) -> Vec<f32> {
        self.network.parameters.blocks_mut().concat()
    }

    /// Moves all parameters by `step · direction`.
    ///
    /// # Shapes
    /// `direction`: as [`Differentiator::numbers`].
    pub fn shift(&mut self, step: f64, direction: &[f64]) {
        let mut rest = direction;
        for block in self.network.parameters.blocks_mut() {
            let (own, after) = rest.split_at(block.len());
            for (x, d) in block.iter_mut().zip(own) {
                *x += (step * d) as f32;
            }
            rest = after;
        }
    }

    /// The gradient of the mean loss over all predictions of these histories.
    pub fn loss_gradient(&mut self, histories: &[&[ItemId]]) -> Vec<f32> {
        let Packing { batch, .. } = packed(histories, true);
        if batch.next.is_empty() {
            return vec![0.0; self.numbers().len()];
        }
        self.network
            .differentiate(&batch, &vec![0.0; histories.len() * self.network.parameters.cell.width()]);
        self.network.gradient.blocks_mut().concat()
    }

    /// The gradient of the sum of the scores of `items` after each of these histories.
    pub fn score_gradient(&mut self, histories: &[&[ItemId]], items: &[ItemId]) -> Vec<f32> {
        self.differentiate_scores(histories, items);
        self.network.gradient.blocks_mut().concat()
    }

    /// The sum of the scores of `items` after each of these histories.
    pub fn score(&mut self, histories: &[&[ItemId]], items: &[ItemId]) -> f64 {
        self.differentiate_scores(histories, items)
    }

    /// The sum of scores, and its gradient in the network.
    fn differentiate_scores(&mut self, histories: &[&[ItemId]], items: &[ItemId]) -> f64 {
        let Packing { batch, last, .. } = packed(histories, false);
        let first = vec![0.0; histories.len() * self.network.parameters.cell.width()];
        self.network.differentiate_rows(&batch, &first, Against::Catalogue, &mut |at, _, row| {
            let wanted = if last[at] { items } else { &[] };
            let sum = wanted.iter().map(|item| f64::from(row[item.index()])).sum();
            row.fill(0.0);
            for item in wanted {
                row[item.index()] = 1.0;
            }
            sum
        })
    }

    /// The loss of each prediction of each history: that of the second item after the first, of the third after both, and so on.
    pub fn losses(&mut self, histories: &[&[ItemId]]) -> Vec<Vec<f64>> {
        let mut out = vec![Vec::new(); histories.len()];
        let Packing { batch, order, .. } = packed(histories, true);
        if batch.next.is_empty() {
            return out;
        }
        let first = vec![0.0; histories.len() * self.network.parameters.cell.width()];
        let losses = self.network.losses(&batch, &first);
        for step in batch.packed.starts.windows(2) {
            for (&history, loss) in order.iter().zip(&losses[step[0]..step[1]]) {
                out[history].push(*loss);
            }
        }
        out
    }
}

/// Histories, step by step.
struct Packing {
    batch: Batch,
    /// Which history is which of a step, the longest first.
    order: Vec<usize>,
    /// For each row whether it is the last of its history.
    last: Vec<bool>,
}

/// With `predicting`, the last item of a history is only predicted, not read.
fn packed(histories: &[&[ItemId]], predicting: bool) -> Packing {
    let length = |&history: &usize| histories[history].len().saturating_sub(usize::from(predicting));
    let mut order: Vec<usize> = (0..histories.len()).collect();
    order.sort_by_key(|history| std::cmp::Reverse(length(history)));
    let lengths: Vec<usize> = order.iter().map(length).collect();
    let (mut batch, mut last) = (Batch { packed: Packed::of(&lengths), ..Batch::default() }, Vec::new());
    for step in 0..lengths.first().copied().unwrap_or(0) {
        for history in order.iter().take_while(|history| length(history) > step) {
            let items = histories[*history];
            batch.items.push(items[step].0);
            batch.next.push(items.get(step + 1).map_or(0, |item| item.0));
            batch.weights.push(1.0);
            last.push(step + 1 == length(history));
        }
    }
    Packing { batch, order, last }
}
