//! What every victim must keep. One call of [`check`] an entry of the catalogue.

use std::sync::atomic::AtomicBool;

use shillproof_core::{
    Ctx, FakeProfiles, Feedback, FitError, FitJob, Interactions, ItemId, Profile, Recommender, Seed, Triples,
    UserId, Victim,
};

use crate::fixtures::{Checkerboard, Planted};

/// What holds for some victims only.
#[derive(Clone, Copy, Debug)]
pub struct Expect {
    /// Lists depend on the user: the victim can learn the checkerboard.
    pub personal: bool,
    /// Permuting users permutes scores, up to this share of a score (0: to the last bit): no randomness is tied to a user.
    pub equivariant: Option<f32>,
}

const BOARD: Checkerboard = Checkerboard { users: 48, items: 24 };

/// Panics with a message when the victim breaks the contract.
pub fn check(victim: &dyn Victim, expect: Expect) {
    let feedback = victim.feedback();
    let planted = Planted { users: 60, items: 45, clusters: 3, per_user: 9, affinity: 0.8 };
    let (board, clusters) = match feedback {
        Feedback::Explicit => (BOARD.explicit(), planted.explicit(Seed::new(5))),
        _ => (BOARD.implicit(), planted.implicit(Seed::new(5))),
    };
    if expect.personal {
        learns_the_checkerboard(victim, &board);
    }
    keeps_genuine_ids_when_fakes_are_appended(victim, &board, expect);
    gives_the_same_bits_whatever_the_threads(victim, &clusters);
    survives_empty_rows_and_unknown_items(victim, &clusters);
    weighs_users(victim, &clusters);
    stops_when_asked(victim, &clusters);
    if let Some(tolerance) = expect.equivariant {
        permutes_with_its_users(victim, &clusters, tolerance);
    }
    match feedback {
        Feedback::Explicit => {
            refuses_data_without_ratings(victim, &clusters);
            predicts_ratings(victim, &board);
        }
        Feedback::Implicit => learns_from_positive_ratings_alone(victim, &planted.explicit(Seed::new(5))),
        Feedback::Either => uses_ratings_where_there_are_any(victim, &planted.explicit(Seed::new(5))),
    }
    refuses_empty_data(victim, &clusters);
}

fn ctx() -> Ctx<'static> {
    Ctx::new(Seed::new(11).child("victim"))
}

fn fit(victim: &dyn Victim, train: &Interactions) -> Box<dyn Recommender> {
    fit_job(victim, &FitJob::new(train))
}

fn fit_job(victim: &dyn Victim, job: &FitJob<'_>) -> Box<dyn Recommender> {
    victim.fit(job, &ctx()).unwrap_or_else(|error| panic!("failed to fit: {error}"))
}

/// All score rows, after a check that blocks agree with rows and that everything is finite.
fn scores(model: &dyn Recommender, data: &Interactions) -> Vec<Vec<f32>> {
    let scorer = model.scorer().expect("a victim of the catalogue scores every item");
    let n = data.n_items();
    assert_eq!(scorer.n_items(), n, "the scorer has other items than the data");
    let users: Vec<UserId> = data.users().collect();
    let mut block = vec![f32::NAN; n * users.len()];
    scorer.score_block(&users, &mut block);
    let rows: Vec<Vec<f32>> = users
        .iter()
        .map(|&user| {
            let mut row = vec![f32::NAN; n];
            scorer.score(user, None, &mut row);
            row
        })
        .collect();
    for (user, (row, blocked)) in rows.iter().zip(block.chunks_exact(n)).enumerate() {
        assert!(row.iter().all(|s| s.is_finite()), "user {user} has a score that is not finite");
        assert_eq!(row, blocked, "score_block differs from score for user {user}");
    }
    // A block that is not a prefix, with a repeated user.
    let some = [users[users.len() - 1], users[0], users[users.len() - 1]];
    let mut block = vec![f32::NAN; n * some.len()];
    scorer.score_block(&some, &mut block);
    for (user, blocked) in some.iter().zip(block.chunks_exact(n)) {
        assert_eq!(rows[user.index()], blocked, "score_block depends on which users it is given");
    }
    rows
}

fn board_hits(model: &dyn Recommender, board: &Interactions) -> usize {
    let rows = scores(model, board);
    (0..BOARD.users as u32)
        .map(UserId)
        .filter(|&u| {
            let row = &rows[u.index()];
            row[BOARD.held_out(u).index()] > row[BOARD.mismatch(u).index()]
        })
        .count()
}

fn learns_the_checkerboard(victim: &dyn Victim, board: &Interactions) {
    let hits = board_hits(&*fit(victim, board), board);
    let users = BOARD.users;
    assert!(hits * 100 >= users * 95, "only {hits} of {users} users prefer the item of their color");
}

fn keeps_genuine_ids_when_fakes_are_appended(victim: &dyn Victim, board: &Interactions, expect: Expect) {
    let profile = Profile { entries: vec![(ItemId(0), 1.0), (ItemId(3), 1.0)] };
    let fakes = FakeProfiles { profiles: vec![profile; 3], ordered: false, queries: 0 };
    let poisoned = board.append(&fakes).expect("the profiles are valid");
    let model = fit(victim, &poisoned);
    assert_eq!(scores(&*model, &poisoned).len(), BOARD.users + 3);
    if expect.personal {
        let hits = board_hits(&*model, &poisoned);
        assert!(hits * 100 >= BOARD.users * 90, "with fakes only {hits} of {} users are served", BOARD.users);
    }
}

fn gives_the_same_bits_whatever_the_threads(victim: &dyn Victim, data: &Interactions) {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        pool.install(|| scores(&*fit(victim, data), data))
    };
    let one = with(1);
    assert_eq!(one, with(1), "the same seed gives other scores");
    assert_eq!(one, with(3), "three threads give other scores than one");
}

fn survives_empty_rows_and_unknown_items(victim: &dyn Victim, data: &Interactions) {
    let sparse = data.filter(|user, _, item| user.0 % 7 != 0 && item.0 % 5 != 0);
    assert!(sparse.rows().any(|r| r.is_empty()) && sparse.item_counts().contains(&0));
    scores(&*fit(victim, &sparse), &sparse);
    let lonely = data.filter(|user, at, _| user.0 == 3 && at == 0);
    scores(&*fit(victim, &lonely), &lonely);
}

fn weighs_users(victim: &dyn Victim, data: &Interactions) {
    let weighted = |data: &Interactions, weights: &[f32]| {
        let job = FitJob { user_weight: Some(weights), ..FitJob::new(data) };
        scores(&*fit_job(victim, &job), data)
    };
    let n = data.n_users();
    let plain = scores(&*fit(victim, data), data);
    assert_eq!(plain, weighted(data, &vec![1.0; n]), "weights of one change the scores");

    let silenced = |u: usize| u.is_multiple_of(4);
    let zeros: Vec<f32> = (0..n).map(|u| if silenced(u) { 0.0 } else { 1.0 }).collect();
    let absent = data.filter(|user, _, _| !silenced(user.index()));
    let (with, without) = (weighted(data, &zeros), weighted(&absent, &zeros));
    for u in (0..n).filter(|&u| !silenced(u)) {
        for (a, b) in with[u].iter().zip(&without[u]) {
            // Sums may be taken in another order.
            let near = (a - b).abs() <= 1e-4 * (1.0 + b.abs());
            assert!(near, "what a user of weight zero has matters to user {u}: {a} against {b}");
        }
    }
    let heavy: Vec<f32> = (0..n).map(|u| if silenced(u) { 3.0 } else { 1.0 }).collect();
    assert_ne!(plain, weighted(data, &heavy), "weights are not used");

    for bad in [vec![1.0; n - 1], vec![f32::NAN; n], vec![-1.0; n]] {
        let job = FitJob { user_weight: Some(&bad), ..FitJob::new(data) };
        let refused = victim.fit(&job, &ctx());
        assert!(
            matches!(refused, Err(FitError::Parameter { name: "user_weight", .. })),
            "weights of wrong length or sign were taken"
        );
    }
}

fn stops_when_asked(victim: &dyn Victim, data: &Interactions) {
    let cancel = AtomicBool::new(true);
    let ctx = Ctx { cancel: &cancel, ..Ctx::new(Seed::new(1)) };
    assert!(
        matches!(victim.fit(&FitJob::new(data), &ctx), Err(FitError::Cancelled(_))),
        "a request to stop was not heard"
    );
}

fn permutes_with_its_users(victim: &dyn Victim, data: &Interactions, tolerance: f32) {
    let n = data.n_users();
    // 7 is prime to 60, so this is a permutation.
    let moved = |u: usize| (7 * u + 3) % n;
    let mut cells: Triples = data.to_triples();
    for user in &mut cells.users {
        *user = moved(*user as usize) as u32;
    }
    let permuted = Interactions::from_triples(n, data.n_items(), cells, data.scale()).expect("a permutation");
    let (before, after) = (scores(&*fit(victim, data), data), scores(&*fit(victim, &permuted), &permuted));
    for (u, row) in before.iter().enumerate() {
        for (a, b) in row.iter().zip(&after[moved(u)]) {
            let near = (a - b).abs() <= tolerance * (1.0 + b.abs());
            assert!(near, "user {u} has other scores under another number: {a} against {b}");
        }
    }
}

fn refuses_data_without_ratings(victim: &dyn Victim, data: &Interactions) {
    let refused = victim.fit(&FitJob::new(&data.binarize()), &ctx());
    assert!(matches!(refused, Err(FitError::NeedsRatings)), "data without ratings was taken");
}

fn predicts_ratings(victim: &dyn Victim, board: &Interactions) {
    let model = fit(victim, board);
    let mean = |item: fn(Checkerboard, UserId) -> ItemId| {
        let users = (0..BOARD.users as u32).map(UserId);
        let ratings =
            users.map(|u| model.rating(u, item(BOARD, u)).expect("a rating victim predicts ratings"));
        ratings.sum::<f32>() / BOARD.users as f32
    };
    let (high, low) = (mean(Checkerboard::held_out), mean(Checkerboard::mismatch));
    assert!(high > 3.0 && low < 3.0, "predicted {high} for a 5 and {low} for a 1");
}

fn learns_from_positive_ratings_alone(victim: &dyn Victim, explicit: &Interactions) {
    let rated = scores(&*fit(victim, explicit), explicit);
    assert_eq!(rated, scores(&*fit(victim, &explicit.binarize()), explicit), "rating values were used");
}

fn uses_ratings_where_there_are_any(victim: &dyn Victim, explicit: &Interactions) {
    let rated = scores(&*fit(victim, explicit), explicit);
    assert_ne!(rated, scores(&*fit(victim, &explicit.binarize()), explicit), "rating values were not used");
}

fn refuses_empty_data(victim: &dyn Victim, data: &Interactions) {
    let empty = Interactions::empty(3, 4, data.scale());
    assert!(matches!(victim.fit(&FitJob::new(&empty), &ctx()), Err(FitError::Empty)), "empty data was taken");
}
