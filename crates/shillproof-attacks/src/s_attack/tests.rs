//! The gradient of the loss against central differences of retraining.

use rand::RngExt;
use shillproof_core::{Ctx, Interactions, ItemId, Objective, Seed, Ties, Triples, UserId};
use shillproof_testkit::fixtures::stars;

use super::wmw::{Seeker, Wmw, refresh_lists};
use crate::mf::{FakeRow, Mode, Problem, Rows, Solver, Theta, Weights};

const USERS: usize = 30;
const ITEMS: usize = 20;
const FACTORS: usize = 3;
const TARGET: usize = 4;

/// A model at its minimum, two relaxed fake users in it, and the loss of ten users.
struct Toy {
    genuine: Rows,
    weights: Weights,
    relaxed: Vec<FakeRow>,
    seekers: Vec<Seeker>,
    theta: Theta,
    ctx: Ctx<'static>,
}

const WMW: Wmw = Wmw { width: 0.5, objective: Objective::Promote };

impl Toy {
    fn new(seed: u64, base: f64) -> Self {
        let mut rng = Seed::new(seed).child("toy").rng();
        let (x, y): (Vec<f64>, Vec<f64>) = (
            (0..USERS * FACTORS).map(|_| rng.random_range(-0.2..1.5)).collect(),
            (0..ITEMS * FACTORS).map(|_| rng.random_range(-0.2..1.5)).collect(),
        );
        let mut cells = Triples { ratings: Some(Vec::new()), ..Triples::default() };
        for u in 0..USERS {
            for i in 0..ITEMS {
                if rng.random_bool(0.4) {
                    let planted: f64 = (0..FACTORS).map(|f| x[u * FACTORS + f] * y[i * FACTORS + f]).sum();
                    cells.users.push(u as u32);
                    cells.items.push(i as u32);
                    cells.ratings.as_mut().unwrap().push((1.5 + planted).round().clamp(1.0, 5.0) as f32);
                }
            }
        }
        let data = Interactions::from_triples(USERS, ITEMS, cells, Some(stars())).unwrap();
        let data = if base > 0.0 { data.binarize() } else { data };
        let weights =
            Weights { observed: if base > 0.0 { 5.0 } else { 1.0 }, base, user_ridge: 0.5, item_ridge: 0.5 };
        let genuine = Rows::of(&data, 0.0, weights.observed);
        let top = if base > 0.0 { 1.0 } else { 5.0 };
        let relaxed = (0..2)
            .map(|_| FakeRow {
                items: (0..ITEMS as u32).collect(),
                scores: (0..ITEMS).map(|_| rng.random_range(0.0..top)).collect(),
            })
            .collect();
        let ctx = Ctx::new(Seed::new(seed));
        let mut toy =
            Self { genuine, weights, relaxed, seekers: Vec::new(), theta: Theta::zeros(1, 1, 1), ctx };
        toy.theta = toy.problem().start(FACTORS, Seed::new(seed));
        toy.fit();
        toy.seekers = (0..10)
            .map(|u| Seeker {
                user: UserId(u),
                weight: 1.0,
                targets: vec![ItemId(TARGET as u32)],
                list: Vec::new(),
            })
            .collect();
        refresh_lists(&mut toy.seekers, &toy.theta, &data, 5, Ties::hashed(Seed::new(1)));
        toy
    }

    fn problem(&self) -> Problem {
        Problem::new(&self.genuine, ITEMS, &self.relaxed, self.weights)
    }

    fn fit(&mut self) {
        let problem = self.problem();
        problem.fit_until(&mut self.theta, 1e-11, 50_000, &self.ctx).unwrap();
        assert!(problem.stationarity(&self.theta) < 1e-8);
    }

    /// ∂L/∂w of every relaxed score, by the formulas.
    fn gradient(&self, grad: Mode) -> Vec<f64> {
        let problem = self.problem();
        let (_, slope) = WMW.gradient(&self.seekers, &self.theta);
        let solver = Solver { damping: 0.0, tolerance: 1e-10, max_steps: 5000 };
        let blocks = problem.blocks(&self.theta);
        let s = match grad {
            Mode::Implicit => {
                solver.solve_one(&problem, &self.theta, &blocks, &slope, None, &self.ctx).unwrap().s
            }
            mode => problem.frozen(&self.theta, &blocks, &slope.items, mode == Mode::Coupled),
        };
        problem.cell_derivatives(&self.theta, &s).concat()
    }

    /// The same by retraining.
    fn differences(&mut self) -> Vec<f64> {
        let (start, step) = (self.theta.clone(), 1e-4);
        let mut out = Vec::new();
        for v in 0..self.relaxed.len() {
            for j in 0..ITEMS {
                let mut loss = |by: f64| {
                    self.theta = start.clone();
                    self.relaxed[v].scores[j] += by;
                    self.fit();
                    self.relaxed[v].scores[j] -= by;
                    WMW.gradient(&self.seekers, &self.theta).0
                };
                out.push((loss(step) - loss(-step)) / (2.0 * step));
            }
        }
        self.theta = start;
        out
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn the_implicit_gradient_is_that_of_retraining() {
    for (seed, base) in [(1, 0.0), (2, 0.0), (3, 0.0), (4, 1.0)] {
        rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| {
            let mut toy = Toy::new(seed, base);
            let truth = toy.differences();
            let cosine = |grad| {
                let said = toy.gradient(grad);
                dot(&said, &truth) / (dot(&said, &said) * dot(&truth, &truth)).sqrt()
            };
            println!(
                "seed {seed}, w0 = {base}: cosine of implicit {:.6}, coupled {:.3}, paper {:.3}",
                cosine(Mode::Implicit),
                cosine(Mode::Coupled),
                cosine(Mode::Paper)
            );
            let said = toy.gradient(Mode::Implicit);
            let error: Vec<f64> = said.iter().zip(&truth).map(|(a, b)| a - b).collect();
            let relative = (dot(&error, &error) / dot(&truth, &truth)).sqrt();
            assert!(cosine(Mode::Implicit) > 0.999 && relative < 1e-3, "relative error {relative}");
        });
    }
}
