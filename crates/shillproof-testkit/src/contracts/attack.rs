//! What every attack must keep. One call of [`check`] an entry of the catalogue.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use shillproof_core::{
    Attack, AttackError, Audience, Budget, Checkpoint, Ctx, FakeProfiles, Goal, Grant, Interactions, ItemId,
    ItemStats, Knowledge, Objective, QueryOracle, RatingScale, Recommender, Scorer, Seed, Ties, Triples,
    UserId, Victim, VictimAccess,
};

use crate::fixtures::{Memory, Planted};

/// What an attack says that it can do.
#[derive(Clone, Copy, Debug)]
pub struct Expect {
    /// It makes fake users at all.
    pub makes_fakes: bool,
    /// Every fake user rates every target, except when demoting on implicit data.
    pub rates_targets: bool,
    /// Objectives on data with ratings.
    pub explicit: &'static [Objective],
    /// Objectives on data without.
    pub implicit: &'static [Objective],
    /// The recipe that an attack on a known victim is granted, on data with (`true`) or without ratings.
    pub recipe: fn(bool) -> Box<dyn Victim>,
}

/// Panics with a message when the attack breaks the contract.
pub fn check(attack: &dyn Attack, expect: Expect) {
    assert_eq!(
        attack.needs().ratings,
        expect.implicit.is_empty(),
        "needs ratings just where it cannot do without"
    );
    for world in [World::stars(), World::half_stars(), World::implicit()] {
        for objective in [Objective::Promote, Objective::Demote] {
            let possible = if world.scale.is_some() { expect.explicit } else { expect.implicit };
            let case = Case { attack, expect, world: &world, objective };
            if possible.contains(&objective) {
                case.keeps_the_budget_at_its_edges();
                case.depends_on_the_seed_and_nothing_else();
                case.goes_on_from_whatever_it_saved();
                case.moves_the_targets();
            } else if !attack.needs().ratings {
                let made = case.craft(&case.goal(1), budget(1, 5), Seed::new(1));
                assert!(matches!(made, Err(AttackError::Objective { .. })), "{objective:?}: {made:?}");
            }
        }
        stops_when_asked(attack, expect, &world);
    }
}

/// Data, and everything that an attacker could know about it.
struct World {
    data: Interactions,
    items: ItemStats,
    scale: Option<RatingScale>,
}

impl World {
    const PLANTED: Planted = Planted { users: 90, items: 48, clusters: 3, per_user: 12, affinity: 0.8 };

    fn of(data: Interactions) -> Self {
        Self { items: ItemStats::of(&data), scale: data.scale(), data }
    }

    fn stars() -> Self {
        Self::of(Self::PLANTED.explicit(Seed::new(3)))
    }

    fn half_stars() -> Self {
        let whole = Self::PLANTED.explicit(Seed::new(4));
        let cells = whole.to_triples();
        let ratings = cells
            .ratings
            .map(|r| r.iter().zip(&cells.items).map(|(r, i)| r - (i % 2) as f32 / 2.0).collect());
        let scale = RatingScale::new(0.5, 5.0, 0.5).expect("half stars are a scale");
        let data = Interactions::from_triples(
            whole.n_users(),
            whole.n_items(),
            Triples { ratings, ..cells },
            Some(scale),
        );
        Self::of(data.expect("halved stars are a matrix"))
    }

    fn implicit() -> Self {
        Self::of(Self::PLANTED.implicit(Seed::new(5)))
    }

    /// Items by a non-personal score: the damped mean rating, or the count in implicit data.
    fn score(data: &Interactions) -> Vec<f32> {
        let stats = ItemStats::of(data);
        let one = |i: usize| match stats.scale {
            Some(_) => {
                let n = f64::from(stats.count[i]);
                ((n * stats.mean[i] + 5.0 * stats.global_mean) / (n + 5.0)) as f32
            }
            None => stats.count[i] as f32,
        };
        (0..stats.n_items()).map(one).collect()
    }

    /// Items that score higher than `item`, ties counted half.
    fn rank(data: &Interactions, item: ItemId) -> f64 {
        let scores = Self::score(data);
        let own = scores[item.index()];
        scores
            .iter()
            .map(|&s| {
                if s > own {
                    1.0
                } else if s == own {
                    0.5
                } else {
                    0.0
                }
            })
            .sum()
    }
}

/// The recommender behind the black box: the same list for everybody.
struct Chart(Vec<f32>);

impl Recommender for Chart {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl Scorer for Chart {
    fn n_items(&self) -> usize {
        self.0.len()
    }

    fn score(&self, _: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        out.copy_from_slice(&self.0);
    }
}

fn budget(fake_users: usize, profile_size: usize) -> Budget {
    Budget { fake_users, profile_size, targets_included: false }
}

struct Case<'a> {
    attack: &'a dyn Attack,
    expect: Expect,
    world: &'a World,
    objective: Objective,
}

impl Case<'_> {
    /// Targets in the middle of the ranking, where they can go up and down.
    fn goal(&self, targets: usize) -> Goal {
        let mut ranked: Vec<ItemId> = (0..self.world.data.n_items() as u32).map(ItemId).collect();
        ranked.sort_by(|&a, &b| {
            let ranks = [a, b].map(|i| World::rank(&self.world.data, i));
            ranks[0].total_cmp(&ranks[1]).then(a.cmp(&b))
        });
        let targets = ranked.iter().skip(ranked.len() / 4).step_by(4).take(targets).copied().collect();
        Goal { targets, objective: self.objective, audience: Audience::All }
    }

    fn craft(&self, goal: &Goal, budget: Budget, seed: Seed) -> Result<FakeProfiles, AttackError> {
        self.craft_in(goal, budget, &Ctx::new(seed))
    }

    fn craft_in(&self, goal: &Goal, budget: Budget, ctx: &Ctx<'_>) -> Result<FakeProfiles, AttackError> {
        let chart = Chart(World::score(&self.world.data));
        let oracle = QueryOracle::new(&chart, Ties::hashed(Seed::new(9)), 1_000_000);
        let recipe = (self.expect.recipe)(self.world.scale.is_some());
        let needs = self.attack.needs();
        // No more than it asks for; implicit demotion is told on every page to need a sample.
        let implicit_demotion = self.world.scale.is_none() && goal.objective == Objective::Demote;
        let known = Knowledge {
            items: &self.world.items,
            sample: (needs.sample || implicit_demotion).then_some(&self.world.data),
            victim: match needs.victim {
                Grant::Hidden => VictimAccess::Hidden,
                Grant::Queries => VictimAccess::Queries(&oracle),
                Grant::Full => VictimAccess::Full(&chart),
                Grant::Recipe => VictimAccess::Recipe(&*recipe),
            },
        };
        self.attack.craft(goal, &budget, &known, ctx)
    }

    fn keeps_the_budget_at_its_edges(&self) {
        let n_items = self.world.data.n_items();
        for (targets, targets_included) in [(1, false), (3, false), (1, true), (3, true)] {
            let goal = self.goal(targets);
            for fake_users in [0, 1, 5] {
                for profile_size in [0, 1, 2, 7, 30, n_items - targets, n_items, n_items + 1] {
                    let budget = Budget { fake_users, profile_size, targets_included };
                    let fits = budget.max_items(targets) <= n_items;
                    match self.craft(&goal, budget, Seed::new(7)) {
                        Ok(fakes) => {
                            self.verify(&goal, budget, &fakes);
                            assert!(
                                fits || !self.expect.makes_fakes || !self.expect.rates_targets,
                                "{profile_size} items and {targets} targets were found in a catalogue of {n_items}"
                            );
                        }
                        // Attacks that draw from a part of the catalogue run out of it sooner.
                        Err(AttackError::TooFewItems { .. }) => {
                            assert!(profile_size > 7, "{profile_size} of {n_items} items are too few");
                        }
                        Err(AttackError::Parameter { name: "profile_size", .. }) => {
                            assert!(targets_included && profile_size < targets, "{budget:?}");
                        }
                        Err(error) => panic!("{budget:?}: {error}"),
                    }
                }
            }
        }
        let beyond = self.craft(&self.goal(1), budget(1, n_items + 1), Seed::new(7));
        assert!(
            !self.expect.makes_fakes || matches!(beyond, Err(AttackError::TooFewItems { .. })),
            "a profile larger than the catalogue: {beyond:?}"
        );
    }

    /// The rules of a profile, written down a second time on purpose.
    fn verify(&self, goal: &Goal, budget: Budget, fakes: &FakeProfiles) {
        let wanted = if self.expect.makes_fakes { budget.fake_users } else { 0 };
        assert_eq!(fakes.profiles.len(), wanted, "number of fake users");
        for profile in &fakes.profiles {
            let items: BTreeSet<ItemId> = profile.entries.iter().map(|e| e.0).collect();
            assert_eq!(items.len(), profile.entries.len(), "an item twice in {profile:?}");
            assert!(
                items.iter().all(|i| i.index() < self.world.data.n_items()),
                "an unknown item in {profile:?}"
            );
            let rated = goal.targets.iter().filter(|t| items.contains(t)).count();
            let counted = if budget.targets_included { items.len() } else { items.len() - rated };
            assert!(counted <= budget.profile_size, "{counted} items for {budget:?}");
            for &(item, rating) in &profile.entries {
                let legal = match self.world.scale {
                    Some(scale) => scale.levels().any(|level| level == rating),
                    None => rating == 1.0,
                };
                assert!(legal, "item {item:?} is rated {rating}");
                if self.expect.rates_targets && goal.targets.contains(&item) {
                    let meant = match (self.world.scale, goal.objective) {
                        (None, _) => 1.0,
                        (Some(scale), Objective::Promote) => scale.max,
                        (Some(scale), Objective::Demote) => scale.min,
                    };
                    assert_eq!(rating, meant, "rating of a target to {:?}", goal.objective);
                }
            }
            if self.expect.rates_targets {
                let implicit_demotion = self.world.scale.is_none() && goal.objective == Objective::Demote;
                let meant = if implicit_demotion { 0 } else { goal.targets.len() };
                assert_eq!(rated, meant, "targets in a profile to {:?}", goal.objective);
            }
        }
    }

    fn depends_on_the_seed_and_nothing_else(&self) {
        let goal = self.goal(2);
        let made = |fakes, seed| {
            self.craft(&goal, budget(fakes, 7), Seed::new(seed))
                .unwrap_or_else(|e| panic!("failed to craft: {e}"))
        };
        let large = made(8, 1);
        assert_eq!(large, made(8, 1), "the same seed gives other profiles");
        if self.expect.makes_fakes {
            assert_ne!(large.profiles, made(8, 2).profiles, "another seed gives the same profiles");
        }
        if self.attack.is_incremental() {
            assert_eq!(large.prefix(3).profiles, made(3, 1).profiles, "a smaller attack is not a prefix");
        }
    }

    fn goes_on_from_whatever_it_saved(&self) {
        let goal = self.goal(2);
        let made = |place: Option<&Memory>| {
            let checkpoint = place.map(|place| place as &dyn Checkpoint);
            self.craft_in(&goal, budget(5, 7), &Ctx { checkpoint, ..Ctx::new(Seed::new(1)) })
                .unwrap_or_else(|e| panic!("failed to craft: {e}"))
        };
        let (whole, memory) = (made(None), Memory::default());
        assert_eq!(whole, made(Some(&memory)), "a place to save to changes the profiles");
        let states = memory.states();
        for (at, state) in states.iter().enumerate() {
            let resumed = Memory::of(state);
            assert_eq!(whole, made(Some(&resumed)), "gone on from state {at}");
            let rest = resumed.states().len() - 1;
            assert_eq!(rest, states.len() - 1 - at, "what state {at} holds was computed again");
        }
        for unreadable in [&b""[..], b"{", &[0xff; 40]].into_iter().filter(|_| !states.is_empty()) {
            assert_eq!(whole, made(Some(&Memory::of(unreadable))), "gone on from what cannot be read");
        }
    }

    fn moves_the_targets(&self) {
        if !self.expect.rates_targets {
            return;
        }
        for seed in 0..3 {
            let goal = self.goal(1);
            let fakes = self.craft(&goal, budget(30, 7), Seed::new(seed)).expect("a profile of 7 fits");
            let poisoned = self.world.data.append(&fakes).expect("the profiles are valid");
            let ranks = [&self.world.data, &poisoned].map(|data| World::rank(data, goal.targets[0]));
            let moved = match self.objective {
                Objective::Promote => ranks[1] < ranks[0],
                Objective::Demote => ranks[1] > ranks[0],
            };
            assert!(moved, "to {:?} took the target from rank {} to {}", self.objective, ranks[0], ranks[1]);
        }
    }
}

fn stops_when_asked(attack: &dyn Attack, expect: Expect, world: &World) {
    if world.scale.is_none() && expect.implicit.is_empty() {
        return;
    }
    let cancel = AtomicBool::new(true);
    let ctx = Ctx { cancel: &cancel, ..Ctx::new(Seed::new(1)) };
    let case = Case { attack, expect, world, objective: Objective::Promote };
    let made = case.craft_in(&case.goal(1), budget(2, 5), &ctx);
    assert!(!expect.makes_fakes || matches!(made, Err(AttackError::Cancelled(_))), "{made:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::stars;

    #[test]
    fn worlds_are_on_their_scales() {
        assert_eq!(World::stars().scale, Some(stars()));
        let halves = World::half_stars();
        let scale = halves.scale.expect("half stars");
        assert!(halves.data.rows().all(|row| row.iter().all(|(_, r)| scale.contains(r))));
        assert!(World::implicit().scale.is_none());
    }
}
