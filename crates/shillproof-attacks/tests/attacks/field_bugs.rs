//! Evaluation bugs found in public attack tools, each a test that ours does not have it.

use shillproof_attacks::{AttackSpec, AverageAttack, poison};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{
    Attack, Ctx, Grant, Interactions, ItemId, ItemStats, Objective, QueryOracle, RatingScale, Recommender,
    Scorer, Seed, Ties, Triples, UserId, VictimAccess,
};
use shillproof_victims::Als;

use crate::{budget, case, goal, ratings};

struct Flat(usize);

impl Recommender for Flat {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl Scorer for Flat {
    fn n_items(&self) -> usize {
        self.0
    }

    fn score(&self, _: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        out.fill(0.0);
    }
}

/// All attacks that rate their targets, run on ratings with three targets.
fn each_poisoned(seed: u64, mut with: impl FnMut(&str, &Interactions, shillproof_attacks::Poisoned)) {
    let data = ratings();
    let items = ItemStats::of(&data);
    let (flat, victim) = (Flat(data.n_items()), Als::default());
    for spec in AttackSpec::all().into_iter().filter(|s| s.capabilities().rates_targets) {
        let oracle = QueryOracle::new(&flat, Ties::hashed(Seed::new(1)), 10_000);
        let mut case = case(goal(&[4, 11, 20], Objective::Promote), budget(6, 7), &items, &data);
        case.known.victim = match spec.attack().needs().victim {
            Grant::Recipe => VictimAccess::Recipe(&victim),
            _ => VictimAccess::Queries(&oracle),
        };
        let poisoned = poison(spec.attack(), &data, &case, &Ctx::new(Seed::new(seed))).unwrap();
        with(spec.card().name, &data, poisoned);
    }
}

/// Peers keep only fake ratings above 4 when they train an implicit victim, so that profiles shrink
/// to the target and a few fives.
#[test]
fn bug_8_low_rated_fillers_survive_for_an_implicit_victim() {
    let mut low = 0;
    each_poisoned(1, |name, data, poisoned| {
        let implicit = poisoned.train.binarize();
        assert_eq!(implicit.n_users(), data.n_users() + 6);
        for (v, profile) in poisoned.fakes.profiles.iter().enumerate() {
            let row = implicit.row(UserId(poisoned.first_fake.0 + v as u32));
            assert_eq!(row.len(), profile.entries.len(), "{name} lost fillers");
            assert!(profile.entries.iter().all(|e| row.contains(e.0)));
            low += profile.entries.iter().filter(|e| e.1 <= 4.0).count();
        }
    });
    assert!(low > 60, "only {low} ratings of at most 4 were at stake");
}

/// Peers compute the "std" of an item with `mean()`.
#[test]
fn bug_9_average_attack_uses_a_standard_deviation() {
    // Item 0: ratings 40 and 60 in equal shares, mean 50, standard deviation 10. Item 1 is the target.
    let n = 200;
    let data = Interactions::from_triples(
        n,
        2,
        Triples {
            users: (0..n as u32).collect(),
            items: vec![0; n],
            ratings: Some((0..n).map(|u| if u % 2 == 0 { 40.0 } else { 60.0 }).collect()),
            times: None,
        },
        Some(RatingScale::new(0.0, 100.0, 0.01).unwrap()),
    )
    .unwrap();
    let items = ItemStats::of(&data);
    let case = case(goal(&[1], Objective::Promote), budget(4000, 1), &items, &data);
    let poisoned = poison(&AverageAttack::default(), &data, &case, &Ctx::new(Seed::new(2))).unwrap();
    let drawn: Vec<f64> = poisoned
        .fakes
        .profiles
        .iter()
        .flat_map(|p| p.entries.iter().filter(|e| e.0 == ItemId(0)).map(|e| f64::from(e.1)))
        .collect();
    let mean = drawn.iter().sum::<f64>() / 4000.0;
    let std = (drawn.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 4000.0).sqrt();
    assert_eq!(drawn.len(), 4000);
    assert!((mean - 50.0).abs() < 1.0 && (std - 10.0).abs() < 0.6, "mean {mean}, standard deviation {std}");
}

/// In one peer a fake user of a heuristic attack has one target, of another attack all of them.
#[test]
fn bug_10_every_fake_user_rates_every_target() {
    each_poisoned(1, |name, _, poisoned| {
        for profile in &poisoned.fakes.profiles {
            for target in [4, 11, 20] {
                let rated = profile.entries.iter().filter(|e| **e == (ItemId(target), 5.0)).count();
                assert_eq!(rated, 1, "{name}: target {target} in {profile:?}");
            }
        }
    });
}

/// One peer's cache of fake profiles forgets the seed. There is no cache here, and nothing else carries over.
#[test]
fn bug_15_another_seed_gives_other_profiles_and_the_first_seed_the_first_ones_again() {
    let run = |seed| {
        let mut all = Vec::new();
        each_poisoned(seed, |_, _, poisoned| all.push(poisoned.fakes));
        all
    };
    let first = run(1);
    assert!(first.iter().zip(run(2)).all(|(a, b)| *a != b));
    assert_eq!(first, run(1));
}

/// Attacks that rate targets refuse what they cannot do rather than do something else.
#[test]
fn attacks_for_ratings_say_so() {
    let needing: Vec<&str> = AttackSpec::all()
        .iter()
        .filter(|s| Attack::needs(s.attack()).ratings)
        .map(|s| s.card().name)
        .collect();
    assert_eq!(needing, ["average", "love-hate"]);
}
