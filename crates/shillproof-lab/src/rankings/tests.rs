use super::*;
use proptest::prelude::*;
use shillproof_core::{Ctx, Interactions, Query, Recommender, Scorer, Seed, Triples, select_top_k};

/// A recommender that is its score table.
struct Table {
    n_items: usize,
    scores: Vec<f32>,
}

impl Table {
    fn new(rows: &[&[f32]]) -> Self {
        Self { n_items: rows[0].len(), scores: rows.concat() }
    }

    fn row(&self, user: UserId) -> &[f32] {
        &self.scores[user.index() * self.n_items..][..self.n_items]
    }
}

impl Scorer for Table {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn score(&self, user: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        out.copy_from_slice(self.row(user));
    }
}

impl Recommender for Table {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }

    fn rating(&self, user: UserId, item: ItemId) -> Option<f32> {
        Some(self.row(user)[item.index()])
    }
}

/// The same table, known through its lists only.
struct Lists(Table);

impl Recommender for Lists {
    fn top_k(&self, query: &Query<'_>, out: &mut Vec<(ItemId, f32)>) {
        select_top_k(query.user, self.0.row(query.user), query.skip, query.k, query.ties, out);
    }
}

/// A list-only recommender that answers the same whatever it is asked.
struct Fixed(Vec<(ItemId, f32)>);

impl Recommender for Fixed {
    fn top_k(&self, _: &Query<'_>, out: &mut Vec<(ItemId, f32)>) {
        out.clone_from(&self.0);
    }
}

fn pairs(n_users: usize, n_items: usize, pairs: &[(u32, u32)]) -> Interactions {
    let (users, items) = pairs.iter().copied().unzip();
    Interactions::from_triples(n_users, n_items, Triples { users, items, ..Triples::default() }, None)
        .unwrap()
}

fn compute(job: &RankJob<'_>, seed: u64) -> Rankings {
    Rankings::compute(job, &Ctx::new(Seed::new(seed))).unwrap()
}

fn ids(list: impl Iterator<Item = (ItemId, f32)>) -> Vec<u32> {
    list.map(|(item, _)| item.0).collect()
}

const T0: UserId = UserId(0);

/// Ranks what follows the last item of a history: the item after it. Without a history it is the item after the user's own number.
struct Follows;

impl Recommender for Follows {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl Scorer for Follows {
    fn n_items(&self) -> usize {
        6
    }

    fn reads_history(&self) -> bool {
        true
    }

    fn score(&self, user: UserId, history: Option<&[ItemId]>, out: &mut [f32]) {
        let last = history.and_then(|h| h.last()).map_or(user.index(), |item| item.index());
        out.iter_mut().enumerate().for_each(|(i, x)| *x = f32::from(u8::from(i == (last + 1) % 6)));
    }
}

#[test]
fn lists_follow_the_history_that_is_given() {
    let train = pairs(2, 6, &[(0, 0), (1, 3)]);
    let histories = pairs(2, 6, &[(0, 0), (0, 4), (1, 3)]);
    let job =
        RankJob { targets: &[], ..RankJob::new(&Follows, 2, Exclusion::new(Exclude::None, &train, &[]), 1) };
    let first = |job: &RankJob<'_>| {
        let rankings = compute(job, 1);
        rankings.users().map(|user| rankings.list(user).next().unwrap().0).collect::<Vec<_>>()
    };
    assert_eq!(first(&job), [ItemId(1), ItemId(2)]);
    assert_eq!(first(&RankJob { histories: Some(&histories), ..job }), [ItemId(5), ItemId(4)]);
}

#[test]
fn ranks_lists_and_scores_by_hand() {
    let table = Table::new(&[&[5.0, 4.0, 3.0, 2.0, 1.0], &[1.0, 2.0, 3.0, 4.0, 5.0]]);
    let train = pairs(2, 5, &[(0, 0), (1, 2)]);
    let exclusion = Exclusion::new(Exclude::Train, &train, &[]);
    let targets = [ItemId(2), ItemId(0)];
    let rankings = compute(&RankJob { targets: &targets, ..RankJob::new(&table, 2, exclusion, 2) }, 1);
    assert_eq!(ids(rankings.list(T0)), [1, 2]);
    assert_eq!(ids(rankings.list(UserId(1))), [4, 3]);
    assert_eq!([rankings.place(T0, 0), rankings.place(T0, 1)], [Place::Rank(2), Place::Excluded]);
    assert_eq!(
        [rankings.place(UserId(1), 0), rankings.place(UserId(1), 1)],
        [Place::Excluded, Place::Rank(4)]
    );
    assert_eq!([rankings.score(T0, 1), rankings.rating(UserId(1), 0)], [Some(5.0), Some(3.0)]);
    assert!(rankings.owns(T0, 1) && !rankings.owns(T0, 0));
    assert!(rankings.held_out(T0).is_empty());
}

#[test]
fn bug_3_seen_items_are_masked_in_every_mode_as_it_says() {
    let table = Table::new(&[&[4.0, 3.0, 2.0, 1.0]]);
    let (train, test) = (pairs(1, 4, &[(0, 0)]), pairs(1, 4, &[(0, 1)]));
    let parts = [&test];
    let list = |mode| {
        let targets = [ItemId(0), ItemId(1)];
        let job = RankJob {
            targets: &targets,
            held_out: Some(&test),
            ..RankJob::new(&table, 1, Exclusion::new(mode, &train, &parts), 2)
        };
        let rankings = compute(&job, 1);
        let owned = [rankings.owns(T0, 0), rankings.owns(T0, 1)];
        (
            ids(rankings.list(T0)),
            rankings.place(T0, 0),
            rankings.place(T0, 1),
            owned,
            rankings.held_out(T0)[0].place,
        )
    };
    let (first, second) = (Place::Rank(1), Place::Rank(2));
    assert_eq!(list(Exclude::Train), (vec![1, 2], Place::Excluded, first, [true, false], first));
    // The held-out item is no candidate for the list, but for accuracy it is one.
    assert_eq!(list(Exclude::AllRated), (vec![2, 3], Place::Excluded, Place::Excluded, [true, true], first));
    assert_eq!(list(Exclude::None), (vec![0, 1], first, second, [true, false], second));
}

#[test]
fn bug_2_fake_rows_are_never_ranked_and_never_mask() {
    let table = Table::new(&[&[1.0, 2.0], &[2.0, 1.0], &[9.0, 9.0]]);
    let genuine = pairs(2, 2, &[]);
    let job = RankJob::new(&table, 2, Exclusion::new(Exclude::Train, &genuine, &[]), 1);
    let rankings = compute(&job, 1);
    assert_eq!((rankings.n_users(), rankings.users().len()), (2, 2));
    let poisoned = pairs(3, 2, &[(2, 0)]);
    let wrong = RankJob { exclusion: Exclusion::new(Exclude::Train, &poisoned, &[]), ..job };
    let error = Rankings::compute(&wrong, &Ctx::new(Seed::new(1))).unwrap_err();
    assert_eq!(error, RankError::Population { rows: 3, items: 2, n_genuine: 2, n_items: 2 });
    assert!(error.hint().unwrap().contains("genuine data"));
}

#[test]
fn a_score_or_rating_that_is_not_finite_names_user_and_item() {
    let data = pairs(2, 3, &[(1, 2)]);
    let run = |table: &Table| {
        let targets = [ItemId(0)];
        let exclusion = Exclusion::new(Exclude::Train, &data, &[]);
        Rankings::compute(
            &RankJob { targets: &targets, ..RankJob::new(table, 2, exclusion, 1) },
            &Ctx::new(Seed::new(1)),
        )
    };
    // Even where the item is masked.
    let error = run(&Table::new(&[&[0.0; 3], &[0.0, 1.0, f32::INFINITY]])).unwrap_err();
    assert_eq!(error, RankError::NotFinite { user: UserId(1), item: ItemId(2), value: f32::INFINITY });
    assert_eq!(error.to_string(), "user 1 and item 2: the score is inf, expected a finite number");
    assert!(run(&Table::new(&[&[0.0; 3], &[0.0; 3]])).is_ok());
}

#[test]
fn targets_must_be_distinct_items_and_catalogues_agree() {
    let table = Table::new(&[&[0.0; 3]]);
    let (data, other) = (pairs(1, 3, &[]), pairs(1, 4, &[]));
    let run = |targets: &[ItemId], data| {
        let job =
            RankJob { targets, ..RankJob::new(&table, 1, Exclusion::new(Exclude::Train, data, &[]), 1) };
        Rankings::compute(&job, &Ctx::new(Seed::new(1))).unwrap_err()
    };
    assert_eq!(run(&[ItemId(3)], &data), RankError::Target { item: ItemId(3), n_items: 3 });
    assert_eq!(run(&[ItemId(1), ItemId(1)], &data), RankError::Target { item: ItemId(1), n_items: 3 });
    assert_eq!(run(&[], &other), RankError::Catalogue { scored: 3, n_items: 4 });
}

#[test]
fn a_list_that_breaks_the_rules_is_an_error() {
    let data = pairs(1, 4, &[(0, 0)]);
    let run = |list: &[(u32, f32)]| {
        let fixed = Fixed(list.iter().map(|&(item, score)| (ItemId(item), score)).collect());
        let job = RankJob::new(&fixed, 1, Exclusion::new(Exclude::Train, &data, &[]), 2);
        Rankings::compute(&job, &Ctx::new(Seed::new(1))).unwrap_err().to_string()
    };
    assert_eq!(run(&[(0, 1.0)]), "the list of user 0 holds item 0, which the user already has");
    assert_eq!(run(&[(7, 1.0)]), "the list of user 0 holds item 7, which is not in the catalogue");
    assert_eq!(run(&[(1, 1.0), (1, 0.5)]), "the list of user 0 holds item 1, which is there twice");
    assert!(run(&[(1, f32::NAN)]).starts_with("user 0 and item 1: the score is NaN"));
    let long = run(&[(1, 1.0), (2, 1.0), (3, 0.0)]);
    assert_eq!(
        long,
        "the list of user 0 holds item 3, which stands behind the last place that was asked for"
    );
}

#[test]
fn a_list_only_victim_says_beyond_and_has_no_scores_there() {
    let lists = Lists(Table::new(&[&[4.0, 3.0, 2.0, 1.0]]));
    let (train, test) = (pairs(1, 4, &[(0, 0)]), pairs(1, 4, &[(0, 2)]));
    let parts = [&test];
    let targets = [ItemId(0), ItemId(1), ItemId(3)];
    let exclusion = Exclusion::new(Exclude::AllRated, &train, &parts);
    let job = RankJob { targets: &targets, held_out: Some(&test), ..RankJob::new(&lists, 1, exclusion, 1) };
    let rankings = compute(&RankJob { k: 1, ..job }, 1);
    let places: Vec<Place> = (0..3).map(|t| rankings.place(T0, t)).collect();
    assert_eq!(places, [Place::Excluded, Place::Rank(1), Place::Beyond]);
    assert_eq!((rankings.score(T0, 2), rankings.rating(T0, 1), rankings.depth()), (None, None, 1));
    assert_eq!(rankings.held_out(T0)[0].place, Place::Beyond);
    // Held out, so asked for separately: excluded from the list, but a candidate here.
    let deeper = compute(&RankJob { k: 2, ..job }, 1);
    assert_eq!((ids(deeper.list(T0)), deeper.held_out(T0)[0].place), (vec![1, 3], Place::Rank(2)));
}

#[test]
fn lists_longer_than_the_catalogue_hold_every_candidate() {
    let scores = Table::new(&[&[1.0, 2.0, 3.0]]);
    let data = pairs(1, 3, &[(0, 2)]);
    let exclusion = Exclusion::new(Exclude::Train, &data, &[]);
    assert_eq!(ids(compute(&RankJob::new(&scores, 1, exclusion, usize::MAX), 1).list(T0)), [1, 0]);
    let lists = Lists(scores);
    let listed = compute(&RankJob::new(&lists, 1, exclusion, usize::MAX), 1);
    assert_eq!((ids(listed.list(T0)), listed.depth()), (vec![1, 0], usize::MAX));
    let nothing = pairs(2, 0, &[]);
    let empty = Table { n_items: 0, scores: Vec::new() };
    let exclusion = Exclusion::new(Exclude::Train, &nothing, &[]);
    assert_eq!(compute(&RankJob::new(&empty, 2, exclusion, 5), 1).list(UserId(1)).len(), 0);
}

#[test]
fn cancelling_stops() {
    let table = Table::new(&[&[0.0; 3]]);
    let data = pairs(1, 3, &[]);
    let stop = std::sync::atomic::AtomicBool::new(true);
    let ctx = Ctx { cancel: &stop, ..Ctx::new(Seed::new(1)) };
    let job = RankJob::new(&table, 1, Exclusion::new(Exclude::Train, &data, &[]), 1);
    assert!(matches!(Rankings::compute(&job, &ctx), Err(RankError::Cancelled(_))));
}

#[test]
fn sampled_negatives_are_unseen_distinct_and_the_same_for_every_attack() {
    let n_items = 500;
    let (train, test) = (pairs(40, n_items, &[(0, 3), (1, 4)]), {
        let held: Vec<(u32, u32)> = (0..40).map(|u| (u, u + 10)).collect();
        pairs(40, n_items, &held)
    });
    // The held-out item beats exactly the items below it.
    let rising: Vec<f32> = (0..n_items * 40).map(|at| (at % n_items) as f32).collect();
    let table = Table { n_items, scores: rising.clone() };
    let run = |table: &Table, negatives, seed| {
        let exclusion = Exclusion::new(Exclude::Train, &train, &[]);
        let job = RankJob {
            held_out: Some(&test),
            sampled_negatives: Some(negatives),
            ..RankJob::new(table, 40, exclusion, 5)
        };
        let rankings = compute(&job, seed);
        rankings.users().map(|u| rankings.held_out(u)[0].sampled_rank.unwrap()).collect::<Vec<u32>>()
    };
    let ranks = run(&table, 99, 1);
    assert!(ranks.iter().all(|&rank| (1..=100).contains(&rank)));
    assert_eq!(ranks, run(&table, 99, 1));
    assert_ne!(ranks, run(&table, 99, 2));
    // The draw does not look at scores: with all scores turned round, what was ahead is behind.
    let falling = Table { n_items, scores: rising.iter().map(|s| -s).collect() };
    let turned: Vec<u32> = run(&falling, 99, 1).iter().map(|rank| 101 - rank).collect();
    assert_eq!(ranks, turned);
    // More than there are: all candidates, so the sampled rank is the full one.
    assert_eq!(run(&table, 10_000, 1)[0], 500 - 10);
}

/// Scores, genuine data, targets and seed of a small world with many ties.
type World = (Vec<Vec<f32>>, Vec<(u32, u32)>, Vec<ItemId>, u64);

fn world() -> impl Strategy<Value = World> {
    let scores = prop::collection::vec(prop::collection::vec((-2i8..3).prop_map(f32::from), 12), 6);
    let seen =
        prop::collection::btree_set((0u32..6, 0u32..12), 0..30).prop_map(|set| set.into_iter().collect());
    let targets = prop::collection::btree_set((0u32..12).prop_map(ItemId), 1..5)
        .prop_map(|set| set.into_iter().rev().collect());
    (scores, seen, targets, any::<u64>())
}

fn table(rows: &[Vec<f32>]) -> Table {
    Table { n_items: rows[0].len(), scores: rows.concat() }
}

proptest! {
    #[test]
    fn list_based_equals_score_based((rows, seen, targets, seed) in world(), k in 0usize..14, all in any::<bool>()) {
        let (seen, held): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(u, i)| (u + i) % 3 > 0);
        let (train, test) = (pairs(6, 12, &seen), pairs(6, 12, &held));
        let parts = [&test];
        let exclusion = Exclusion::new(if all { Exclude::AllRated } else { Exclude::Train }, &train, &parts);
        let (scored, listed) = (table(&rows), Lists(table(&rows)));
        let job = RankJob { targets: &targets, held_out: Some(&test), ..RankJob::new(&scored, 6, exclusion, k) };
        let (a, b) = (compute(&job, seed), compute(&RankJob { recommender: &listed, ..job }, seed));
        let cut = |place| match place {
            Place::Rank(rank) if rank as usize > k => Place::Beyond,
            other => other,
        };
        for user in a.users() {
            prop_assert_eq!(a.list(user).collect::<Vec<_>>(), b.list(user).collect::<Vec<_>>());
            for t in 0..targets.len() {
                prop_assert_eq!(cut(a.place(user, t)), b.place(user, t));
                prop_assert_eq!(a.owns(user, t), b.owns(user, t));
            }
            for (x, y) in a.held_out(user).iter().zip(b.held_out(user)) {
                prop_assert_eq!((x.item, cut(x.place)), (y.item, y.place));
            }
        }
    }

    #[test]
    fn ranks_are_positions_in_the_whole_list_and_ties_bound_them((rows, seen, targets, seed) in world()) {
        let (table, train) = (table(&rows), pairs(6, 12, &seen));
        let exclusion = Exclusion::new(Exclude::Train, &train, &[]);
        let job = RankJob { targets: &targets, ..RankJob::new(&table, 6, exclusion, 12) };
        let [best, hashed, worst] = [TargetTies::Optimistic, TargetTies::Hashed, TargetTies::Pessimistic]
            .map(|target_ties| compute(&RankJob { target_ties, ..job }, seed));
        for user in hashed.users() {
            for (t, &target) in targets.iter().enumerate() {
                for rankings in [&best, &hashed, &worst] {
                    let at = rankings.list(user).position(|(item, _)| item == target);
                    let expected = at.map_or(Place::Excluded, |at| Place::Rank(at as u32 + 1));
                    prop_assert_eq!(rankings.place(user, t), expected);
                    prop_assert!(rankings.list(user).is_sorted_by(|a, b| a.1 >= b.1));
                }
                if let (Some(low), Some(rank), Some(high)) =
                    (best.place(user, t).rank(), hashed.place(user, t).rank(), worst.place(user, t).rank())
                {
                    // Among tied targets the hash decides in all three, hence the margin.
                    let tied = targets.iter().filter(|&&o| rows[user.index()][o.index()] == rows[user.index()][target.index()]).count() as u32 - 1;
                    prop_assert!(low <= rank + tied && rank <= high + tied);
                    if targets.len() == 1 {
                        prop_assert!(low <= rank && rank <= high);
                    }
                }
            }
            for k in 1..=12 {
                let hits = |r: &Rankings| (0..targets.len()).filter(|&t| r.place(user, t).within(k)).count();
                prop_assert!(hits(&worst) <= hits(&hashed) && hits(&hashed) <= hits(&best));
            }
        }
    }

    #[test]
    fn swapping_users_swaps_results_when_no_scores_tie(seed: u64, turn in 1usize..6) {
        let mut state = Seed::new(seed).rng();
        let rows: Vec<Vec<f32>> =
            (0..6).map(|_| (0..12).map(|_| rand::RngExt::random::<f32>(&mut state)).collect()).collect();
        let seen = [(0u32, 1u32), (1, 1), (2, 5), (5, 0)];
        let targets = [ItemId(1), ItemId(5)];
        let run = |rows: &[Vec<f32>], seen: &[(u32, u32)]| {
            let (table, train) = (table(rows), pairs(6, 12, seen));
            let exclusion = Exclusion::new(Exclude::Train, &train, &[]);
            compute(&RankJob { targets: &targets, ..RankJob::new(&table, 6, exclusion, 4) }, seed)
        };
        let straight = run(&rows, &seen);
        let mut turned = rows.clone();
        turned.rotate_left(turn);
        let moved = |u: u32| (u + 6 - turn as u32) % 6;
        let turned = run(&turned, &seen.map(|(u, i)| (moved(u), i)));
        for user in straight.users() {
            let other = UserId(moved(user.0));
            prop_assert_eq!(straight.list(user).collect::<Vec<_>>(), turned.list(other).collect::<Vec<_>>());
            for t in 0..2 {
                prop_assert_eq!(straight.place(user, t), turned.place(other, t));
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (n, n_items) = (700, 60);
    let scores = (0..n * n_items).map(|at| ((at * 7919) % 13) as f32).collect();
    let table = Table { n_items, scores };
    let held: Vec<(u32, u32)> = (0..n as u32).map(|u| (u, u % 60)).collect();
    let (train, test) = (pairs(n, n_items, &[(3, 7)]), pairs(n, n_items, &held));
    let targets = [ItemId(7), ItemId(31)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let exclusion = Exclusion::new(Exclude::Train, &train, &[]);
            let job = RankJob {
                targets: &targets,
                held_out: Some(&test),
                sampled_negatives: Some(9),
                ..RankJob::new(&table, n, exclusion, 10)
            };
            compute(&job, 5)
        })
    };
    let one = run(1);
    assert_eq!(one, run(4));
    assert_eq!(one.list(UserId(699)).len(), 10);
}
