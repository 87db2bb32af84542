//! The vectors, what they score, and how they learn.

use shillproof_core::{Interactions, ItemId, UserId};
use shillproof_kernels::nn::{AdamSteps, Embedding, Untouched, binary_cross_entropy, dot_padded};
use shillproof_kernels::{Matrix, vectorized};

use crate::next_item::{Encoder, NextItemModel, Pairwise, Step};

/// `score(u, l → i) = ⟨v_u, v_i⟩ + ⟨w_i, w_l⟩`.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// v_u, one row a user.
    pub users: Matrix,
    /// v_i, one row an item, against the user.
    pub by_user: Matrix,
    /// w_i, one row an item, against the item before.
    pub by_last: Matrix,
    /// w_l, one row an item, as the item before.
    pub last: Matrix,
}

impl Factors {
    /// These factors with the users' histories.
    fn model(self, histories: &Interactions) -> NextItemModel<Self> {
        let mut items = Matrix::default();
        items.set_beside(&self.by_user, &self.by_last);
        NextItemModel::new(self, &items, histories)
    }
}

impl Encoder for Factors {
    fn width(&self) -> usize {
        2 * self.users.columns()
    }

    fn encode(&self, user: UserId, history: &[ItemId], out: &mut [f32]) {
        let (of_user, of_last) = out.split_at_mut(self.users.columns());
        of_user.copy_from_slice(self.users.row(user.index()));
        if let Some(last) = history.last() {
            of_last.copy_from_slice(self.last.row(last.index()));
        }
    }
}

/// What a step follows.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Step size of Adam.
    pub learning_rate: f32,
    /// Penalty on the squares of what a comparison uses.
    pub regularization: f32,
}

/// Blocks of an item's row.
const BY_USER: usize = 0;
const BY_LAST: usize = 1;
const LAST: usize = 2;

/// Factors in training.
pub struct Network {
    users: Embedding,
    items: Embedding,
    steps: AdamSteps,
    regularization: f32,
    ids: [Vec<u32>; 4],
    slots: [Vec<u32>; 4],
}

impl Network {
    /// Factors that start here.
    pub fn new(start: &Factors, rates: Rates) -> Self {
        Self {
            users: Embedding::new(&[&start.users]),
            items: Embedding::new(&[&start.by_user, &start.by_last, &start.last]),
            steps: AdamSteps::new(rates.learning_rate, 0.0, Untouched::Coast),
            regularization: rates.regularization,
            ids: Default::default(),
            slots: Default::default(),
        }
    }

    /// What has been learned so far.
    pub fn factors(&mut self) -> Factors {
        self.users.settle(&self.steps);
        self.items.settle(&self.steps);
        Factors {
            users: self.users.block(0),
            by_user: self.items.block(BY_USER),
            by_last: self.items.block(BY_LAST),
            last: self.items.block(LAST),
        }
    }

    /// Adds the gradient of the batch to that of the tables; the loss, without the penalty.
    fn differentiate(&mut self, batch: &[Step], weights: Option<&[f32]>) -> f64 {
        let columns: [fn(&Step) -> u32; 4] = [|s| s.user, |s| s.last, |s| s.next, |s| s.negative];
        for (at, column) in columns.into_iter().enumerate() {
            self.ids[at].clear();
            self.ids[at].extend(batch.iter().map(column));
            let table = if at == 0 { &mut self.users } else { &mut self.items };
            table.touch(&self.ids[at], &self.steps, &mut self.slots[at]);
        }
        let [by_user, by_last, last] = [BY_USER, BY_LAST, LAST].map(|block| self.items.span(block));
        let (users, mut of_users) = self.users.beside();
        let (items, mut of_items) = self.items.beside();
        let (share, penalty) = (1.0 / batch.len() as f32, self.regularization);
        let slots = &self.slots;
        let mut total = 0.0;
        vectorized!(|| {
            for (k, step) in batch.iter().enumerate() {
                let (v, w) = (users.of(step.user), &items.of(step.last)[last.clone()]);
                let (i, j) = (items.of(step.next), items.of(step.negative));
                let margin = dot_padded(v, &i[by_user.clone()]) - dot_padded(v, &j[by_user.clone()])
                    + dot_padded(w, &i[by_last.clone()])
                    - dot_padded(w, &j[by_last.clone()]);
                let weight = share * weights.map_or(1.0, |w| w[step.user as usize]);
                let at = binary_cross_entropy(margin, true);
                total += f64::from(weight * at.loss);
                let (slope, keep) = (weight * at.slope, weight * penalty);

                let to = of_users.of(slots[0][k]);
                pull(to, slope, &i[by_user.clone()], &j[by_user.clone()], keep, v);
                let to = &mut of_items.of(slots[1][k])[last.clone()];
                pull(to, slope, &i[by_last.clone()], &j[by_last.clone()], keep, w);
                for (slot, slope, row) in [(slots[2][k], slope, i), (slots[3][k], -slope, j)] {
                    let to = of_items.of(slot);
                    add(&mut to[by_user.clone()], slope, v, keep, &row[by_user.clone()]);
                    add(&mut to[by_last.clone()], slope, w, keep, &row[by_last.clone()]);
                }
            }
        });
        total
    }
}

/// `to += slope (i − j) + keep own`.
// Within vector code, which inlines it.
#[allow(clippy::inline_always)]
#[inline(always)]
fn pull(to: &mut [f32], slope: f32, i: &[f32], j: &[f32], keep: f32, own: &[f32]) {
    for (((to, i), j), own) in to.iter_mut().zip(i).zip(j).zip(own) {
        *to += slope * (i - j) + keep * own;
    }
}

/// `to += slope x + keep own`.
#[allow(clippy::inline_always)]
#[inline(always)]
fn add(to: &mut [f32], slope: f32, x: &[f32], keep: f32, own: &[f32]) {
    for ((to, x), own) in to.iter_mut().zip(x).zip(own) {
        *to += slope * x + keep * own;
    }
}

impl Pairwise for Network {
    type Model = NextItemModel<Factors>;

    fn learn(&mut self, batch: &[Step], weights: Option<&[f32]>) -> f64 {
        let loss = self.differentiate(batch, weights);
        self.steps.advance();
        self.users.step(&self.steps);
        self.items.step(&self.steps);
        loss
    }

    fn is_finite(&self) -> bool {
        self.users.is_finite() && self.items.is_finite()
    }

    fn model(&mut self, histories: &Interactions) -> Self::Model {
        self.factors().model(histories)
    }
}

#[cfg(test)]
impl Network {
    /// The gradient of a batch, in the order of [`Factors`], and the loss without the penalty.
    pub(super) fn gradient(&mut self, batch: &[Step], weights: Option<&[f32]>) -> (Factors, f64) {
        let loss = self.differentiate(batch, weights);
        let gradient = Factors {
            users: self.users.gradient_matrix(0),
            by_user: self.items.gradient_matrix(BY_USER),
            by_last: self.items.gradient_matrix(BY_LAST),
            last: self.items.gradient_matrix(LAST),
        };
        (gradient, loss)
    }
}
