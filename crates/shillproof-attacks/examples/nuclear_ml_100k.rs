#![allow(clippy::unwrap_used, reason = "an example stops where it fails")]
use std::time::Instant;
use rand::RngExt;
use rand::seq::index;
use shillproof_attacks::mf::{FakeRow, Mode, Rows, Solver, Theta, Factors};
use shillproof_attacks::nuclear::{Gradient, Nuclear, Printed};
use shillproof_core::{Ctx, ItemStats, Seed};
use shillproof_testkit::anchor::ml_100k;
use shillproof_victims::NuclearNorm;
fn main() {
    let Some(data) = ml_100k() else { return };
    let ctx = Ctx::new(Seed::new(1));
    let mean = ItemStats::of(&data).global_mean;
    for (regularization, tolerance) in [(10.0, 1e-5), (10.0, 1e-4), (20.0, 1e-4), (20.0, 1e-5)] {
        let recipe = NuclearNorm { regularization, tolerance, ..NuclearNorm::default() };
        let mut model = Nuclear::new(recipe, Rows::of(&data, mean, 1.0), data.n_items());
        let t = Instant::now();
        model.fit(&[], &ctx).unwrap();
        println!("λ {regularization} tol {tolerance:e}: clean {:.2} s rank {}", t.elapsed().as_secs_f64(), model.theta().items.width());
        let mut rng = Seed::new(1).child("x").rng();
        let mut fakes: Vec<FakeRow> = (0..28).map(|_| {
            let items: Vec<u32> = index::sample(&mut rng, data.n_items(), 30).into_iter().map(|i| i as u32).collect();
            let scores = items.iter().map(|_| rng.random_range(-2.0..2.0)).collect();
            FakeRow { items, scores }
        }).collect();
        for round in 0..3 {
            let t = Instant::now();
            model.fit(&fakes, &ctx).unwrap();
            println!("  fit {round} {:.2} s rank {} stationarity {:.1e}", t.elapsed().as_secs_f64(), model.theta().items.width(), model.problem().stationarity(model.theta()));
            for f in &mut fakes { for s in &mut f.scores { *s = (*s + rng.random_range(-0.2..0.2)).clamp(-2.0, 2.0); } }
        }
        let theta = model.theta();
        let mut g = Theta { users: Factors::zeros(theta.users.rows(), theta.users.width()), items: Factors::zeros(theta.items.rows(), theta.items.width()) };
        for u in 0..943 { for k in 0..theta.items.width() { g.users.row_mut(u)[k] += theta.items.row(50)[k]; g.items.row_mut(50)[k] += theta.users.row(u)[k]; } }
        let run = |name: &str, mode: Mode, solver: Solver| {
            let t = Instant::now();
            let d = model.cell_derivatives(&g, &Gradient { mode, printed: Printed::default(), solver }, &ctx).unwrap().concat();
            println!("  {name} {:.2} s", t.elapsed().as_secs_f64());
            d
        };
        let exact = run("implicit 1e-8", Mode::Implicit, Solver { damping: 0.0, tolerance: 1e-8, max_steps: 3000 });
        for (name, mode, solver) in [("implicit 1e-3 0", Mode::Implicit, Solver { damping: 0.0, tolerance: 1e-3, max_steps: 100 }), ("implicit 1e-3 .1", Mode::Implicit, Solver { damping: 0.1, tolerance: 1e-3, max_steps: 100 }), ("coupled", Mode::Coupled, Solver::default()), ("paper", Mode::Paper, Solver::default())] {
            let d = run(name, mode, solver);
            println!("    cosine {:.4}", cosine(&d, &exact));
        }
    }
}
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
