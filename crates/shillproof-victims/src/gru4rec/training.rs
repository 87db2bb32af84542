//! The two ways through the histories of a data set.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Ctx, FitError, Interactions, Rng, UserId};
use shillproof_kernels::nn::Packed;

use super::network::{Batch, Network};
use super::parameters::Parameters;
use crate::epochs::Learner;
use crate::next_item::{NextItemModel, cut, dropout_mask};

/// How a network is led through histories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Training {
    /// Each history is run once, from its beginning, and every item of it teaches at once, against all items; slopes go back to the beginning.
    #[default]
    FullHistory,
    /// Many histories advance side by side, an item a step; the opponents are each other's next items, and slopes go back one step (Hidasi et al., ICLR 2016).
    SessionParallel,
}

/// Batches whose histories are sorted by length together: few enough that batches change from epoch to epoch.
const SHELF: usize = 16;

/// Epochs over a data set.
pub(super) struct HistoryLearner<'a> {
    pub(super) network: Network,
    pub(super) histories: &'a Interactions,
    /// What trains.
    pub(super) data: &'a Interactions,
    pub(super) weights: Option<&'a [f32]>,
    pub(super) training: Training,
    pub(super) batch_size: usize,
    pub(super) dropout: f32,
}

impl Learner for HistoryLearner<'_> {
    type Model = NextItemModel<Parameters>;

    fn epoch(&mut self, epoch: usize, ctx: &Ctx<'_>) -> Result<f64, FitError> {
        let mut order: Vec<UserId> = self.data.users().filter(|&u| self.data.row(u).len() > 1).collect();
        order.shuffle(&mut ctx.seed.child("order").index(epoch as u64).rng());
        let mut drops = ctx.seed.child("dropout").index(epoch as u64).rng();
        match self.training {
            Training::FullHistory => self.full_histories(order, &mut drops, ctx),
            Training::SessionParallel => self.side_by_side(&order, &mut drops, ctx),
        }
    }

    fn is_finite(&self) -> bool {
        let mut copy = self.network.parameters.clone();
        copy.blocks_mut().iter().all(|block| block.iter().all(|x| x.is_finite()))
    }

    fn model(&mut self) -> Self::Model {
        self.network.settled().clone().model(self.histories)
    }
}

impl HistoryLearner<'_> {
    fn full_histories(
        &mut self,
        mut order: Vec<UserId>,
        drops: &mut Rng,
        ctx: &Ctx<'_>,
    ) -> Result<f64, FitError> {
        let predictions = |user: UserId| self.data.row(user).len() - 1;
        let mut batches: Vec<&[UserId]> = Vec::new();
        for shelf in cut(&mut order, self.batch_size * SHELF, |&user| predictions(user)) {
            shelf.sort_by_key(|&user| std::cmp::Reverse(predictions(user)));
            let parts = cut(shelf, self.batch_size, |&user| predictions(user));
            batches.extend(parts.into_iter().map(|batch| &*batch));
        }
        batches.shuffle(drops);
        let (mut loss, mut batch) = (0.0, Batch::default());
        for users in batches {
            ctx.check()?;
            let lengths: Vec<usize> = users.iter().map(|&user| predictions(user)).collect();
            batch.clear(Packed::of(&lengths));
            for step in 0..lengths[0] {
                for &user in users.iter().take_while(|&&user| predictions(user) > step) {
                    self.push(&mut batch, user, step);
                }
            }
            self.drop_out(&mut batch, drops);
            let first = vec![0.0; users.len() * self.network.parameters.cell.width()];
            loss += self.network.learn(&batch, &first);
        }
        Ok(loss)
    }

    fn side_by_side(&mut self, order: &[UserId], drops: &mut Rng, ctx: &Ctx<'_>) -> Result<f64, FitError> {
        let h = self.network.parameters.cell.width();
        let mut waiting = order.iter().copied();
        // User and step of each history under way, and the state it is in.
        let mut lanes: Vec<(UserId, usize)> =
            waiting.by_ref().take(self.batch_size).map(|u| (u, 0)).collect();
        let mut states = vec![0.0; lanes.len() * h];
        let (mut loss, mut batch) = (0.0, Batch::default());
        // Alone, a history has nothing to be compared with.
        while lanes.len() > 1 {
            ctx.check()?;
            batch.clear(Packed { starts: vec![0, lanes.len()] });
            for &(user, step) in &lanes {
                self.push(&mut batch, user, step);
            }
            self.drop_out(&mut batch, drops);
            loss += self.network.learn(&batch, &states);
            states.copy_from_slice(self.network.states());
            for lane in (0..lanes.len()).rev() {
                let (user, step) = &mut lanes[lane];
                *step += 1;
                if *step + 1 < self.data.row(*user).len() {
                    continue;
                }
                if let Some(next) = waiting.next() {
                    lanes[lane] = (next, 0);
                    states[lane * h..][..h].fill(0.0);
                } else {
                    lanes.swap_remove(lane);
                    states.copy_within(lanes.len() * h.., lane * h);
                    states.truncate(lanes.len() * h);
                }
            }
        }
        Ok(loss)
    }

    /// One prediction more: after the item at `step` comes the next one.
    fn push(&self, batch: &mut Batch, user: UserId, step: usize) {
        let items = self.data.row(user).items();
        batch.items.push(items[step].0);
        batch.next.push(items[step + 1].0);
        batch.weights.push(self.weights.map_or(1.0, |w| w[user.index()]));
    }

    fn drop_out(&self, batch: &mut Batch, drops: &mut Rng) {
        let numbers = batch.items.len() * self.network.parameters.items.columns();
        dropout_mask(numbers, self.dropout, drops, &mut batch.mask);
    }
}

impl Batch {
    /// Empty, for histories packed so.
    fn clear(&mut self, packed: Packed) {
        self.packed = packed;
        self.items.clear();
        self.next.clear();
        self.weights.clear();
        self.mask.clear();
    }
}
