//! Factor models against independent references, and what their parameters promise.

#![allow(clippy::unwrap_used)] // what fails to load fails the test

use std::sync::Mutex;

use serde_json::Value;
use shillproof_core::{
    Ctx, FitError, FitJob, Interactions, ItemId, Observer, RatingScale, Recommender, Scorer, Seed, Triples,
    UserId, Victim,
};
use shillproof_kernels::Matrix;
use shillproof_testkit::accuracy::{Accuracy, accuracy};
use shillproof_testkit::anchor::ml_100k_split;
use shillproof_testkit::fixtures::{Planted, stars};
use shillproof_victims::{Als, Center, FactorModel, InnerSolver, Wrmf, WrmfSolver};

fn ctx() -> Ctx<'static> {
    Ctx::new(Seed::new(3).child("victim"))
}

fn planted() -> Planted {
    Planted { users: 120, items: 90, clusters: 3, per_user: 20, affinity: 0.8 }
}

struct NumpyAls {
    golden: Value,
    train: Interactions,
    test: Vec<(UserId, ItemId, f32)>,
}

impl NumpyAls {
    fn load() -> Self {
        let golden: Value = serde_json::from_str(include_str!("../../../golden/als_numpy.json")).unwrap();
        let cells = |name: &str| -> Vec<(u32, u32, f32)> {
            let cell = |c: &Value| {
                let part = |at: usize| c[at].as_u64().unwrap() as u32;
                (part(0), part(1), part(2) as f32)
            };
            golden[name].as_array().unwrap().iter().map(cell).collect()
        };
        let train = cells("train");
        let triples = Triples {
            users: train.iter().map(|c| c.0).collect(),
            items: train.iter().map(|c| c.1).collect(),
            ratings: Some(train.iter().map(|c| c.2).collect()),
            times: None,
        };
        let size = |name: &str| golden[name].as_u64().unwrap() as usize;
        let train = Interactions::from_triples(size("users"), size("items"), triples, Some(stars())).unwrap();
        let test = cells("test").into_iter().map(|(u, i, r)| (UserId(u), ItemId(i), r)).collect();
        Self { golden, train, test }
    }

    fn recipe(&self, run: &Value, sweeps: &str) -> Als {
        let number = |name: &str| self.golden[name].as_f64().unwrap();
        Als {
            factors: number("factors") as usize,
            user_regularization: Some(number("user_regularization") as f32),
            item_regularization: Some(number("item_regularization") as f32),
            iterations: number(sweeps) as usize,
            tolerance: 0.0,
            center: serde_json::from_value(run["center"].clone()).unwrap(),
            ..Als::default()
        }
    }

    fn rmse(&self, model: &FactorModel) -> f64 {
        let square = |&(u, i, r): &(UserId, ItemId, f32)| f64::from(model.rating(u, i).unwrap() - r).powi(2);
        (self.test.iter().map(square).sum::<f64>() / self.test.len() as f64).sqrt()
    }
}

fn matrix(rows: &Value) -> Matrix {
    let rows = rows.as_array().unwrap();
    let data: Vec<f32> =
        rows.iter().flat_map(|r| r.as_array().unwrap()).map(|x| x.as_f64().unwrap() as f32).collect();
    Matrix::from_slice(rows.len(), data.len() / rows.len(), &data).unwrap()
}

#[test]
fn als_equals_numpy_from_the_same_start() {
    let numpy = NumpyAls::load();
    for run in numpy.golden["runs"].as_array().unwrap() {
        let model = numpy
            .recipe(run, "sweeps")
            .fit_from(matrix(&run["start"]), &FitJob::new(&numpy.train), &ctx())
            .unwrap();
        for (ours, theirs) in [(model.users(), &run["users"]), (model.items(), &run["items"])] {
            for (a, b) in ours.as_slice().iter().zip(matrix(theirs).as_slice()) {
                assert!((a - b).abs() < 1e-3, "{a} against {b}");
            }
        }
        let (rmse, theirs) = (numpy.rmse(&model), run["rmse"].as_f64().unwrap());
        assert!((rmse / theirs - 1.0).abs() < 0.005, "{rmse} against {theirs}");
    }
}

#[test]
fn als_from_its_own_start_predicts_as_well_as_numpy() {
    let numpy = NumpyAls::load();
    for run in numpy.golden["runs"].as_array().unwrap() {
        let model = numpy.recipe(run, "converged").fit_model(&FitJob::new(&numpy.train), &ctx()).unwrap();
        let (rmse, theirs) = (numpy.rmse(&model), run["converged_rmse"].as_f64().unwrap());
        assert!((rmse / theirs - 1.0).abs() < 0.005, "{rmse} against {theirs}");
    }
}

#[derive(Default)]
struct Sweeps(Mutex<u64>);

impl Observer for Sweeps {
    fn progress(&self, _: &str, done: u64, _: u64) {
        *self.0.lock().unwrap() = done;
    }
}

#[test]
fn als_stops_by_tolerance_and_a_warm_start_stops_sooner() {
    let train = planted().explicit(Seed::new(8));
    let als = Als { factors: 8, regularization: 1.0, tolerance: 1e-3, ..Als::default() };
    let count = |start: Option<Matrix>| {
        let sweeps = Sweeps::default();
        let ctx = Ctx { observer: &sweeps, ..ctx() };
        let job = FitJob::new(&train);
        let model = match start {
            None => als.fit_model(&job, &ctx).unwrap(),
            Some(items) => als.fit_from(items, &job, &ctx).unwrap(),
        };
        (*sweeps.0.lock().unwrap(), model)
    };
    let (cold, model) = count(None);
    let (warm, _) = count(Some(model.items().clone()));
    assert!(cold < 50 && warm < cold, "cold {cold}, warm {warm}");
    let wrong = als.fit_from(Matrix::zeros(3, 8), &FitJob::new(&train), &ctx()).unwrap_err();
    assert!(wrong.to_string().contains("`items` is 3 x 8"), "{wrong}");
}

#[test]
fn als_ends_with_an_item_step() {
    let train = planted().explicit(Seed::new(9));
    let als = Als { factors: 3, regularization: 2.0, iterations: 2, ..Als::default() };
    let model = als.fit_model(&FitJob::new(&train), &ctx()).unwrap();
    // At fixed users the gradient of each item vanishes.
    let mut gradient = vec![[0.0f64; 3]; train.n_items()];
    for user in train.users() {
        for (item, rating) in train.row(user).iter() {
            let error = f64::from(model.rating(user, item).unwrap() - rating);
            for (g, &x) in gradient[item.index()].iter_mut().zip(model.users().row(user.index())) {
                *g += error * f64::from(x);
            }
        }
    }
    for (i, g) in gradient.iter().enumerate() {
        for (g, &y) in g.iter().zip(model.items().row(i)) {
            let total = g + 2.0 * f64::from(y);
            assert!(total.abs() < 1e-3, "item {i}: gradient {total}");
        }
    }
}

#[test]
fn centered_als_finds_a_constant() {
    let cells: Vec<(u32, u32)> = (0..20).flat_map(|u| (0..10).map(move |i| (u, i))).collect();
    let triples = Triples {
        users: cells.iter().map(|c| c.0).collect(),
        items: cells.iter().map(|c| c.1).collect(),
        ratings: Some(vec![4.0; cells.len()]),
        times: None,
    };
    let train = Interactions::from_triples(20, 11, triples, Some(stars())).unwrap();
    let als = Als { factors: 2, regularization: 1.0, center: Center::Global, ..Als::default() };
    let model = als.fit(&FitJob::new(&train), &ctx()).unwrap();
    // Also for the item that nobody rated.
    for item in [0, 10] {
        assert!((model.rating(UserId(3), ItemId(item)).unwrap() - 4.0).abs() < 1e-5);
    }
}

#[test]
fn als_says_when_the_numbers_run_away() {
    let scale = RatingScale::new(0.0, 3e38, 1e38).unwrap();
    let triples =
        Triples { users: vec![0, 1, 1], items: vec![0, 0, 1], ratings: Some(vec![3e38; 3]), times: None };
    let train = Interactions::from_triples(2, 2, triples, Some(scale)).unwrap();
    let als = Als { factors: 2, regularization: 1e-30, ..Als::default() };
    let failed = als.fit(&FitJob::new(&train), &ctx()).err().unwrap();
    assert!(matches!(failed, FitError::Diverged { iteration: 0 }), "{failed}");
}

#[test]
fn wrmf_is_within_one_percent_of_implicit() {
    let Some(split) = ml_100k_split() else { return };
    let golden: Value = serde_json::from_str(include_str!("../../../golden/wrmf_implicit.json")).unwrap();
    for run in golden["runs"].as_array().unwrap() {
        let number = |name: &str| run[name].as_f64().unwrap();
        let wrmf = Wrmf {
            factors: number("factors") as usize,
            regularization: number("regularization") as f32,
            weight: number("alpha") as f32,
            iterations: number("iterations") as usize,
            inner: if run["use_cg"] == true { InnerSolver::Cg } else { InnerSolver::Cholesky },
            ..Wrmf::default()
        };
        let all: Vec<Accuracy> = (0..5)
            .map(|seed| {
                let model = wrmf.fit(&FitJob::new(&split.train), &Ctx::new(Seed::new(seed))).unwrap();
                accuracy(&*model, &[&split.train, &split.valid], &split.test, 10)
            })
            .collect();
        let mean = |f: fn(&Accuracy) -> f64| all.iter().map(f).sum::<f64>() / 5.0;
        let (hit_ratio, ndcg) = (mean(|a| a.hit_ratio), mean(|a| a.ndcg));
        eprintln!("{wrmf:?}: hit ratio {hit_ratio}, NDCG {ndcg}");
        assert!(
            (hit_ratio / number("hit_ratio@10") - 1.0).abs() < 0.01,
            "hit ratio {hit_ratio} against {run}"
        );
        assert!((ndcg / number("ndcg@10") - 1.0).abs() < 0.01, "NDCG {ndcg} against {run}");
    }
}

#[test]
fn the_default_wrmf_is_as_good_as_its_page_says() {
    let Some(split) = ml_100k_split() else { return };
    let model = Wrmf::default().fit(&FitJob::new(&split.train), &ctx()).unwrap();
    let found = accuracy(&*model, &[&split.train, &split.valid], &split.test, 10);
    assert!((found.hit_ratio - 0.812).abs() < 0.012 && (found.ndcg - 0.310).abs() < 0.006, "{found:?}");
}

/// `Σ w (r − p·q)² + λ(‖P‖² + ‖Q‖²)` over all cells, in f64.
fn objective(model: &FactorModel, data: &Interactions, weight: f64, ridge: f64) -> f64 {
    let mut total = ridge * (model.users().squared_norm() + model.items().squared_norm());
    let mut scores = vec![0.0; data.n_items()];
    for user in data.users() {
        model.score(user, None, &mut scores);
        for (i, &score) in scores.iter().enumerate() {
            let has = data.row(user).contains(ItemId(i as u32));
            let (r, w) = if has { (1.0, weight) } else { (0.0, 1.0) };
            total += w * (r - f64::from(score)).powi(2);
        }
    }
    total
}

#[test]
fn both_solvers_and_both_inner_solvers_find_the_same_optimum() {
    let train = planted().implicit(Seed::new(4));
    let base = Wrmf { factors: 6, weight: 20.0, regularization: 3.0, iterations: 60, ..Wrmf::default() };
    let exact = Wrmf { inner: InnerSolver::Cholesky, ..base.clone() };
    // Weight decay adds decay · θ to the gradient, the penalty λ adds 2 λ θ.
    let adam = Wrmf { solver: WrmfSolver::Adam, weight_decay: 6.0, epochs: 1500, ..base.clone() };
    let reached =
        |wrmf: &Wrmf| objective(&wrmf.fit_model(&FitJob::new(&train), &ctx()).unwrap(), &train, 20.0, 3.0);
    let (best, cg, adam) = (reached(&exact), reached(&base), reached(&adam));
    assert!((cg / best - 1.0).abs() < 0.01, "CG {cg} against {best}");
    assert!((adam / best - 1.0).abs() < 0.01, "Adam {adam} against {best}");
}

#[test]
fn adam_in_minibatches_learns_and_selects_its_epoch() {
    let planted = planted();
    let data = planted.implicit(Seed::new(6));
    let train = data.filter(|_, at, _| at % 5 != 0);
    let valid = data.filter(|_, at, _| at % 5 == 0);
    let wrmf = Wrmf {
        factors: 8,
        weight: 20.0,
        solver: WrmfSolver::Adam,
        epochs: 40,
        batch_size: 32,
        ..Wrmf::default()
    };
    let fit = |job: &FitJob<'_>, epochs| {
        let wrmf = Wrmf { epochs, ..wrmf.clone() };
        wrmf.fit_model(job, &ctx()).unwrap()
    };
    let recall = |m: &FactorModel| accuracy(m, &[&train], &valid, 50).recall;
    let selected = fit(&FitJob { valid: Some(&valid), ..FitJob::new(&train) }, 40);
    // The selected epoch is the best of 0, 10, 20, 30 and 40.
    let each: Vec<f64> = [10, 20, 30, 40].map(|epochs| recall(&fit(&FitJob::new(&train), epochs))).to_vec();
    let best = each.iter().copied().fold(0.0, f64::max);
    assert!(recall(&selected) >= best - 1e-12, "selected {}, had {each:?}", recall(&selected));
    let chance = 50.0 / 90.0;
    assert!(best > chance + 0.1, "{best}");
}

#[test]
fn genuine_users_start_alike_with_and_without_fakes() {
    let clean = planted().implicit(Seed::new(2));
    let wrmf = Wrmf { solver: WrmfSolver::Adam, epochs: 1, learning_rate: 1e-9, ..Wrmf::default() };
    let with = wrmf.fit_model(&FitJob::new(&clean), &ctx()).unwrap();
    let fewer = clean.first_rows(70);
    let without = wrmf.fit_model(&FitJob::new(&fewer), &ctx()).unwrap();
    for u in 0..70 {
        for (a, b) in with.users().row(u).iter().zip(without.users().row(u)) {
            assert!((a - b).abs() < 1e-6);
        }
    }
}
