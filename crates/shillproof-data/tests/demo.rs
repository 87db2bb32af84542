//! Whether the data set `demo` is a believable stand-in for MovieLens-100K.

use shillproof_core::{Ctx, FitJob, Interactions, Query, Seed, Ties, Victim};
use shillproof_data::split::{LeaveOneOut, Pick, SplitSpec};
use shillproof_data::{DataOptions, Statistics, demo, filter, load};
use shillproof_testkit::accuracy::accuracy;
use shillproof_testkit::anchor::ml_100k;
use shillproof_victims::{InnerSolver, Popularity, Wrmf};

/// What is compared, as the page of the data set has it.
struct Habits {
    /// Least, median, mean and most interactions a user.
    per_user: [f64; 4],
    popularity_gini: f64,
    /// Share of items with at most five interactions.
    rare: f64,
    /// Shares of the ratings 1 to 5.
    ratings: [f64; 5],
    /// HR@10 of the popularity ranking, the latest and a random interaction left out.
    popularity: [f64; 2],
    /// The same of [`wrmf`].
    wrmf: [f64; 2],
}

const DEMO: Habits = Habits {
    per_user: [20.0, 38.5, 62.705, 450.0],
    popularity_gini: 0.642,
    rare: 0.231,
    ratings: [0.049, 0.150, 0.276, 0.290, 0.237],
    popularity: [0.054, 0.140],
    wrmf: [0.1060, 0.3045],
};

const ML_100K: Habits = Habits {
    per_user: [20.0, 65.0, 106.045, 737.0],
    popularity_gini: 0.629,
    rare: 0.228,
    ratings: [0.061, 0.114, 0.271, 0.342, 0.212],
    popularity: [0.050, 0.140],
    wrmf: [0.0885, 0.3176],
};

/// The setting in which `implicit`'s ALS does best on MovieLens-100K, solved exactly.
fn wrmf() -> Wrmf {
    let exact = InnerSolver::Cholesky;
    Wrmf { factors: 32, weight: 1.0, regularization: 10.0, iterations: 15, inner: exact, ..Wrmf::default() }
}

fn near(what: &str, got: &[f64], recorded: &[f64], by: f64) {
    assert_eq!(got.len(), recorded.len(), "{what}");
    for (got, recorded) in got.iter().zip(recorded) {
        assert!((got - recorded).abs() <= by, "{what}: {got}, recorded {recorded}");
    }
}

fn check(data: &Interactions, recorded: &Habits) {
    let statistics = Statistics::of(data);
    let sizes = || data.rows().map(|row| row.len() as f64);
    let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    let per_user = [least, statistics.per_user_median, statistics.per_user_mean, most];
    near("interactions a user", &per_user, &recorded.per_user, 1e-3);
    near("Gini", &[statistics.popularity_gini], &[recorded.popularity_gini], 1e-3);
    let counts = data.item_counts();
    let rare = counts.iter().filter(|c| **c <= 5).count() as f64 / counts.len() as f64;
    near("rare items", &[rare], &[recorded.rare], 1e-3);
    let ratings: Vec<f64> =
        statistics.ratings.iter().flatten().map(|r| r.count as f64 / data.len() as f64).collect();
    near("ratings", &ratings, &recorded.ratings, 1e-3);
    // Hit ratios may move a little with the order in which a victim adds numbers up.
    let both = |victim: &dyn Victim| [Pick::Latest, Pick::Random].map(|pick| hit_ratio(victim, data, pick));
    near("HR@10 of popularity", &both(&Popularity::default()), &recorded.popularity, 0.005);
    near("HR@10 of WRMF", &both(&wrmf()), &recorded.wrmf, 0.01);
}

/// Mean of two seeds.
fn hit_ratio(victim: &dyn Victim, data: &Interactions, pick: Pick) -> f64 {
    let spec = SplitSpec::LeaveOneOut(LeaveOneOut { pick, validation: false });
    let one = |seed| {
        let seed = Seed::new(seed);
        let split = spec.split(data, seed).expect("every user has twenty interactions");
        let model = victim.fit(&FitJob::new(&split.train), &Ctx::new(seed)).expect("the data can be learned");
        accuracy(&*model, &[&split.train], &split.test.expect("one of each user is held out"), 10).hit_ratio
    };
    f64::midpoint(one(0), one(1))
}

#[test]
fn the_demo_is_as_its_page_says() {
    check(&demo().interactions, &DEMO);
}

#[test]
fn movielens_is_as_the_page_says() {
    if let Some(real) = ml_100k() {
        check(&real, &ML_100K);
    }
}

#[test]
fn they_are_as_near_to_each_other_as_the_page_says() {
    let shape = |h: &Habits| h.per_user[1] / h.per_user[2];
    near("median by mean", &[shape(&DEMO)], &[shape(&ML_100K)], 0.005);
    near("Gini", &[DEMO.popularity_gini], &[ML_100K.popularity_gini], 0.015);
    near("rare items", &[DEMO.rare], &[ML_100K.rare], 0.005);
    near("ratings", &DEMO.ratings, &ML_100K.ratings, 0.06);
    near("HR@10 of popularity", &DEMO.popularity, &ML_100K.popularity, 0.005);
    near("HR@10 of WRMF", &DEMO.wrmf, &ML_100K.wrmf, 0.02);
}

#[test]
fn the_same_bytes_on_every_machine() {
    assert_eq!(demo().checksum, "97d28bb9fc4e9b408612a3218f67e80dfb0ac270d70f2194c8640f3953af4ee4");
}

#[test]
fn labels_tell_nothing_of_popularity() {
    let data = demo().interactions;
    let counts: Vec<f64> = data.item_counts().iter().map(|c| f64::from(*c)).collect();
    let (n, mean) = (counts.len() as f64, data.len() as f64 / counts.len() as f64);
    let middle = (n - 1.0) / 2.0;
    let (mut both, mut ids, mut popular) = (0.0, 0.0, 0.0);
    for (id, count) in counts.iter().enumerate() {
        let (x, y) = (id as f64 - middle, count - mean);
        both += x * y;
        ids += x * x;
        popular += y * y;
    }
    // The correlation of 1,500 unrelated pairs has deviation 0.026.
    let correlation: f64 = both / (ids * popular).sqrt();
    assert!(correlation.abs() < 0.08, "{correlation}");
}

#[test]
fn rare_items_have_no_following() {
    let data = demo().interactions;
    let counts = data.item_counts();
    let model = wrmf().fit(&FitJob::new(&data), &Ctx::new(Seed::new(1))).unwrap();
    let ties = Ties::hashed(Seed::new(0));
    let mut list = Vec::new();
    for user in data.users() {
        model.top_k(&Query { user, history: None, skip: data.row(user).sorted(), k: 10, ties }, &mut list);
        assert!(list.iter().all(|entry| counts[entry.0.index()] > 5), "user {}", user.0);
    }
}

#[test]
fn options_apply_as_to_a_file() {
    assert_eq!(load("demo", &DataOptions::default()).unwrap(), demo());
    let core = DataOptions { min_user: Some(30), min_item: Some(5), ..DataOptions::default() };
    let (read, filtered) = (load("demo", &core).unwrap(), filter::iter_core(&demo(), 30, 5).unwrap());
    assert_eq!((read.name.as_str(), &read.checksum), ("demo", &filtered.checksum));
    let implicit = load("demo", &DataOptions { implicit: true, ..DataOptions::default() }).unwrap();
    assert_eq!(implicit.interactions, demo().interactions.binarize());
    let columns = DataOptions { columns: Some("user,item".into()), ..DataOptions::default() };
    assert!(load("demo", &columns).unwrap_err().to_string().contains("--columns"));
}
