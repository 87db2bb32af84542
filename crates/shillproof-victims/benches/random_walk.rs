//! Scores of all users by random walks, on generated data of two sizes.

use divan::Bencher;
use shillproof_core::{Ctx, FitJob, Interactions, Seed, Victim};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::RandomWalk;

fn main() {
    divan::main();
}

/// The shape of MovieLens 100K, and twice as many users.
fn data(users: usize) -> Interactions {
    Planted { users, items: 1682, clusters: 8, per_user: 106, affinity: 0.6 }.explicit(Seed::new(1))
}

#[divan::bench(args = [943, 1886], sample_count = 5)]
fn scores_of_all_users(bencher: Bencher<'_, '_>, users: usize) {
    let data = data(users);
    let model = RandomWalk::default()
        .fit(&FitJob::new(&data), &Ctx::new(Seed::new(1)))
        .expect("generated data is not empty");
    let everybody: Vec<_> = data.users().collect();
    bencher.bench(|| {
        let mut block = vec![0.0; 16 * data.n_items()];
        let mut best = 0.0f32;
        for users in everybody.chunks(16) {
            let rows = &mut block[..users.len() * data.n_items()];
            if let Some(scorer) = model.scorer() {
                scorer.score_block(users, rows);
            }
            best = rows.iter().fold(best, |best, &score| best.max(score));
        }
        best
    });
}
