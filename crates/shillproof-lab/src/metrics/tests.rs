use super::*;
use crate::rankings::{Exclude, Exclusion, RankJob, TargetTies};
use proptest::prelude::*;
use shillproof_core::{Audience, Ctx, Interactions, Query, RatingScale, Recommender, Scorer, Seed, Triples};

/// A recommender that is its score table; it predicts ratings if `rates`.
struct Table {
    n_items: usize,
    scores: Vec<f32>,
    rates: bool,
}

impl Scorer for Table {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn score(&self, user: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        out.copy_from_slice(&self.scores[user.index() * self.n_items..][..self.n_items]);
    }
}

impl Recommender for Table {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }

    fn rating(&self, user: UserId, item: ItemId) -> Option<f32> {
        self.rates.then(|| self.scores[user.index() * self.n_items + item.index()])
    }
}

fn table<const N: usize>(rows: &[&[f32; N]]) -> Table {
    Table { n_items: N, scores: rows.iter().copied().flatten().copied().collect(), rates: true }
}

/// Lists only: everybody gets the lowest ids.
struct Lists;

impl Recommender for Lists {
    fn top_k(&self, query: &Query<'_>, out: &mut Vec<(ItemId, f32)>) {
        out.clear();
        let free = (0..4).map(ItemId).filter(|i| query.skip.binary_search(i).is_err());
        out.extend(free.take(query.k).map(|item| (item, -(item.0 as f32))));
    }
}

fn pairs(n_users: usize, n_items: usize, pairs: &[(u32, u32)]) -> Interactions {
    let (users, items) = pairs.iter().copied().unzip();
    Interactions::from_triples(n_users, n_items, Triples { users, items, ..Triples::default() }, None)
        .unwrap()
}

fn ranked(recommender: &dyn Recommender, train: &Interactions, targets: &[u32], k: usize) -> Rankings {
    let targets: Vec<ItemId> = targets.iter().copied().map(ItemId).collect();
    let exclusion = Exclusion::new(Exclude::Train, train, &[]);
    let job = RankJob { targets: &targets, ..RankJob::new(recommender, train.n_users(), exclusion, k) };
    Rankings::compute(&job, &Ctx::new(Seed::new(1))).unwrap()
}

fn tested(recommender: &dyn Recommender, train: &Interactions, test: &Interactions) -> Rankings {
    let exclusion = Exclusion::new(Exclude::Train, train, &[]);
    let job = RankJob { held_out: Some(test), ..RankJob::new(recommender, train.n_users(), exclusion, 2) };
    Rankings::compute(&job, &Ctx::new(Seed::new(1))).unwrap()
}

fn near(got: Option<f64>, expected: f64) {
    assert!(got.is_some_and(|got| (got - expected).abs() < 1e-12), "{got:?} against {expected}");
}

#[test]
fn bug_1_hit_ratio_of_five_targets_reaches_one_not_a_fifth() {
    let scores = table(&[&[9.0, 8.0, 7.0, 6.0, 5.0, 1.0, 0.0]; 3]);
    let rankings = ranked(&scores, &pairs(3, 7, &[]), &[0, 1, 2, 3, 4], 5);
    assert_eq!(hit_ratio_any(&rankings, 1).unwrap().mean(), Some(1.0));
    assert_eq!(hit_ratio_any(&rankings, 5).unwrap().mean(), Some(1.0));
    assert_eq!(hit_ratio(&rankings, ItemId(4), 5).unwrap().mean(), Some(1.0));
    assert_eq!(display_rate_pair(&rankings, &Audience::All, 5).unwrap().mean(), Some(1.0));
    near(display_rate_pair(&rankings, &Audience::All, 1).unwrap().mean(), 0.2);
}

#[test]
fn bug_2_fake_users_are_in_no_mean() {
    // Two genuine users who never see the target and two fakes who do.
    let scores = table(&[&[0.0, 1.0, 2.0], &[0.0, 1.0, 2.0], &[9.0, 0.0, 0.0], &[9.0, 0.0, 0.0]]);
    let rankings = ranked(&scores, &pairs(2, 3, &[]), &[0], 1);
    let hits = hit_ratio(&rankings, ItemId(0), 1).unwrap();
    assert_eq!((hits.mean(), hits.population(), hits.get(UserId(2))), (Some(0.0), 2, None));
    assert_eq!(hit_ratio_any(&rankings, 1).unwrap().population(), 2);
    near(average_predicted_rating(&rankings, ItemId(0)).unwrap(), 0.0);
    let fake = Audience::Users(vec![UserId(0), UserId(2)]);
    let error = display_rate_any(&rankings, &fake, 1).unwrap_err();
    assert_eq!(error, MetricError::Audience { user: UserId(2), n_genuine: 2 });
}

#[test]
fn bug_3_users_with_the_target_are_not_hit_and_stay_in_the_denominator() {
    let scores = table(&[&[9.0, 1.0]; 4]);
    let rankings = ranked(&scores, &pairs(4, 2, &[(0, 0), (2, 1)]), &[0], 1);
    let all = hit_ratio(&rankings, ItemId(0), 1).unwrap();
    assert_eq!((all.mean(), all.population(), all.get(UserId(0))), (Some(0.75), 4, Some(0.0)));
    let eligible = hit_ratio_eligible(&rankings, ItemId(0), 1).unwrap();
    assert_eq!((eligible.mean(), eligible.population(), eligible.get(UserId(0))), (Some(1.0), 3, None));
}

#[test]
fn bug_6_several_targets_keep_their_own_numbers() {
    // Target 2 is first for everybody, target 0 for nobody, target 1 second for one user.
    let scores = table(&[&[0.0, 2.0, 9.0, 1.0], &[0.0, 0.5, 9.0, 1.0], &[0.0, 0.5, 9.0, 1.0]]);
    let rankings = ranked(&scores, &pairs(3, 4, &[]), &[2, 0, 1], 2);
    let mean = |item| hit_ratio(&rankings, ItemId(item), 2).unwrap().mean().unwrap();
    assert_eq!([mean(2), mean(0), mean(1)], [1.0, 0.0, 1.0 / 3.0]);
    assert_eq!(hit_ratio(&rankings, ItemId(3), 2), Err(MetricError::UnknownTarget(ItemId(3))));
    near(display_rate_pair(&rankings, &Audience::All, 2).unwrap().mean(), 4.0 / 9.0);
}

#[test]
fn audiences_restrict_the_population() {
    let scores = table(&[&[9.0, 0.0, 1.0], &[0.0, 9.0, 1.0], &[0.0, 1.0, 9.0]]);
    let rankings = ranked(&scores, &pairs(3, 3, &[]), &[0, 1], 1);
    let audience = Audience::Users(vec![UserId(2), UserId(0), UserId(2)]);
    near(display_rate_any(&rankings, &audience, 1).unwrap().mean(), 0.5);
    near(display_rate_pair(&rankings, &audience, 1).unwrap().mean(), 0.25);
    near(hit_ratio(&rankings, ItemId(1), 1).unwrap().over(&audience).unwrap().mean(), 0.0);
    assert_eq!(display_rate_any(&rankings, &Audience::Users(vec![]), 1).unwrap().mean(), None);
}

#[test]
fn empty_truth_has_the_value_the_page_says() {
    let scores = table(&[&[9.0, 1.0]; 2]);
    let none = ranked(&scores, &pairs(2, 2, &[]), &[], 1);
    assert_eq!(hit_ratio_any(&none, 1).unwrap().mean(), Some(0.0));
    assert_eq!(display_rate_pair(&none, &Audience::All, 1).unwrap().mean(), Some(0.0));
    let everybody = ranked(&scores, &pairs(2, 2, &[(0, 0), (1, 0)]), &[0], 1);
    assert_eq!(hit_ratio(&everybody, ItemId(0), 1).unwrap().mean(), Some(0.0));
    assert_eq!(hit_ratio_eligible(&everybody, ItemId(0), 1).unwrap().mean(), None);
    assert_eq!(rank_shift(&everybody, &everybody, ItemId(0)).unwrap().mean(), None);
    assert_eq!(promoted_targets(&[], &[]), 0);
    assert_eq!(uplift_factor(0.0, 0.5), None);
}

#[test]
fn shifts_are_attacked_against_clean_and_positive_when_promoted() {
    let train = pairs(3, 4, &[(2, 3)]);
    let before = table(&[&[4.0, 3.0, 2.0, 1.0], &[4.0, 3.0, 2.0, 1.0], &[0.0, 1.0, 2.0, 5.0]]);
    let after = table(&[&[4.0, 3.0, 2.0, 5.0], &[4.0, 3.0, 2.0, 2.5], &[0.0, 1.0, 2.0, 9.0]]);
    let (clean, attacked) = (ranked(&before, &train, &[3], 1), ranked(&after, &train, &[3], 1));
    let target = ItemId(3);
    let ranks = rank_shift(&clean, &attacked, target).unwrap();
    // 4 -> 1 and 4 -> 3; user 2 has the target.
    assert_eq!(ranks.iter().collect::<Vec<_>>(), [(UserId(0), 3.0), (UserId(1), 1.0)]);
    let shift = prediction_shift(&clean, &attacked, target).unwrap();
    assert_eq!((shift.population(), shift.get(UserId(2))), (3, Some(4.0)));
    near(shift.mean(), (4.0 + 1.5 + 4.0) / 3.0);
    let average = |r| average_predicted_rating(r, target).unwrap().unwrap();
    near(shift.mean(), average(&attacked) - average(&clean));
    let demoted = prediction_shift(&attacked, &clean, target).unwrap().mean().unwrap();
    assert!((demoted + shift.mean().unwrap()).abs() < 1e-12);
}

#[test]
fn what_a_victim_lacks_is_said() {
    let train = pairs(2, 4, &[(0, 0)]);
    let lists = ranked(&Lists, &train, &[1], 2);
    near(hit_ratio(&lists, ItemId(1), 2).unwrap().mean(), 1.0);
    near(hit_ratio(&lists, ItemId(1), 1).unwrap().mean(), 0.5);
    let deep = hit_ratio(&lists, ItemId(1), 3).unwrap_err();
    assert_eq!(deep, MetricError::Depth { k: 3, depth: 2 });
    assert_eq!(deep.hint().unwrap(), "ask the victim for lists of at least 3");
    let lacks = |result: Result<PerUser, MetricError>| match result {
        Err(MetricError::NotAvailable { metric, .. }) => metric,
        other => panic!("{other:?}"),
    };
    assert_eq!(lacks(rank_shift(&lists, &lists, ItemId(1))), "rank_shift");
    assert_eq!(lacks(prediction_shift(&lists, &lists, ItemId(1))), "prediction_shift");
    let average = average_predicted_rating(&lists, ItemId(1));
    assert!(matches!(average, Err(MetricError::NotAvailable { metric: "average_predicted_rating", .. })));
    assert_eq!(lacks(ndcg(&lists, 1, Protocol::Full)), "accuracy");
    let other = ranked(&table(&[&[1.0; 4]; 3]), &pairs(3, 4, &[]), &[1], 2);
    assert_eq!(rank_shift(&lists, &other, ItemId(1)), Err(MetricError::Unpaired { left: 2, right: 3 }));
}

#[test]
fn accuracy_by_hand() {
    // User 0 holds out items 1 (rank 1) and 3 (rank 3), user 1 item 0 (rank 4), user 2 nothing.
    let scores = table(&[&[9.0, 8.0, 7.0, 6.0, 5.0], &[1.0, 2.0, 3.0, 4.0, 0.0], &[0.0; 5]]);
    let (train, test) = (pairs(3, 5, &[(0, 0)]), pairs(3, 5, &[(0, 1), (0, 3), (1, 0)]));
    let rankings = tested(&scores, &train, &test);
    let full = |metric: fn(&Rankings, usize, Protocol) -> Result<PerUser, MetricError>, k| {
        let values = metric(&rankings, k, Protocol::Full).unwrap();
        assert_eq!(values.population(), 2);
        [values.get(UserId(0)).unwrap(), values.get(UserId(1)).unwrap()]
    };
    assert_eq!(full(accuracy_hit_ratio, 1), [1.0, 0.0]);
    assert_eq!(full(accuracy_hit_ratio, 4), [1.0, 1.0]);
    assert_eq!(full(recall, 2), [0.5, 0.0]);
    assert_eq!(full(recall, 3), [1.0, 0.0]);
    assert_eq!(full(mrr, 3), [1.0, 0.0]);
    assert_eq!(full(mrr, 4), [1.0, 0.25]);
    // Ideal gain at K = 3 of two items: 1 + 1 / log2 3.
    let ideal = 1.0 + 1.0 / 3f64.log2();
    let [first, second] = full(ndcg, 3);
    near(Some(first), 1.5 / ideal);
    near(Some(second), 0.0);
    near(Some(full(ndcg, 4)[1]), 1.0 / 5f64.log2());
    assert_eq!(full(ndcg, 1), [1.0, 0.0]);
    // Held-out interactions are implicit: ratings of 1 against 8, 6 and 1.
    near(rmse(&rankings).ok(), (74.0f64 / 3.0).sqrt());
    near(mae(&rankings).ok(), 4.0);
}

#[test]
fn rating_errors_use_the_ratings_that_were_held_out() {
    let triples =
        Triples { users: vec![0, 0], items: vec![0, 1], ratings: Some(vec![5.0, 2.0]), times: None };
    let stars = RatingScale::new(1.0, 5.0, 1.0).unwrap();
    let test = Interactions::from_triples(1, 2, triples, Some(stars)).unwrap();
    let train = Interactions::empty(1, 2, Some(stars));
    let rankings = tested(&table(&[&[4.0, 4.0]]), &train, &test);
    near(rmse(&rankings).ok(), 2.5f64.sqrt());
    near(mae(&rankings).ok(), 1.5);
    let silent = Table { rates: false, ..table(&[&[4.0, 4.0]]) };
    assert!(matches!(
        rmse(&tested(&silent, &train, &test)),
        Err(MetricError::NotAvailable { metric: "rmse", .. })
    ));
}

#[test]
fn the_sampled_protocol_needs_sampled_ranks() {
    let scores = table(&[&[3.0, 2.0, 1.0]]);
    let (train, test) = (pairs(1, 3, &[]), pairs(1, 3, &[(0, 1)]));
    let full_only = tested(&scores, &train, &test);
    assert!(accuracy_hit_ratio(&full_only, 1, Protocol::Sampled).is_err());
    let job = RankJob {
        held_out: Some(&test),
        sampled_negatives: Some(99),
        ..RankJob::new(&scores, 1, Exclusion::new(Exclude::Train, &train, &[]), 1)
    };
    let both = Rankings::compute(&job, &Ctx::new(Seed::new(1))).unwrap();
    near(mrr(&both, 3, Protocol::Sampled).unwrap().mean(), 0.5);
    near(accuracy_hit_ratio(&both, 1, Protocol::Sampled).unwrap().mean(), 0.0);
}

#[test]
fn uplifts_are_two_different_numbers() {
    assert_eq!((uplift_factor(0.25, 0.5), uplift_increase(0.25, 0.5)), (Some(2.0), Some(1.0)));
    assert_eq!(promoted_targets(&[0.5, 0.5, 0.5], &[0.6, 0.5, 0.4]), 1);
}

#[test]
fn a_measure_is_a_tidy_row() {
    let row =
        Measure { metric: "hit_ratio".into(), k: Some(10), target: Some("Toy Story".into()), value: 0.25 };
    let json = serde_json::to_string(&row).unwrap();
    assert_eq!(json, r#"{"metric":"hit_ratio","k":10,"target":"Toy Story","value":0.25}"#);
    assert_eq!(serde_json::from_str::<Measure>(&json).unwrap(), row);
    let bare: Measure = serde_json::from_str(r#"{"metric":"rmse","value":1.0}"#).unwrap();
    assert_eq!((bare.k, bare.target), (None, None));
}

proptest! {
    #[test]
    fn bounds_monotone_in_k_and_ties_in_order(
        levels in prop::collection::vec(-2i8..3, 5 * 8),
        seen in prop::collection::btree_set((0u32..5, 0u32..8), 0..20),
        targets in prop::collection::btree_set((0u32..8).prop_map(ItemId), 1..4),
        seed: u64,
    ) {
        let scores = Table { n_items: 8, scores: levels.into_iter().map(f32::from).collect(), rates: true };
        let (seen, held): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(u, i)| (u * 3 + i) % 2 == 0);
        let (train, test) = (pairs(5, 8, &seen), pairs(5, 8, &held));
        let targets: Vec<ItemId> = targets.into_iter().collect();
        let exclusion = Exclusion::new(Exclude::Train, &train, &[]);
        let job = RankJob {
            targets: &targets,
            held_out: Some(&test),
            sampled_negatives: Some(3),
            ..RankJob::new(&scores, 5, exclusion, 3)
        };
        let [low, middle, high] = [TargetTies::Pessimistic, TargetTies::Hashed, TargetTies::Optimistic]
            .map(|target_ties| Rankings::compute(&RankJob { target_ties, ..job }, &Ctx::new(Seed::new(seed))).unwrap());
        let everything = |rankings: &Rankings, k: usize| {
            let target = targets[0];
            let mut values = vec![
                hit_ratio(rankings, target, k).unwrap().mean(),
                hit_ratio_eligible(rankings, target, k).unwrap().mean(),
                hit_ratio_any(rankings, k).unwrap().mean(),
                display_rate_pair(rankings, &Audience::All, k).unwrap().mean(),
            ];
            for protocol in [Protocol::Full, Protocol::Sampled] {
                for metric in [accuracy_hit_ratio, recall, mrr] {
                    values.push(metric(rankings, k, protocol).ok().and_then(|v| v.mean()));
                }
            }
            values
        };
        let mut last = everything(&middle, 0);
        for value in last.iter().flatten() {
            prop_assert_eq!(*value, 0.0);
        }
        for k in 1..=8 {
            let now = everything(&middle, k);
            for (before, value) in last.iter().zip(&now) {
                prop_assert_eq!(before.is_some(), value.is_some());
                if let (Some(before), Some(value)) = (before, value) {
                    prop_assert!(before <= value && *value <= 1.0);
                }
            }
            // Several targets that tie with each other may change places among themselves.
            let (few, many) = (everything(&low, k), everything(&high, k));
            for at in if targets.len() == 1 { 0..4 } else { 2..4 } {
                prop_assert!(few[at] <= now[at] && now[at] <= many[at]);
            }
            let gain = ndcg(&middle, k, Protocol::Full).ok().and_then(|v| v.mean());
            prop_assert!(gain.is_none_or(|gain| (0.0..=1.0 + 1e-12).contains(&gain)));
            last = now;
        }
        // With every candidate in the list nobody who can be hit is missed.
        prop_assert!(last[1].is_none_or(|eligible| eligible == 1.0));
    }
}

#[test]
fn the_reached_and_the_spared_are_told_apart() {
    // Users 0 and 1 are shown target 3; user 0 has target 2 already, user 2 has nothing.
    let train = pairs(3, 5, &[(0, 0), (0, 1), (0, 2), (1, 0)]);
    let scores = table(&[&[0.0, 0.0, 0.0, 5.0, 1.0], &[0.0, 0.0, 1.0, 5.0, 2.0], &[9.0, 8.0, 1.0, 2.0, 0.0]]);
    let rankings = ranked(&scores, &train, &[2, 3], 2);
    let found = reached(&rankings, &Audience::All, &train, 2).unwrap();
    let of =
        |name: &str, reached: bool| found.iter().find(|c| c.name == name && c.reached == reached).unwrap();
    near(of("items", true).mean, 2.0);
    near(of("items", true).std, 1.0);
    // Item 0 has two users, items 1 and 2 one each.
    near(of("popularity", true).mean, f64::midpoint(4.0 / 3.0, 2.0));
    near(of("targets", true).mean, 0.5);
    near(of("items", false).mean, 0.0);
    assert_eq!(of("popularity", false).mean, None, "of nobody with items");
    let spared = reached(&rankings, &Audience::Users(vec![UserId(0)]), &train, 2).unwrap();
    assert!(spared.iter().all(|c| c.reached == c.mean.is_some()), "one user, who is reached");
}
