//! What the profile attacks share: what every fake user holds, how fillers are drawn, and how they are rated.

mod fillers;
mod pool;
mod rivals;
mod scores;
mod sequences;

pub(crate) use fillers::{draw_from, draw_without};
pub(crate) use pool::most_popular;
use rivals::rivals;
pub(crate) use scores::{Model, Scores};
pub(crate) use sequences::Sequences;

use shillproof_core::{
    AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, ItemId, Knowledge, Objective, Profile, Rng,
};

/// The frame of every profile of one attack.
pub(crate) struct Frame {
    /// What every fake user holds: the targets, or their rivals when demoting on implicit data.
    fixed: Vec<(ItemId, f32)>,
    /// Items that are no fillers: targets and fixed items, ascending.
    pub(crate) taken: Vec<ItemId>,
    /// Fillers that a profile has room for.
    pub(crate) room: usize,
    n_items: usize,
}

impl Frame {
    /// A frame that rates every target: the highest rating to promote, the lowest to demote.
    ///
    /// Implicit data has no low rating, so demoting there is promoting up to `competitors` items
    /// that share most rows with the targets. They count as fillers and take at most half of a
    /// profile, so that fake users differ.
    pub(crate) fn new(
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        competitors: usize,
        ctx: &Ctx<'_>,
    ) -> Result<Self, AttackError> {
        let rating = match (known.items.scale, goal.objective) {
            (Some(scale), Objective::Promote) => scale.max,
            (Some(scale), Objective::Demote) => scale.min,
            (None, Objective::Promote) => 1.0,
            (None, Objective::Demote) => {
                let sample = known.sample.ok_or(AttackError::Ungranted(
                    "interactions of genuine users, to find what competes with targets that cannot be rated low",
                ))?;
                let rivals =
                    rivals(sample, known.items, goal, competitors.min(budget.profile_size.div_ceil(2)), ctx);
                return Self::without_targets(goal, budget, known, rivals);
            }
        };
        let room = budget.max_items(goal.targets.len()).checked_sub(goal.targets.len());
        let room = room.ok_or_else(|| AttackError::Parameter {
            name: "profile_size",
            got: budget.profile_size.to_string(),
            expected: "at least the number of targets, which count towards it",
        })?;
        let fixed = goal.targets.iter().map(|&target| (target, rating)).collect();
        Self::build(&goal.targets, known, fixed, room)
    }

    /// A frame in which every fake user holds `fixed`, at 1, and no target.
    fn without_targets(
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        fixed: Vec<ItemId>,
    ) -> Result<Self, AttackError> {
        let room = budget.profile_size - fixed.len();
        Self::build(&goal.targets, known, fixed.into_iter().map(|item| (item, 1.0)).collect(), room)
    }

    /// The same frame with `items`, rated `rating`, in every profile. They must be fillers, at most as many as there is room for.
    pub(crate) fn holding(mut self, items: &[ItemId], rating: f32) -> Self {
        self.fixed.extend(items.iter().map(|&item| (item, rating)));
        self.taken.extend(items);
        self.taken.sort_unstable();
        self.room -= items.len();
        self
    }

    /// A frame that holds nothing and in which a target is an item like any other.
    pub(crate) fn free(budget: &Budget, known: &Knowledge<'_>) -> Result<Self, AttackError> {
        Self::build(&[], known, Vec::new(), budget.profile_size)
    }

    fn build(
        targets: &[ItemId],
        known: &Knowledge<'_>,
        fixed: Vec<(ItemId, f32)>,
        room: usize,
    ) -> Result<Self, AttackError> {
        let mut taken: Vec<ItemId> = fixed.iter().map(|e| e.0).chain(targets.iter().copied()).collect();
        taken.sort_unstable();
        taken.dedup();
        let n_items = known.items.n_items();
        let available = n_items - taken.len();
        if room > available {
            return Err(AttackError::TooFewItems { needed: room, available });
        }
        Ok(Self { fixed, taken, room, n_items })
    }

    /// What every fake user holds, rated.
    pub(crate) fn fixed(&self) -> &[(ItemId, f32)] {
        &self.fixed
    }

    /// At most `k` distinct items that may be fillers, uniform, in random order.
    pub(crate) fn draw_at_most(&self, rng: &mut Rng, k: usize) -> Result<Vec<ItemId>, AttackError> {
        draw_without(rng, self.n_items, &self.taken, k.min(self.n_items - self.taken.len()))
    }

    /// Whether `item` is neither a target nor in every profile anyway.
    pub(crate) fn is_filler(&self, item: ItemId) -> bool {
        self.taken.binary_search(&item).is_err()
    }

    /// The items of `pool` that may be fillers, in their order.
    pub(crate) fn only_fillers(&self, mut pool: Vec<ItemId>) -> Vec<ItemId> {
        pool.retain(|&item| self.is_filler(item));
        pool
    }

    /// As many fillers as there is room for: first the share `selected` (halves up) from `pool`,
    /// then the rest from all other items.
    ///
    /// # Shapes
    /// `pool`: distinct items that may be fillers.
    pub(crate) fn draw_fillers(
        &self,
        rng: &mut Rng,
        pool: &[ItemId],
        selected: Fraction,
    ) -> Result<Vec<ItemId>, AttackError> {
        let mut fillers = draw_from(rng, pool, selected.round_of(self.room))?;
        let mut without: Vec<ItemId> = self.taken.iter().chain(&fillers).copied().collect();
        without.sort_unstable();
        fillers.extend(draw_without(rng, self.n_items, &without, self.room - fillers.len())?);
        Ok(fillers)
    }

    /// One set a fake user: the fixed items and what `fill(v, rng)` gives fake user `v`.
    pub(crate) fn craft(
        &self,
        budget: &Budget,
        ctx: &Ctx<'_>,
        mut fill: impl FnMut(usize, &mut Rng) -> Result<Vec<(ItemId, f32)>, AttackError>,
    ) -> Result<FakeProfiles, AttackError> {
        let profiles = each_fake_user(budget, ctx, |v, rng| {
            let mut entries = self.fixed.clone();
            entries.extend(fill(v, rng)?);
            Ok(entries)
        })?;
        Ok(FakeProfiles { profiles, ordered: false, queries: 0 })
    }

    /// One sequence a fake user: what `fill(v, rng)` gives fake user `v` and the fixed items, in turns.
    pub(crate) fn craft_sequences(
        &self,
        budget: &Budget,
        ctx: &Ctx<'_>,
        mut fill: impl FnMut(usize, &mut Rng) -> Result<Vec<(ItemId, f32)>, AttackError>,
    ) -> Result<FakeProfiles, AttackError> {
        let profiles = each_fake_user(budget, ctx, |v, rng| Ok(in_turns(&fill(v, rng)?, &self.fixed)))?;
        Ok(FakeProfiles { profiles, ordered: true, queries: 0 })
    }
}

/// Fake user `v` draws from `ctx.seed.index(v)` alone, so that a smaller attack is the prefix of a larger one.
fn each_fake_user(
    budget: &Budget,
    ctx: &Ctx<'_>,
    mut entries: impl FnMut(usize, &mut Rng) -> Result<Vec<(ItemId, f32)>, AttackError>,
) -> Result<Vec<Profile>, AttackError> {
    let one = |v| {
        ctx.check()?;
        Ok(Profile { entries: entries(v, &mut ctx.seed.index(v as u64).rng())? })
    };
    (0..budget.fake_users).map(one).collect()
}

/// First of `a`, first of `b`, second of `a`, …; the rest of the longer one at the end.
pub(crate) fn in_turns<T: Copy>(a: &[T], b: &[T]) -> Vec<T> {
    let longer = a.len().max(b.len());
    (0..longer).flat_map(|k| a.get(k).into_iter().chain(b.get(k))).copied().collect()
}

/// A tenth: the share that the literature draws popular items from, and the share of a profile they fill.
pub(crate) fn tenth() -> Fraction {
    Fraction::new(0.1).expect("0.1 lies between 0 and 1")
}
