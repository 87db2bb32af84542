//! The sealed call refuses every broken rule, each by its own name.

use shillproof_attacks::{NoAttack, PoisonError, Poisoned, ProbeAttack, RandomAttack, SegmentAttack, poison};
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Grant, Interactions, ItemId, ItemStats, Knowledge,
    Needs, Objective, Profile, Seed, ThreatCase, UserId,
};

use crate::{budget, case, goal, planted, ratings};

/// Returns what it is told to, whatever the budget.
struct Rogue(Vec<Vec<(u32, f32)>>, Needs);

impl Attack for Rogue {
    fn needs(&self) -> Needs {
        self.1
    }

    fn craft(
        &self,
        _: &Goal,
        _: &Budget,
        _: &Knowledge<'_>,
        _: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        let profile = |entries: &Vec<(u32, f32)>| Profile {
            entries: entries.iter().map(|&(item, rating)| (ItemId(item), rating)).collect(),
        };
        Ok(FakeProfiles { profiles: self.0.iter().map(profile).collect(), ordered: false, queries: 77 })
    }
}

fn run(
    attack: &dyn Attack,
    data: &Interactions,
    edit: impl FnOnce(&mut ThreatCase<'_>),
) -> Result<Poisoned, PoisonError> {
    let items = ItemStats::of(data);
    let mut case = case(goal(&[4], Objective::Promote), budget(2, 2), &items, data);
    edit(&mut case);
    poison(attack, data, &case, &Ctx::new(Seed::new(1)))
}

fn rogue(first: &[(u32, f32)]) -> Result<Poisoned, PoisonError> {
    rogue_on(&ratings(), first)
}

fn rogue_on(data: &Interactions, first: &[(u32, f32)]) -> Result<Poisoned, PoisonError> {
    run(&Rogue(vec![first.to_vec(), vec![(4, 1.0)]], Needs::STATISTICS), data, |_| {})
}

macro_rules! refused {
    ($result:expr, $pattern:pat) => {{
        let error = $result.unwrap_err();
        assert!(matches!(error, $pattern), "{error:?}");
        assert!(error.hint().is_some_and(|h| !h.is_empty()), "no hint for {error}");
        error.to_string()
    }};
}

#[test]
fn what_keeps_the_rules_is_appended_after_the_genuine_users() {
    let data = ratings();
    let poisoned = rogue(&[(4, 5.0), (7, 2.0), (9, 1.0)]).unwrap();
    assert_eq!(poisoned.first_fake, UserId(60));
    assert_eq!(poisoned.train.n_users(), 62);
    assert_eq!(poisoned.train.first_rows(60), data);
    assert_eq!(poisoned.train.row(UserId(60)).sorted(), [ItemId(4), ItemId(7), ItemId(9)]);
    // Queries are counted by the oracle, not by the attack.
    assert_eq!(poisoned.fakes.queries, 0);
}

#[test]
fn none_spends_nothing_of_any_budget() {
    let data = ratings();
    let poisoned = run(&NoAttack::default(), &data, |_| {}).unwrap();
    assert_eq!((poisoned.fakes.profiles.len(), poisoned.train), (0, data));
}

#[test]
fn broken_budgets_and_profiles() {
    let long = refused!(
        rogue(&[(4, 5.0), (7, 2.0), (9, 1.0), (10, 3.0)]),
        PoisonError::ProfileTooLong { fake: 0, counted: 3, budget: 2, targets_included: false }
    );
    assert_eq!(long, "fake user 0 has 3 fillers, the profile size is 2");
    let included =
        run(&Rogue(vec![vec![(4, 5.0), (7, 2.0), (9, 1.0)]; 2], Needs::STATISTICS), &ratings(), |case| {
            case.budget.targets_included = true;
        });
    let long = refused!(included, PoisonError::ProfileTooLong { counted: 3, targets_included: true, .. });
    assert_eq!(long, "fake user 0 has 3 items, the profile size is 2");
    refused!(rogue(&[(45, 5.0)]), PoisonError::UnknownItem { fake: 0, item: ItemId(45), n_items: 45 });
    refused!(rogue(&[(7, 5.0), (7, 5.0)]), PoisonError::Duplicate { fake: 0, item: ItemId(7) });
    refused!(rogue(&[(4, 5.0), (4, 1.0)]), PoisonError::Duplicate { item: ItemId(4), .. });
    refused!(rogue(&[(7, f32::NAN)]), PoisonError::NotFinite { .. });
    refused!(rogue(&[(7, f32::INFINITY)]), PoisonError::NotFinite { .. });
    let off = refused!(rogue(&[(7, 4.5)]), PoisonError::OffScale { .. });
    assert_eq!(off, "fake user 0 rates item 7 4.5, which is not on the scale 1 to 5 in steps of 1");
    refused!(rogue(&[(7, 0.0)]), PoisonError::OffScale { .. });
    refused!(rogue(&[(7, 6.0)]), PoisonError::OffScale { .. });
    let implicit = planted().implicit(Seed::new(8));
    refused!(rogue_on(&implicit, &[(7, 5.0)]), PoisonError::NotOne { .. });
    for made in [1, 3] {
        let attack = Rogue(vec![vec![(4, 5.0)]; made], Needs::STATISTICS);
        refused!(run(&attack, &ratings(), |_| {}), PoisonError::FakeUsers { budget: 2, .. });
    }
}

#[test]
fn cases_that_are_none() {
    let attack = RandomAttack::default();
    let data = ratings();
    let with = |targets: &[u32]| {
        let goal = goal(targets, Objective::Promote);
        run(&attack, &data, |case| case.goal = goal)
    };
    refused!(with(&[]), PoisonError::NoTargets);
    refused!(with(&[3, 45]), PoisonError::UnknownTarget { target: ItemId(45), n_items: 45 });
    refused!(with(&[3, 5, 3]), PoisonError::TargetTwice { target: ItemId(3) });
    let other = ItemStats::of(&Interactions::empty(3, 44, data.scale()));
    let narrow = poison(
        &attack,
        &data,
        &case(goal(&[4], Objective::Promote), budget(2, 2), &other, &data),
        &Ctx::new(Seed::new(1)),
    );
    refused!(narrow, PoisonError::OtherCatalogue { known: 44, train: 45 });
    let implicit = ItemStats::of(&data.binarize());
    let blind = poison(
        &attack,
        &data,
        &case(goal(&[4], Objective::Promote), budget(2, 2), &implicit, &data),
        &Ctx::new(Seed::new(1)),
    );
    refused!(blind, PoisonError::OtherScale { known: None, .. });
}

#[test]
fn needs_beyond_the_grant() {
    let data = ratings();
    let nothing = |needs| Rogue(vec![], needs);
    let without_sample = run(&SegmentAttack::default(), &data, |case| case.known.sample = None);
    refused!(without_sample, PoisonError::NeedsSample);
    let ratings_needed = nothing(Needs { ratings: true, ..Needs::STATISTICS });
    refused!(run(&ratings_needed, &planted().implicit(Seed::new(8)), |_| {}), PoisonError::NeedsRatings);
    let blind = refused!(
        run(&ProbeAttack::default(), &data, |_| {}),
        PoisonError::NeedsVictim { needed: Grant::Queries }
    );
    assert_eq!(
        blind,
        "this attack needs the victim's recommendation lists, which the attacker has not been granted"
    );
    for victim in [Grant::Recipe, Grant::Full] {
        refused!(
            run(&nothing(Needs { victim, ..Needs::STATISTICS }), &data, |_| {}),
            PoisonError::NeedsVictim { .. }
        );
    }
}

#[test]
fn what_an_attack_itself_refuses_comes_through() {
    let data = ratings();
    let large = run(&RandomAttack::default(), &data, |case| case.budget.profile_size = 45);
    let text = refused!(large, PoisonError::Attack(AttackError::TooFewItems { needed: 45, available: 44 }));
    assert_eq!(text, "a profile needs 45 fillers, but only 44 items are left besides the targets");
    let implicit = planted().implicit(Seed::new(8));
    let blind = run(&RandomAttack::default(), &implicit, |case| {
        case.goal.objective = Objective::Demote;
        case.known.sample = None;
    });
    refused!(blind, PoisonError::Attack(AttackError::Ungranted(_)));
}
