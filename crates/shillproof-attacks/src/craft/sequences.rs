//! Sequences for recommenders that learn what comes next: as many actions as the budget has fillers, targets among them.

use rand::seq::SliceRandom;
use shillproof_core::{AttackError, Budget, Ctx, FakeProfiles, Goal, ItemId, Knowledge, Objective, Rng};

use super::{Frame, Model, Scores, each_fake_user};

/// What the sequences of one attack have in common.
pub(crate) struct Sequences<'a> {
    /// Actions of a fake user.
    pub(crate) length: usize,
    goal: &'a Goal,
    scores: Scores<'a>,
    highest: f32,
}

impl<'a> Sequences<'a> {
    /// Sequences that promote; fillers are rated by `model`, targets highest.
    pub(crate) fn new(
        goal: &'a Goal,
        budget: &Budget,
        known: &Knowledge<'a>,
        model: Model,
    ) -> Result<Self, AttackError> {
        if goal.objective == Objective::Demote {
            return Err(AttackError::Objective {
                objective: goal.objective,
                reason: "sequences say what comes next, and nothing says what does not",
            });
        }
        Ok(Self {
            length: Frame::free(budget, known)?.room,
            goal,
            scores: Scores::new(known.items, model),
            highest: known.items.scale.map_or(1.0, |scale| scale.max),
        })
    }

    /// One sequence a fake user: the first distinct items that `items(v, rng)` gives fake user `v`.
    pub(crate) fn craft(
        &self,
        budget: &Budget,
        ctx: &Ctx<'_>,
        mut items: impl FnMut(usize, &mut Rng) -> Result<Vec<ItemId>, AttackError>,
    ) -> Result<FakeProfiles, AttackError> {
        let profiles = each_fake_user(budget, ctx, |v, rng| {
            let mut items = items(v, rng)?;
            items.truncate(self.length);
            let mut entries = self.scores.rate(items, rng);
            for (item, rating) in &mut entries {
                if self.goal.targets.contains(item) {
                    *rating = self.highest;
                }
            }
            Ok(entries)
        })?;
        Ok(FakeProfiles { profiles, ordered: true, queries: 0 })
    }

    /// The targets in random order.
    pub(crate) fn targets(&self, rng: &mut Rng) -> Vec<ItemId> {
        let mut targets = self.goal.targets.clone();
        targets.shuffle(rng);
        targets
    }

    /// What is no target and not among `used`, of these.
    pub(crate) fn others(&self, items: impl Iterator<Item = ItemId>, used: &[ItemId]) -> Vec<ItemId> {
        items.filter(|item| !self.goal.targets.contains(item) && !used.contains(item)).collect()
    }
}
