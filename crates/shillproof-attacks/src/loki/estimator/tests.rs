use rand::RngExt;
use shillproof_core::{Ctx, Interactions, ItemId, Seed, UserId};
use shillproof_kernels::Matrix;
use shillproof_testkit::anchor::ml_100k;
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::fpmc::Factors;
use shillproof_victims::next_item::Step;
use shillproof_victims::transrec::{Distance, Space};

use super::*;
use crate::mf::vector::dot;

const USERS: usize = 24;
const ITEMS: usize = 18;

fn data() -> Interactions {
    Planted { users: USERS, items: ITEMS, clusters: 3, per_user: 5, affinity: 0.9 }.implicit(Seed::new(6))
}

fn draw(rows: usize, columns: usize, name: &str) -> Matrix {
    Matrix::normal(rows, columns, 0.4, Seed::new(7).child(name))
}

/// One of each kind, with random parameters.
fn models(data: &Interactions, d: usize, regularization: f32) -> [Margins; 3] {
    let (users, items) = (data.n_users(), data.n_items());
    let fpmc = Factors {
        users: draw(users, d, "u"),
        by_user: draw(items, d, "i"),
        by_last: draw(items, d, "j"),
        last: draw(items, d, "l"),
    };
    let space = Space {
        users: draw(users, d, "u"),
        everybody: draw(1, d, "e").as_slice().to_vec(),
        items: draw(items, d, "i"),
        bias: draw(1, items, "b").as_slice().to_vec(),
        distance: Distance::L2Squared,
    };
    [
        Margins::bpr(&draw(users, d + 1, "u"), &draw(items, d + 1, "i"), true, regularization),
        Margins::fpmc(&fpmc, regularization),
        Margins::transrec(&space, regularization),
    ]
    .map(|model| model.on(data, Seed::new(9)))
}

#[test]
fn gradients_and_hessian_products_match_finite_differences() {
    for (kind, model) in models(&data(), 3, 0.2).into_iter().enumerate() {
        let n = model.len();
        let mut rng = Seed::new(1).rng();
        let v: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
        let step = model.samples()[17];
        let moved = |by: f64| {
            let mut moved = model.clone();
            moved.theta_mut().iter_mut().zip(&v).for_each(|(x, v)| *x += by * v);
            moved
        };
        let gradient = |model: &Margins| {
            let mut out = vec![0.0; n];
            model.add_gradient(&step, 1.0, &mut out);
            out
        };
        let h = 1e-5;
        let slope = (moved(h).loss(&step) - moved(-h).loss(&step)) / (2.0 * h);
        assert!((dot(&gradient(&model), &v) - slope).abs() < 1e-8, "{kind}");
        assert!((model.slope_along(&step, &v) - slope).abs() < 1e-8, "{kind}");
        let mut product = vec![0.0; n];
        model.add_hessian_product(&step, &v, false, 1.0, &mut product);
        for ((up, down), got) in gradient(&moved(h)).iter().zip(gradient(&moved(-h))).zip(&product) {
            assert!(((up - down) / (2.0 * h) - got).abs() < 1e-7, "{kind}: {got}");
        }
        for last in [None, Some(ItemId(3))] {
            let score = |model: &Margins| model.score(UserId(5), last, ItemId(11));
            let mut out = vec![0.0; n];
            model.add_score_gradient(UserId(5), last, ItemId(11), 1.0, &mut out);
            let slope = (score(&moved(h)) - score(&moved(-h))) / (2.0 * h);
            assert!((dot(&out, &v) - slope).abs() < 1e-8, "{kind}: {last:?}");
        }
    }
}

/// Share of a sample that is added.
const SHARE: f64 = 0.05;

/// To where the gradient of the mean loss vanishes, with [`SHARE`] of a sample more if there is one.
fn trained(mut model: Margins, more: Option<Step>) -> Margins {
    let added = Addition { samples: more.as_slice(), weight: SHARE };
    let end = model
        .train_on(&added, &Stop { gradient: 1e-9, steps: 300, anchor: 0.0 }, &Ctx::new(Seed::new(1)))
        .unwrap();
    assert!(end.gradient <= 1e-9, "training does not come to an end: {end:?}");
    model
}

/// The influence of a sample against real training with a part of that sample added: the sign of Zhang et al.'s equation 5, which their
/// equation 6 drops, and the size.
#[test]
fn predictions_follow_real_retraining() {
    let targets = [ItemId(4), ItemId(9)];
    for (kind, start) in models(&data(), 2, 0.05).into_iter().enumerate() {
        let model = trained(start, None);
        let n = model.len();
        let mut v = vec![0.0; n];
        let score = |model: &Margins| -> f64 {
            let pairs = (0..10).flat_map(|u| targets.map(|t| model.score(UserId(u), Some(ItemId(u)), t)));
            pairs.sum::<f64>() / 20.0
        };
        for user in 0..10 {
            for target in targets {
                model.add_score_gradient(UserId(user), Some(ItemId(user)), target, 1.0 / 20.0, &mut v);
            }
        }
        let ctx = Ctx::new(Seed::new(1));
        let solved = conjugate_gradient(&model, Hessian::Full, 1e-6, &v, 1e-8, &ctx).unwrap();
        let mut rng = Seed::new(2).rng();
        let (mut predicted, mut real) = (Vec::new(), Vec::new());
        let count = model.samples().len() as f64;
        for _ in 0..12 {
            let items = rand::seq::index::sample(&mut rng, ITEMS, 3).into_vec();
            // Half of the samples are of a target.
            let next = if rng.random_bool(0.5) { 4 } else { items[1] as u32 };
            let (last, negative) = (items[0] as u32, items[2] as u32);
            if [last, negative].contains(&next) {
                continue;
            }
            let step = Step { user: rng.random_range(0..USERS as u32), last, next, negative };
            predicted.push(-model.slope_along(&step, &solved.x) / count);
            real.push((score(&trained(model.clone(), Some(step))) - score(&model)) / SHARE);
        }
        let correlation = pearson(&predicted, &real);
        assert!(correlation > 0.98, "model {kind}: {correlation}\n{predicted:?}\n{real:?}");
        let ratio = dot(&predicted, &real) / dot(&predicted, &predicted);
        assert!(
            (0.8..1.1).contains(&ratio),
            "model {kind}: real changes are {ratio} times the predicted ones"
        );
    }
}

/// The same with whole fake histories of two actions, as the attack adds them, on a part of MovieLens 100K.
#[test]
fn predictions_follow_real_retraining_on_movielens() {
    let Some(all) = ml_100k() else { return };
    let data = all.binarize().filter(|_, _, item| item.0 < 60).first_rows(300);
    let (targets, audience) = ([ItemId(20), ItemId(40)], [UserId(3), UserId(17), UserId(30)]);
    let aim = Aim { data: &data, audience: &audience, targets: &targets };
    let ctx = Ctx::new(Seed::new(1));
    for (kind, mut model) in models(&data, 3, 0.05).into_iter().enumerate() {
        let one = NEGATIVES as f64 / model.samples().len() as f64;
        let stop = Stop { gradient: 1e-3 * one, steps: 300, anchor: 0.0 };
        let end = model.train_on(&Addition::NONE, &stop, &ctx).unwrap();
        assert!(end.gradient <= stop.gradient, "{kind}: {end:?}");
        let stop = Stop { anchor: 1e-4, ..stop };
        let gradient = model.mean_score_gradient(&aim);
        let solved = conjugate_gradient(&model, Hessian::Full, stop.anchor, &gradient, 1e-5, &ctx).unwrap();
        let (mut predicted, mut real) = (Vec::new(), Vec::new());
        for at in 0..20u32 {
            // Every second history ends with a target.
            let next = if at % 2 == 0 { targets[at as usize / 2 % 2] } else { ItemId(2 + 3 * at) };
            let history = [ItemId((2 * at + 7) % 19), next];
            let rng = || Seed::new(4).index(u64::from(at)).rng();
            let samples = model.samples_of(&history, &mut rng()).concat();
            let added = Addition { samples: &samples, weight: 1.0 };
            let mut then = model.clone();
            let end = then.train_on(&added, &stop, &ctx).unwrap();
            assert!(end.gradient <= stop.gradient, "{kind}: {end:?}");
            predicted.push(model.effects(&history, &solved.x, &mut rng()).iter().sum::<f64>());
            real.push(then.mean_score(&aim) - model.mean_score(&aim));
        }
        let correlation = pearson(&predicted, &real);
        assert!(correlation > 0.8, "model {kind}: {correlation}\n{predicted:?}\n{real:?}");
        let agree = predicted.iter().zip(&real).filter(|(said, is)| *said * *is > 0.0).count();
        assert!(agree >= 15, "model {kind}: {agree} of 20 signs\n{predicted:?}\n{real:?}");
    }
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let moment = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    moment(a, ma, b, mb) / (moment(a, ma, a, ma) * moment(b, mb, b, mb)).sqrt()
}

#[test]
fn lissa_solves_what_conjugate_gradients_solve() {
    for model in models(&data(), 2, 0.05) {
        let model = trained(model, None);
        let mut v = vec![0.0; model.len()];
        model.add_score_gradient(UserId(1), Some(ItemId(2)), ItemId(4), 1.0, &mut v);
        let ctx = Ctx::new(Seed::new(3));
        let lissa = Lissa { damping: 0.01, depth: 5000, repeats: 4, batch: 512, hessian: Hessian::Full };
        let scale = lissa.scale(&model, &mut Seed::new(4).rng());
        let exact = conjugate_gradient(&model, Hessian::Full, lissa.damping * scale, &v, 1e-8, &ctx).unwrap();
        assert_eq!(exact.damping, lissa.damping * scale, "no direction of negative curvature");
        let found = lissa.solve(&model, scale, &v, &ctx).unwrap();
        let gap: Vec<f64> = found.x.iter().zip(&exact.x).map(|(a, b)| a - b).collect();
        let apart = (dot(&gap, &gap) / dot(&exact.x, &exact.x)).sqrt();
        assert!(apart < 0.05, "{apart}");
    }
}

/// A diagonal matrix.
struct Diagonal([f64; 4]);

impl Curvature for Diagonal {
    fn parameters(&self) -> usize {
        self.0.len()
    }

    fn samples(&self) -> usize {
        1
    }

    fn product(&self, _: Option<&[usize]>, v: &[f64], _: Hessian, out: &mut [f64]) {
        for ((out, v), of) in out.iter_mut().zip(v).zip(self.0) {
            *out = of * v;
        }
    }
}

#[test]
fn lissa_damps_what_would_grow_without_end() {
    let lissa = Lissa { damping: 0.01, depth: 5000, repeats: 2, batch: 1, hessian: Hessian::Full };
    let (ctx, v) = (Ctx::new(Seed::new(3)), [1.0; 4]);
    for (least, damped_more) in [(0.01, false), (-0.05, true)] {
        let matrix = Diagonal([1.0, 0.3, 0.1, least]);
        let scale = lissa.scale(&matrix, &mut Seed::new(4).rng());
        let found = lissa.solve(&matrix, scale, &v, &ctx).unwrap();
        assert_eq!(found.damping > lissa.damping * scale, damped_more);
        // Runs end where a step is short, which is before the end where the matrix is small.
        for (x, of) in found.x.iter().zip(matrix.0) {
            assert!((x * (of + found.damping) - 1.0).abs() < 0.2, "{of}: {x} with {}", found.damping);
        }
    }
}
