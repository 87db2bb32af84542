//! Detectors on generated ratings of the size of MovieLens 100K, and the grid search of the support vector machine on
//! 800 + 800 examples: 550 fits of 1,280 x 6.

use divan::{Bencher, black_box};
use rand::RngExt;
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{
    Ctx, FakeProfiles, Interactions, ItemId, LabelledProfiles, Profile, RatingScale, Seed, Triples,
};
use shillproof_defenses::DetectorSpec;

const USERS: u32 = 943;
const ITEMS: u32 = 1682;

fn main() {
    divan::main();
}

/// Ratings with a long tail of popularity: item `i` is taken with probability proportional to 1 / (i + 20).
fn ratings(seed: u64) -> Interactions {
    let mut rng = Seed::new(seed).rng();
    let mut cells = Triples { ratings: Some(Vec::new()), ..Triples::default() };
    for user in 0..USERS {
        let activity = 3.0 + 30.0 * rng.random::<f64>().powi(3);
        for item in 0..ITEMS {
            let wanted = activity / f64::from(item + 20);
            if rng.random::<f64>() < wanted.min(0.9) {
                cells.users.push(user);
                cells.items.push(item);
                let stars = 1.0 + (3.0 * rng.random::<f32>() + 2.0 * rng.random::<f32>()).floor();
                cells.ratings.get_or_insert_default().push(stars.min(5.0));
            }
        }
    }
    let stars = RatingScale::new(1.0, 5.0, 1.0).expect("1 to 5 is a scale");
    Interactions::from_triples(USERS as usize, ITEMS as usize, cells, Some(stars))
        .expect("cells are distinct")
}

/// `count` fake users who love one item and rate 30 random others.
fn fakes(count: usize, seed: u64) -> FakeProfiles {
    let mut rng = Seed::new(seed).rng();
    let target = rng.random_range(0..ITEMS);
    let mut one = || {
        let start = rng.random_range(0..ITEMS);
        let fillers = (1..=30).map(|k| (start + k * 53) % ITEMS).filter(|&item| item != target);
        let rated = fillers.map(|item| (ItemId(item), rng.random_range(2..=5) as f32));
        Profile { entries: rated.chain([(ItemId(target), 5.0)]).collect() }
    };
    FakeProfiles { profiles: (0..count).map(|_| one()).collect(), ..FakeProfiles::default() }
}

#[divan::bench(args = ["coin-flip", "duplicates", "profile-shape", "pca", "pca:zscore=item", "cross-spot"])]
fn inspect(bencher: Bencher<'_, '_>, name: &str) {
    let spec = DetectorSpec::from_inline(name).expect("a detector");
    let ctx = Ctx::new(Seed::new(1));
    let log = ratings(2).append(&fakes(9, 3)).expect("the profiles fit");
    let fitted = spec.detector().fit(None, &ctx).expect("it learns nothing");
    bencher.bench(|| fitted.inspect(black_box(&log), &ctx).expect("it can look"));
}

#[divan::bench(args = [300, 800], sample_count = 3, sample_size = 1)]
fn learn(bencher: Bencher<'_, '_>, examples: usize) {
    let spec = DetectorSpec::from_inline(&format!("svm:examples={examples}")).expect("a detector");
    let ctx = Ctx::new(Seed::new(1));
    let genuine = ratings(2);
    let blocks: Vec<FakeProfiles> = (0..examples.div_ceil(47) as u64).map(|b| fakes(47, 10 + b)).collect();
    let labelled = LabelledProfiles { genuine: &genuine, blocks: &blocks };
    bencher.bench(|| spec.detector().fit(Some(black_box(&labelled)), &ctx).expect("it learns"));
}
