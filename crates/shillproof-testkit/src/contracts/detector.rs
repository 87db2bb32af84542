//! What every detector and every defense owes.

use std::sync::atomic::AtomicBool;

use rand::RngExt;
use shillproof_core::{
    Ctx, Defense, DefenseJob, DetectError, Detector, FakeProfiles, FitJob, FittedDetector, Interactions,
    ItemId, LabelledProfiles, Profile, Seed, Suspicion, Triples, UserId, Victim,
};

use crate::fixtures::Planted;

/// What a detector says about itself.
#[derive(Clone, Copy, Debug)]
pub struct Expect {
    /// Whether it needs rating values.
    pub needs_ratings: bool,
    /// Whether it is chance, which neither beats chance nor looks at rows.
    pub is_chance: bool,
    /// The fake users that it must find.
    pub obvious: Obvious,
}

/// Fake users whom the right detector cannot overlook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obvious {
    /// Long profiles, all of nearly the same random items, rated alike.
    Copies,
    /// Profiles of usual length whose items are drawn one by one.
    Noise,
}

const FAKES: usize = 12;
const ITEMS: usize = 300;

fn genuine(explicit: bool, seed: u64) -> Interactions {
    let planted = Planted { users: 240, items: ITEMS, clusters: 3, per_user: 25, affinity: 0.9 };
    if explicit { planted.explicit(Seed::new(seed)) } else { planted.implicit(Seed::new(seed)) }
}

/// Fake users of this kind, with one target.
fn fakes(kind: Obvious, explicit: bool, seed: u64) -> FakeProfiles {
    let mut rng = Seed::new(seed).child("obvious").rng();
    let target = ItemId(rng.random_range(0..ITEMS as u32));
    let (filler, top) = if explicit { (3.0, 5.0) } else { (1.0, 1.0) };
    let mut draw = |share: f64| -> Vec<ItemId> {
        (0..ITEMS as u32).map(ItemId).filter(|&i| i != target && rng.random_bool(share)).collect()
    };
    let shared = draw(0.4);
    let mut one = || {
        let items: Vec<ItemId> = match kind {
            Obvious::Copies => {
                let left_out = draw(0.03);
                shared.iter().copied().filter(|item| !left_out.contains(item)).collect()
            }
            Obvious::Noise => draw(0.08),
        };
        let fillers = items.into_iter().map(|item| (item, filler));
        Profile { entries: fillers.chain([(target, top)]).collect() }
    };
    FakeProfiles { profiles: (0..FAKES).map(|_| one()).collect(), ..FakeProfiles::default() }
}

struct Case<'a> {
    detector: &'a dyn Detector,
    expect: Expect,
    explicit: bool,
}

/// Runs the whole contract.
///
/// # Panics
/// Where the detector breaks it.
pub fn check(detector: &dyn Detector, expect: Expect) {
    for explicit in [true, false] {
        let case = Case { detector, expect, explicit };
        if expect.needs_ratings && !explicit {
            case.refuses_data_without_ratings();
            continue;
        }
        case.gives_every_user_a_finite_score();
        case.depends_on_the_seed_and_the_log_alone();
        case.ignores_the_order_of_rows();
        case.beats_chance_on_an_obvious_attack();
        case.stops_or_ends_when_asked();
    }
    if detector.examples() > 0 {
        let failed = detector.fit(None, &Ctx::new(Seed::new(1)));
        assert!(matches!(failed, Err(DetectError::NeedsExamples { .. })), "it learned from nothing");
    }
}

impl Case<'_> {
    fn fakes(&self, explicit: bool, seed: u64) -> FakeProfiles {
        fakes(self.expect.obvious, explicit, seed)
    }

    fn fit(&self, ctx: &Ctx<'_>) -> Result<Box<dyn FittedDetector>, DetectError> {
        let genuine = genuine(self.expect.needs_ratings || self.explicit, 77);
        let blocks: Vec<FakeProfiles> =
            (0..4).map(|b| self.fakes(self.expect.needs_ratings || self.explicit, 100 + b)).collect();
        let examples = LabelledProfiles { genuine: &genuine, blocks: &blocks };
        self.detector.fit((self.detector.examples() > 0).then_some(&examples), ctx)
    }

    fn inspect(&self, log: &Interactions) -> Suspicion {
        let ctx = Ctx::new(Seed::new(3));
        let fitted = self.fit(&ctx).expect("it can be fitted");
        fitted.inspect(log, &ctx).expect("it can look at this log")
    }

    fn poisoned(&self) -> Interactions {
        genuine(self.explicit, 5).append(&self.fakes(self.explicit, 9)).expect("the profiles fit")
    }

    fn refuses_data_without_ratings(&self) {
        let ctx = Ctx::new(Seed::new(3));
        let found = self.fit(&ctx).expect("it can be fitted").inspect(&self.poisoned(), &ctx);
        assert!(matches!(found, Err(DetectError::NeedsRatings)), "{found:?}");
    }

    fn gives_every_user_a_finite_score(&self) {
        let empty_row = self.poisoned().filter(|user, _, _| user.0 != 7);
        for log in [self.poisoned(), empty_row, Interactions::empty(3, ITEMS, self.poisoned().scale())] {
            let found = self.inspect(&log);
            let n = log.n_users();
            assert_eq!((found.score.len(), found.flagged.len(), found.reason.len()), (n, n, n));
            assert!(found.score.iter().all(|score| score.is_finite()), "{:?}", found.score);
            for (user, row) in log.rows().enumerate() {
                assert!(!(row.is_empty() && found.flagged[user]), "user {user} has nothing and is flagged");
                assert!(found.flagged[user] || found.reason[user].is_none(), "a reason without a flag");
            }
        }
    }

    fn depends_on_the_seed_and_the_log_alone(&self) {
        let log = self.poisoned();
        let first = self.inspect(&log);
        assert_eq!(first, self.inspect(&log), "the same log and seed give other scores");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread");
        assert_eq!(first, pool.install(|| self.inspect(&log)), "the number of threads shows");
    }

    /// Users in another order get their own scores; interactions in another order of time change nothing.
    fn ignores_the_order_of_rows(&self) {
        if self.expect.is_chance {
            return;
        }
        let log = self.poisoned();
        let n = log.n_users() as u32;
        let Triples { users, items, ratings, .. } = log.to_triples();
        let times = (0..users.len() as i64).map(|at| (at * 7919) % 997).collect();
        let turned =
            Triples { users: users.iter().map(|u| n - 1 - u).collect(), items, ratings, times: Some(times) };
        let turned =
            Interactions::from_triples(n as usize, ITEMS, turned, log.scale()).expect("the same cells");
        let (straight, turned) = (self.inspect(&log), self.inspect(&turned));
        for (user, &score) in straight.score.iter().enumerate() {
            let other = turned.score[n as usize - 1 - user];
            assert!((score - other).abs() <= 1e-6 * (1.0 + score.abs()), "user {user}: {score} and {other}");
        }
    }

    fn beats_chance_on_an_obvious_attack(&self) {
        if self.expect.is_chance {
            return;
        }
        let log = self.poisoned();
        let found = self.inspect(&log);
        let (genuine, fake) = found.score.split_at(log.n_users() - FAKES);
        let won: f64 = fake
            .iter()
            .flat_map(|f| {
                genuine.iter().map(move |g| if f > g { 1.0 } else { f64::from(u8::from(f == g)) / 2.0 })
            })
            .sum();
        let auroc = won / (genuine.len() * fake.len()) as f64;
        assert!(auroc > 0.75, "AUROC {auroc} on fake users that nobody could overlook");
    }

    fn stops_or_ends_when_asked(&self) {
        let cancel = AtomicBool::new(true);
        let ctx = Ctx { cancel: &cancel, ..Ctx::new(Seed::new(1)) };
        let found = self.fit(&ctx).and_then(|fitted| fitted.inspect(&self.poisoned(), &ctx).map(drop));
        assert!(matches!(found, Ok(()) | Err(DetectError::Cancelled(_))), "{found:?}");
    }
}

/// A defense keeps its victim useful where nobody attacks, names whom it removed, and obeys its detector.
///
/// # Panics
/// Where the defense breaks it.
pub fn check_defense(defense: &dyn Defense, victim: &dyn Victim) {
    let ctx = Ctx::new(Seed::new(4));
    let genuine = genuine(true, 6);
    let blocks: Vec<FakeProfiles> = (0..4).map(|b| fakes(Obvious::Copies, true, 200 + b)).collect();
    let examples = LabelledProfiles { genuine: &genuine, blocks: &blocks };
    let fitted = defense.detector().map(|d| d.fit(Some(&examples), &ctx).expect("it can be fitted"));
    let job = |log| DefenseJob { fit: FitJob::new(log), log, detector: fitted.as_deref() };

    let clean = defense.fit(victim, &job(&genuine), &ctx).expect("it can be fitted");
    assert!(clean.removed.is_sorted() && clean.removed.len() * 4 < genuine.n_users(), "{:?}", clean.removed);
    let own = |recommender: &dyn shillproof_core::Recommender| {
        let scorer = recommender.scorer().expect("the victim scores items");
        let mut scores = vec![0.0; scorer.n_items()];
        let mut right = 0.0;
        for user in genuine.users().filter(|user| !clean.removed.contains(user)) {
            scorer.score(user, None, &mut scores);
            let best = (0..ITEMS).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).expect("there are items");
            right += f64::from(u8::from(best % 3 == user.index() % 3));
        }
        right / (genuine.n_users() - clean.removed.len()) as f64
    };
    let alone = victim.fit(&FitJob::new(&genuine), &ctx).expect("the victim can be fitted");
    let (with, without) = (own(&*clean.recommender), own(&*alone));
    assert!(with > without - 0.1, "of the users it keeps {with} get what they like, without it {without}");

    let log = genuine.append(&fakes(Obvious::Copies, true, 31)).expect("the profiles fit");
    let guarded = defense.fit(victim, &job(&log), &ctx).expect("it can be fitted");
    if let Some(fitted) = &fitted {
        let flagged = fitted.inspect(&log, &ctx.at(ctx.seed.child("detector"))).expect("it can look").flagged;
        let named: Vec<UserId> = log.users().filter(|user| flagged[user.index()]).collect();
        assert_eq!(guarded.removed, named, "whom it removed is not whom its detector flags");
    }
}
