//! Adam on whole rows: the loss of a minibatch of users over all items, by the Gram trick.

use rand::seq::SliceRandom;
use shillproof_core::{Ctx, FitError, Interactions, Ties};
use shillproof_kernels::{Adam, Csr, FullRows, Matrix, gram};

use super::Wrmf;
use crate::factors::{FactorModel, check_finite};
use crate::held_out::recall;

/// Epochs between two looks at the validation set.
const EVERY: usize = 10;
/// Length of the list that selects the epoch.
const K: usize = 50;

impl Wrmf {
    pub(super) fn fit_adam(
        &self,
        data: &Interactions,
        valid: Option<&Interactions>,
        weights: Option<&[f32]>,
        ctx: &Ctx<'_>,
    ) -> Result<FactorModel, FitError> {
        let (mut users, mut items) = self.start(data, ctx);
        let by_user = Csr::of(data);
        let state = |m: &Matrix| Adam::new(m.as_slice().len(), self.learning_rate, self.weight_decay);
        let (mut user_adam, mut item_adam) = (state(&users), state(&items));
        let mut order: Vec<u32> = (0..by_user.n_rows() as u32).collect();
        let mut best: Option<(f64, Matrix, Matrix)> = None;
        let passes = self.epochs + 1;
        for epoch in 0..passes {
            ctx.check()?;
            // The order decides who shares a minibatch; with one minibatch it has no effect.
            if order.len() > self.batch_size {
                order.shuffle(&mut ctx.seed.child("order").index(epoch as u64).rng());
            }
            for chosen in order.chunks(self.batch_size) {
                let batch = Batch::new(&by_user, chosen, weights);
                let (of_users, of_items) = batch.gradients(&users, &items, self.weight);
                user_adam.step(users.as_mut_slice(), of_users.as_slice());
                item_adam.step(items.as_mut_slice(), of_items.as_slice());
            }
            check_finite(&[&users, &items], epoch)?;
            ctx.observer.progress("wrmf", epoch as u64 + 1, passes as u64);
            if let Some(valid) = valid.filter(|_| epoch % EVERY == 0) {
                let model = FactorModel::ranking(users.clone(), items.clone());
                let recall = recall(&model, data, valid, K, Ties::hashed(ctx.seed.child("ties")));
                if best.as_ref().is_none_or(|(highest, ..)| recall > *highest) {
                    best = Some((recall, users.clone(), items.clone()));
                }
            }
        }
        if let Some((_, best_users, best_items)) = best {
            (users, items) = (best_users, best_items);
        }
        Ok(FactorModel::ranking(users, items))
    }
}

/// The users of one step.
struct Batch<'a> {
    chosen: &'a [u32],
    by_user: Csr,
    by_item: Csr,
    weights: Option<Vec<f32>>,
}

impl<'a> Batch<'a> {
    fn new(by_user: &Csr, chosen: &'a [u32], weights: Option<&[f32]>) -> Self {
        let by_user = by_user.select(chosen);
        let weights = weights.map(|w| chosen.iter().map(|&u| w[u as usize]).collect());
        Self { chosen, by_item: by_user.transpose(), by_user, weights }
    }

    /// Gradients with respect to all users (zero outside the batch) and all items.
    fn gradients(&self, users: &Matrix, items: &Matrix, weight: f32) -> (Matrix, Matrix) {
        let d = items.columns();
        let mut own = Matrix::zeros(self.chosen.len(), d);
        for (at, &u) in self.chosen.iter().enumerate() {
            own.row_mut(at).copy_from_slice(users.row(u as usize));
        }
        let weights = self.weights.as_deref();
        let mut of_own = Matrix::zeros(self.chosen.len(), d);
        FullRows {
            entries: &self.by_user,
            other: items,
            gram: &gram(items, None),
            weight,
            row_weight: weights,
            column_weight: None,
        }
        .gradient(&own, &mut of_own);
        let mut of_items = Matrix::zeros(items.rows(), d);
        FullRows {
            entries: &self.by_item,
            other: &own,
            gram: &gram(&own, weights),
            weight,
            row_weight: None,
            column_weight: weights,
        }
        .gradient(items, &mut of_items);
        let mut of_users = Matrix::zeros(users.rows(), d);
        for (at, &u) in self.chosen.iter().enumerate() {
            of_users.row_mut(u as usize).copy_from_slice(of_own.row(at));
        }
        (of_users, of_items)
    }
}
