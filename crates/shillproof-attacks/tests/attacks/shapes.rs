//! What the profiles of each attack look like, on data small enough to say by hand.

use shillproof_attacks::{
    Affinity, AopAttack, BandwagonAttack, LoveHateAttack, PopularAttack, Popularity, PowerUserAttack,
    ProbeAttack, RandomAttack, SegmentAttack, SelectedRatings, UniformAttack, Variant,
};
use shillproof_core::{
    Attack, AttackError, Audience, Budget, Ctx, FakeProfiles, Fraction, Goal, Interactions, ItemId,
    ItemStats, Knowledge, Objective, OracleError, QueryOracle, RatingScale, Recommender, Scorer, Seed, Ties,
    Triples, UserId, VictimAccess,
};

use crate::{budget, goal};

fn data(rows: &[&[(u32, f32)]], n_items: usize) -> Interactions {
    let cells = || rows.iter().enumerate().flat_map(|(u, row)| row.iter().map(move |e| (u as u32, *e)));
    let triples = Triples {
        users: cells().map(|c| c.0).collect(),
        items: cells().map(|c| c.1.0).collect(),
        ratings: Some(cells().map(|c| c.1.1).collect()),
        times: None,
    };
    let stars = RatingScale::new(1.0, 5.0, 1.0).unwrap();
    Interactions::from_triples(rows.len(), n_items, triples, Some(stars)).unwrap()
}

/// Item `i` of 20 has `20 - i` ratings by 20 users: item 0 is the most popular. Items 0 to 9 are rated 2, the others 4.
fn stairs() -> Interactions {
    let rows: Vec<Vec<(u32, f32)>> =
        (0..20u32).map(|u| (0..20 - u).map(|i| (i, if i < 10 { 2.0 } else { 4.0 })).collect()).collect();
    data(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), 20)
}

fn try_craft(
    attack: &dyn Attack,
    data: &Interactions,
    goal: &Goal,
    budget: Budget,
    victim: VictimAccess<'_>,
) -> Result<FakeProfiles, AttackError> {
    let items = ItemStats::of(data);
    let known = Knowledge { items: &items, sample: Some(data), victim };
    attack.craft(goal, &budget, &known, &Ctx::new(Seed::new(4)))
}

fn craft(attack: &dyn Attack, data: &Interactions, goal: &Goal, budget: Budget) -> Vec<Vec<(u32, f32)>> {
    let fakes = try_craft(attack, data, goal, budget, VictimAccess::Hidden).unwrap();
    fakes.profiles.iter().map(|p| p.entries.iter().map(|e| (e.0.0, e.1)).collect()).collect()
}

fn fraction(value: f64) -> Fraction {
    Fraction::new(value).unwrap()
}

#[test]
fn bandwagon_takes_its_share_from_the_most_popular_items() {
    let popular = |attack: &BandwagonAttack| {
        let all = craft(attack, &stairs(), &goal(&[1, 15], Objective::Promote), budget(300, 10));
        assert!(all.iter().all(|p| p.len() == 12));
        all
    };
    // A pool of 4 of 20 items, less target 1: items 0, 2, 3. Three tenths of ten fillers come from there.
    let attack = BandwagonAttack {
        popular_fraction: fraction(0.2),
        selected_fraction: fraction(0.3),
        ..Default::default()
    };
    for profile in popular(&attack) {
        assert!([0, 2, 3].iter().all(|i| profile.iter().any(|e| e.0 == *i)), "{profile:?}");
    }
    let highest = BandwagonAttack { selected_ratings: SelectedRatings::Highest, ..attack.clone() };
    for profile in popular(&highest) {
        assert!(profile.iter().filter(|e| e.0 < 4).all(|e| e.1 == 5.0), "{profile:?}");
    }
    // By mean rating the best are 10 to 19, of which those with at least 5 ratings are 10 to 15; four make the pool.
    let by_mean = BandwagonAttack { popularity: Popularity::MeanRating, ..attack };
    for profile in popular(&by_mean) {
        assert!((10..14).filter(|i| profile.iter().any(|e| e.0 == *i)).count() >= 3, "{profile:?}");
    }
}

#[test]
fn popular_sequences_alternate_and_favor_counts() {
    let attack = PopularAttack {
        variant: Variant::Alternating,
        popular_fraction: fraction(0.5),
        ..Default::default()
    };
    let goal = goal(&[18, 3], Objective::Promote);
    let fakes = try_craft(&attack, &stairs(), &goal, budget(2000, 4), VictimAccess::Hidden).unwrap();
    assert!(fakes.ordered);
    let mut first = [0; 20];
    for profile in &fakes.profiles {
        let items: Vec<u32> = profile.entries.iter().map(|e| e.0.0).collect();
        assert_eq!((items[1], items[3], items.len()), (18, 3, 6));
        assert!([0, 2, 4, 5].iter().all(|&at| items[at] < 10 && items[at] != 3), "{items:?}");
        first[items[0] as usize] += 1;
    }
    // Item 0 has 20 of the 123 interactions of the pool without item 3, item 9 has 11: 293 and 161 of 2,000 expected
    // (standard deviations 16 and 12).
    let total: f64 = (0..10).filter(|i| *i != 3).map(|i| f64::from(20 - i)).sum();
    for (item, count) in [(0, 20.0), (9, 11.0)] {
        let expected = 2000.0 * count / total;
        assert!(
            (f64::from(first[item]) - expected).abs() < 65.0,
            "item {item}: {first:?}, expected {expected}"
        );
    }
    let greedy = try_craft(&attack, &stairs(), &goal, budget(1, 10), VictimAccess::Hidden);
    assert!(matches!(greedy, Err(AttackError::TooFewItems { needed: 10, available: 9 })));
}

#[test]
fn aop_draws_every_filler_from_the_popular_items_at_their_own_ratings() {
    let attack = AopAttack { popular_fraction: fraction(0.4), ..Default::default() };
    for profile in craft(&attack, &stairs(), &goal(&[19], Objective::Demote), budget(50, 6)) {
        assert!(profile[1..].iter().all(|e| e.0 < 8), "{profile:?}");
        assert_eq!(profile[0], (19, 1.0));
    }
}

#[test]
fn love_hate_uses_the_two_ends_only() {
    for (objective, ends) in [(Objective::Demote, (1.0, 5.0)), (Objective::Promote, (5.0, 1.0))] {
        for profile in craft(&LoveHateAttack::default(), &stairs(), &goal(&[3], objective), budget(5, 6)) {
            assert_eq!(profile[0], (3, ends.0));
            assert!(profile[1..].iter().all(|e| e.1 == ends.1) && profile.len() == 7);
        }
    }
}

#[test]
fn uniform_uses_every_level_alike_and_counts_targets_among_its_items() {
    let profiles =
        craft(&UniformAttack::default(), &stairs(), &goal(&[3], Objective::Promote), budget(1000, 10));
    let mut levels = [0; 6];
    for profile in &profiles {
        assert_eq!(profile.len(), 10);
        for e in profile {
            levels[e.1 as usize] += 1;
        }
    }
    // 10,000 ratings: 2,000 each, standard deviation 40. The target is in half of the profiles.
    assert!(levels[1..].iter().all(|n: &i32| n.abs_diff(2000) < 200), "{levels:?}");
    let hit = profiles.iter().filter(|p| p.iter().any(|e| e.0 == 3)).count();
    assert!(hit.abs_diff(500) < 80, "{hit}");
    let forced = UniformAttack { force_targets: true };
    let implicit = stairs().binarize();
    let demote =
        try_craft(&forced, &implicit, &goal(&[3], Objective::Demote), budget(1, 2), VictimAccess::Hidden);
    assert!(matches!(demote, Err(AttackError::Objective { .. })));
}

#[test]
fn a_segment_is_what_the_audience_likes() {
    // Users 0 to 2 have target 0 and like 1 and 2; item 5 is liked by all, item 4 is disliked by the audience.
    let data = data(
        &[
            &[(0, 3.0), (1, 5.0), (2, 4.0), (4, 1.0), (5, 4.0)],
            &[(0, 2.0), (1, 5.0), (2, 4.0), (4, 1.0)],
            &[(0, 3.0), (1, 4.0), (4, 1.0), (5, 5.0)],
            &[(3, 5.0), (5, 5.0), (6, 1.0)],
            &[(3, 5.0), (5, 5.0), (6, 1.0)],
            &[(3, 5.0), (5, 5.0), (6, 1.0)],
        ],
        9,
    );
    let segment = |affinity, audience| {
        let attack = SegmentAttack { segment_size: 3, affinity };
        let goal = Goal { audience, ..goal(&[0], Objective::Promote) };
        let profiles = craft(&attack, &data, &goal, budget(4, 5));
        for profile in &profiles {
            assert_eq!((profile[0], profile.len()), ((0, 5.0), 6));
            assert!(profile[4..].iter().all(|e| e.1 == 1.0));
            assert_eq!(profile[1..4], profiles[0][1..4]);
        }
        profiles[0][1..4]
            .iter()
            .map(|e| {
                assert_eq!(e.1, 5.0);
                e.0
            })
            .collect::<Vec<_>>()
    };
    // Liked by 3, 2 and 2 of the audience; of the last two item 5 is more popular.
    assert_eq!(segment(Affinity::Count, Audience::All), [1, 5, 2]);
    // 3/√3, 2/√2, 2/√5.
    assert_eq!(segment(Affinity::Cosine, Audience::All), [1, 2, 5]);
    let named = segment(Affinity::Count, Audience::Users(vec![UserId(4), UserId(5)]));
    // Nobody of these likes a third item: any of the three most popular ones that are left.
    assert!(named[..2] == [5, 3] && [1, 4, 6].contains(&named[2]), "{named:?}");
    // A small profile has a small segment and no fillers.
    let small = craft(&SegmentAttack::default(), &data, &goal(&[0], Objective::Demote), budget(1, 2));
    assert_eq!(small, [[(0, 1.0), (1, 5.0), (5, 5.0)]]);
}

#[test]
fn power_users_are_copied_in_the_order_of_their_influence() {
    let attack = PowerUserAttack::default();
    // User u of the stairs has the items below 20 - u.
    let profiles = craft(&attack, &stairs(), &goal(&[2], Objective::Promote), budget(22, 19));
    for (v, profile) in profiles[..20].iter().enumerate() {
        let mut copied = profile[1..].to_vec();
        copied.sort_by_key(|e| e.0);
        let own = stairs();
        let row = own.row(UserId(v as u32)).iter().filter(|e| e.0 != ItemId(2));
        assert_eq!(copied, row.map(|e| (e.0.0, e.1)).collect::<Vec<_>>(), "copy of user {v}");
        assert_eq!(profile[0], (2, 5.0));
    }
    assert_eq!(profiles[20..], profiles[..2]);
    let short = craft(&attack, &stairs(), &goal(&[2], Objective::Promote), budget(1, 4));
    assert_eq!(short[0].len(), 5);
    let nobody = Interactions::empty(3, 5, stairs().scale());
    let none =
        try_craft(&attack, &nobody, &goal(&[2], Objective::Promote), budget(1, 2), VictimAccess::Hidden);
    assert!(matches!(none, Err(AttackError::TooFewItems { needed: 2, available: 0 })));
    let bad = PowerUserAttack { neighbors: 0, ..attack };
    let bad = try_craft(&bad, &stairs(), &goal(&[2], Objective::Promote), budget(1, 2), VictimAccess::Hidden);
    assert!(matches!(bad, Err(AttackError::Parameter { name: "neighbors", .. })));
}

#[test]
fn demoting_without_ratings_pushes_what_shares_rows_with_the_target() {
    let implicit = data(
        &[
            &[(0, 1.0), (3, 1.0), (5, 1.0)],
            &[(0, 1.0), (3, 1.0)],
            &[(0, 1.0), (7, 1.0)],
            &[(1, 1.0), (2, 1.0)],
        ],
        9,
    )
    .binarize();
    let attack = RandomAttack { competitors: 1, ..RandomAttack::default() };
    let profiles = craft(&attack, &implicit, &goal(&[0], Objective::Demote), budget(20, 4));
    for profile in &profiles {
        assert!(
            profile[0] == (3, 1.0) && profile.len() == 4 && profile.iter().all(|e| e.0 != 0),
            "{profile:?}"
        );
    }
    // Competitors take half of a profile at most.
    let many = craft(
        &RandomAttack { competitors: 10, ..RandomAttack::default() },
        &implicit,
        &goal(&[0], Objective::Demote),
        budget(20, 4),
    );
    assert!(many.iter().all(|p| p[0].0 == 3 && p.len() == 4));
    assert!(many.iter().any(|p| p[2..] != many[0][2..]));
}

/// Recommends the highest ids first, whoever asks.
struct Descending(usize);

impl Recommender for Descending {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl Scorer for Descending {
    fn n_items(&self) -> usize {
        self.0
    }

    fn score(&self, _: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        out.iter_mut().enumerate().for_each(|(i, s)| *s = i as f32);
    }
}

#[test]
fn probe_takes_what_the_victim_recommends_and_counts_its_queries() {
    let data = data(&[&[(0, 3.0), (29, 3.0)], &[(0, 3.0), (29, 3.0)], &[(1, 2.0), (29, 3.0)]], 30);
    let attack =
        ProbeAttack { seed_items: 1, popular_fraction: fraction(0.1), list_length: 4, ..Default::default() };
    let goal = goal(&[27], Objective::Promote);
    let victim = Descending(30);
    let run = |queries| {
        let oracle = QueryOracle::new(&victim, Ties::hashed(Seed::new(1)), queries);
        let made = try_craft(&attack, &data, &goal, budget(3, 8), VictimAccess::Queries(&oracle));
        (made, oracle.used())
    };
    let (fakes, used) = run(6);
    // Eight fillers of which one is a seed item: two lists a fake user, the second one of three items.
    assert_eq!(used, 6);
    for profile in fakes.unwrap().profiles {
        let items: Vec<u32> = profile.entries.iter().map(|e| e.0.0).collect();
        // Seeds come from items 29, 0, 1. Account's own items, the target and earlier fillers are skipped.
        assert_eq!(items[0], 27);
        assert!([29, 0, 1].contains(&items[1]));
        let mut expected = (0..27).rev().chain([28]).collect::<Vec<u32>>();
        expected.rotate_right(1);
        assert_eq!(items[2..], expected[..7]);
    }
    let (short, used) = run(5);
    assert!(matches!(short, Err(AttackError::Oracle(OracleError::Exhausted { budget: 5 }))));
    assert_eq!(used, 5);
    let zero = ProbeAttack { list_length: 0, ..attack.clone() };
    let zero = try_craft(&zero, &data, &goal, budget(1, 2), VictimAccess::Hidden);
    assert!(matches!(zero, Err(AttackError::Parameter { name: "list_length", .. })));
}
