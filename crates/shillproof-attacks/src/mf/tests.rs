//! Derivatives against central differences of real, warm-started retraining.

use rand::RngExt;
use shillproof_core::{Ctx, Seed};

use super::*;

const USERS: usize = 30;
const ITEMS: usize = 20;
const FAKES: usize = 3;
const WIDTH: usize = 3;

/// A small problem with everything that a utility needs.
struct Toy {
    genuine: Rows,
    fakes: Vec<FakeRow>,
    weights: Weights,
    clean: Theta,
    seed: Seed,
}

/// Promote item 0 (`true`), or move all unobserved predictions (`false`).
type Promote = bool;

impl Toy {
    fn explicit(seed: u64) -> Self {
        Self::new(Seed::new(seed), Weights { observed: 1.0, base: 0.0, user_ridge: 0.5, item_ridge: 0.5 })
    }

    fn implicit(seed: u64) -> Self {
        Self::new(Seed::new(seed), Weights { observed: 5.0, base: 1.0, user_ridge: 2.0, item_ridge: 3.0 })
    }

    fn new(seed: Seed, weights: Weights) -> Self {
        let mut rng = seed.child("toy").rng();
        let (x, y) = (
            Factors::normal(USERS, WIDTH, 1.0, seed.child("x")),
            Factors::normal(ITEMS, WIDTH, 1.0, seed.child("y")),
        );
        let mut genuine = Rows::default();
        for u in 0..USERS {
            let cells: Vec<u32> = (0..ITEMS as u32).filter(|_| rng.random::<f64>() < 0.4).collect();
            genuine.push(cells.into_iter().map(|j| {
                let score: f64 = x.row(u).iter().zip(y.row(j as usize)).map(|(a, b)| a * b).sum();
                let value = if weights.base > 0.0 {
                    1.0
                } else {
                    (score + rng.random::<f64>() - 0.5).clamp(-2.0, 2.0)
                };
                (j, value, weights.observed)
            }));
        }
        let fake = |v: usize| {
            let mut rng = seed.child("fake").index(v as u64).rng();
            // The first fake user is dense: it rates everything.
            let keep = if v == 0 { 1.0 } else { 0.3 };
            let items: Vec<u32> =
                (0..ITEMS as u32).filter(|&j| j == 0 || rng.random::<f64>() < keep).collect();
            let scores = items
                .iter()
                .map(|_| if weights.base > 0.0 { rng.random() } else { rng.random_range(-2.0..2.0) })
                .collect();
            FakeRow { items, scores }
        };
        let ctx = Ctx::new(seed);
        let problem = Problem::new(&genuine, ITEMS, &[], weights);
        let mut clean = problem.start(WIDTH, seed);
        problem.fit_until(&mut clean, 1e-12, 20_000, &ctx).unwrap();
        Self { genuine, fakes: (0..FAKES).map(fake).collect(), weights, clean, seed }
    }

    fn retrain(&self, fakes: &[FakeRow], theta: &Theta) -> Theta {
        let problem = Problem::new(&self.genuine, ITEMS, fakes, self.weights);
        let mut theta = theta.clone();
        problem.fit_until(&mut theta, 1e-12, 20_000, &Ctx::new(self.seed)).unwrap();
        let left = problem.stationarity(&theta);
        assert!(left < 1e-8, "retraining stopped at {left}");
        theta
    }

    /// The utility over genuine users, and its derivative with respect to the factors.
    fn utility(&self, theta: &Theta, promote: Promote) -> (f64, Theta) {
        let mut by = Theta::zeros(theta.users.rows(), ITEMS, WIDTH);
        let mut total = 0.0;
        for u in 0..USERS {
            for j in 0..ITEMS {
                let score = vector::dot(theta.users.row(u), theta.items.row(j));
                let d = if promote {
                    if j != 0 {
                        continue;
                    }
                    total += score;
                    1.0
                } else {
                    if self.genuine.columns(u).contains(&(j as u32)) {
                        continue;
                    }
                    let moved = score - vector::dot(self.clean.users.row(u), self.clean.items.row(j));
                    total += moved * moved;
                    2.0 * moved
                };
                vector::axpy(d, theta.items.row(j), by.users.row_mut(u));
                vector::axpy(d, theta.users.row(u), by.items.row_mut(j));
            }
        }
        (total, by)
    }

    /// For both utilities, promote first.
    fn differences(&self, theta: &Theta) -> [Vec<f64>; 2] {
        let h = 1e-4;
        let mut out = [Vec::new(), Vec::new()];
        for v in 0..FAKES {
            for at in 0..self.fakes[v].scores.len() {
                let moved = |by: f64| {
                    let mut fakes = self.fakes.clone();
                    fakes[v].scores[at] += by;
                    let theta = self.retrain(&fakes, theta);
                    [true, false].map(|promote| self.utility(&theta, promote).0)
                };
                for ((out, up), down) in out.iter_mut().zip(moved(h)).zip(moved(-h)) {
                    out.push((up - down) / (2.0 * h));
                }
            }
        }
        out
    }

    /// The derivative in each mode at the retrained optimum.
    fn derivatives(&self, theta: &Theta, promote: Promote, mode: Mode) -> Vec<f64> {
        let problem = Problem::new(&self.genuine, ITEMS, &self.fakes, self.weights);
        let (_, by) = self.utility(theta, promote);
        let blocks = problem.blocks(theta);
        let s = match mode {
            Mode::Implicit => {
                let solver = Solver { damping: 0.0, tolerance: 1e-11, max_steps: 1000 };
                let hessian = Hessian::new(&problem, theta);
                let solved =
                    solver.solve(&hessian, &blocks, &[&by], None, &Ctx::new(self.seed)).unwrap().remove(0);
                assert!(
                    solved.residual < 1e-8 && solved.damping == 0.0,
                    "{} {}",
                    solved.residual,
                    solved.damping
                );
                solved.s
            }
            Mode::Coupled => problem.frozen(theta, &blocks, &by.items, true),
            Mode::Paper => problem.frozen(theta, &blocks, &by.items, false),
        };
        problem.cell_derivatives(theta, &s).concat()
    }

    fn start(&self) -> Theta {
        self.retrain(&self.fakes, &self.clean)
    }
}

fn norm(a: &[f64]) -> f64 {
    vector::dot(a, a).sqrt()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    vector::dot(a, b) / (norm(a) * norm(b))
}

fn relative_error(a: &[f64], truth: &[f64]) -> f64 {
    let gap: Vec<f64> = a.iter().zip(truth).map(|(a, b)| a - b).collect();
    norm(&gap) / norm(truth)
}

#[test]
fn the_exact_mode_is_the_derivative_of_retraining_and_the_printed_one_is_not() {
    let mut below = [0, 0];
    let mut n = 0;
    for (kind, toys) in
        [("explicit", [1, 2, 3].map(Toy::explicit)), ("implicit", [1, 2, 3].map(Toy::implicit))]
    {
        for toy in toys {
            let theta = toy.start();
            for (promote, truth) in [true, false].into_iter().zip(toy.differences(&theta)) {
                let of = |mode| toy.derivatives(&theta, promote, mode);
                let exact = of(Mode::Implicit);
                let (cos, error) = (cosine(&exact, &truth), relative_error(&exact, &truth));
                let [coupled, paper] = [Mode::Coupled, Mode::Paper].map(|mode| cosine(&of(mode), &truth));
                println!(
                    "{kind}, {}: implicit {cos:.6} (error {error:.1e}), coupled {coupled:.3}, paper {paper:.3}",
                    if promote { "promote" } else { "availability" }
                );
                assert!(cos > 0.999 && error < 1e-3, "{kind}, promote {promote}: {cos} {error}");
                below[0] += usize::from(coupled < 0.999);
                below[1] += usize::from(paper < 0.99);
                n += 1;
            }
        }
    }
    assert_eq!((n, below[1]), (12, 12), "the printed form is the derivative after all?");
    assert!(below[0] >= 6, "the coupled form was exact in {} of {n}", n - below[0]);
}

#[test]
fn hessian_gradient_and_value_agree_by_differences() {
    for toy in [Toy::explicit(7), Toy::implicit(7)] {
        let problem = Problem::new(&toy.genuine, ITEMS, &toy.fakes, toy.weights);
        // Anywhere, not only at an optimum.
        let at = |t: f64| {
            Theta {
                users: Factors::normal(USERS + FAKES, WIDTH, 1.0, Seed::new(1)),
                items: Factors::normal(ITEMS, WIDTH, 1.0, Seed::new(2)),
            }
            .plus(t, &direction())
        };
        let (h, p) = (1e-5, direction());
        let slope = (problem.value(&at(h)) - problem.value(&at(-h))) / (2.0 * h);
        let gradient = problem.gradient(&at(0.0)).dots(&p, 1)[0];
        assert!((slope - gradient).abs() < 1e-6 * gradient.abs().max(1.0), "{slope} {gradient}");
        let theta = at(0.0);
        // Two directions at once, the second twice the first and damped.
        let pair = Theta::interleave(&[&p, &Theta::zeros(USERS + FAKES, ITEMS, WIDTH).plus(2.0, &p)]);
        let mut out = Theta::zeros(USERS + FAKES, ITEMS, 2 * WIDTH);
        Hessian::new(&problem, &theta).product(&pair, &[0.0, 0.3], &mut out);
        let half = problem.gradient(&at(h)).plus(-1.0, &problem.gradient(&at(-h)));
        let gap = out.column(0, 2).plus(-0.25 / h, &half).squared_norm().sqrt();
        assert!(gap < 1e-5 * half.squared_norm().sqrt() / h, "{gap}");
        // What damping adds, undone by the blocks, is the direction again.
        let mut added = out.column(1, 2).plus(-2.0, &out.column(0, 2));
        problem.blocks(&theta).solve(&problem, &mut added, &[1.0 / 0.6]);
        assert!(added.plus(-1.0, &p).squared_norm() < 1e-18 * p.squared_norm());
    }
}

fn direction() -> Theta {
    Theta {
        users: Factors::normal(USERS + FAKES, WIDTH, 1.0, Seed::new(3)),
        items: Factors::normal(ITEMS, WIDTH, 1.0, Seed::new(4)),
    }
}

impl Theta {
    fn plus(mut self, c: f64, other: &Self) -> Self {
        self.combine(&[1.0], &[c], other);
        self
    }
}

#[test]
fn right_hand_sides_solved_together_are_solved_as_alone_and_a_start_saves_steps() {
    let toy = Toy::explicit(5);
    let problem = Problem::new(&toy.genuine, ITEMS, &toy.fakes, toy.weights);
    // Far from a minimum: there is negative curvature to be met.
    let mut theta = problem.start(WIDTH, toy.seed);
    problem.fit(&mut theta, 2, &Ctx::new(toy.seed)).unwrap();
    let (promote, move_all) = (toy.utility(&theta, true).1, toy.utility(&theta, false).1);
    let (hessian, blocks) = (Hessian::new(&problem, &theta), problem.blocks(&theta));
    let (solver, ctx) = (Solver { damping: 0.0, tolerance: 1e-9, max_steps: 500 }, Ctx::new(toy.seed));
    let both = solver.solve(&hessian, &blocks, &[&promote, &move_all], None, &ctx).unwrap();
    for (rhs, together) in [&promote, &move_all].into_iter().zip(&both) {
        let alone = solver.solve(&hessian, &blocks, &[rhs], None, &ctx).unwrap().remove(0);
        assert_eq!(&alone, together);
        assert!(alone.residual <= 1e-9 && alone.damping > 0.0, "{} {}", alone.residual, alone.damping);
        let warm = Solver { damping: alone.damping, ..solver };
        let again = warm.solve(&hessian, &blocks, &[rhs], Some(&[&alone.s]), &ctx).unwrap().remove(0);
        assert!(again.steps <= 2 && again.steps < alone.steps, "{} after {}", again.steps, alone.steps);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let toy = Toy::implicit(4);
    let problem = Problem::new(&toy.genuine, ITEMS, &toy.fakes, toy.weights);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let ctx = Ctx::new(toy.seed);
            let mut theta = problem.start(WIDTH, toy.seed);
            problem.fit(&mut theta, 5, &ctx).unwrap();
            let by = toy.utility(&theta, true).1;
            let (hessian, blocks) = (Hessian::new(&problem, &theta), problem.blocks(&theta));
            let s = Solver::default().solve(&hessian, &blocks, &[&by], None, &ctx).unwrap();
            (theta, s)
        })
    };
    assert_eq!(with(1), with(3));
}
