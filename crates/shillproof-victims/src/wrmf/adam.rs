//! Adam on whole rows: the loss of a minibatch of users over all items, by the Gram trick.

use std::borrow::Cow;

use rand::seq::SliceRandom;
use shillproof_core::{Ctx, FitError, Interactions, Ties};
use shillproof_kernels::{Adam, CellSlopes, Csr, FullCells, Matrix};

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
        let cells_of = |chosen: &[u32]| {
            let weights = weights.map(|w| chosen.iter().map(|&u| w[u as usize]).collect());
            FullCells::new(by_user.select(chosen), self.weight, weights)
        };
        let whole = (order.len() <= self.batch_size).then(|| cells_of(&order));
        let (mut own, mut slopes) = (Matrix::default(), CellSlopes::default());
        let mut of_users = Matrix::zeros(users.rows(), users.columns());
        let mut best: Option<(f64, Matrix, Matrix)> = None;
        let passes = self.epochs + 1;
        for epoch in 0..passes {
            ctx.check()?;
            // The order decides who shares a minibatch; with one minibatch it has no effect.
            if order.len() > self.batch_size {
                order.shuffle(&mut ctx.seed.child("order").index(epoch as u64).rng());
            }
            for chosen in order.chunks(self.batch_size) {
                let cells = whole.as_ref().map_or_else(|| Cow::Owned(cells_of(chosen)), Cow::Borrowed);
                own.set_rows(&users, chosen.iter().map(|&u| u as usize));
                cells.gradient(&own, &items, &mut slopes);
                // Zero outside of the minibatch.
                of_users.as_mut_slice().fill(0.0);
                for (at, &u) in chosen.iter().enumerate() {
                    of_users.row_mut(u as usize).copy_from_slice(slopes.of_p.row(at));
                }
                user_adam.step(users.as_mut_slice(), of_users.as_slice());
                item_adam.step(items.as_mut_slice(), slopes.of_q.as_slice());
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
