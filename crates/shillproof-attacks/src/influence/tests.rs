//! The formulas against dense algebra, and the orders against retraining.

use rand::RngExt;
use shillproof_core::{Ctx, Interactions, Seed, Triples};
use shillproof_testkit::fixtures::stars;

use super::{InfluenceOrder, edge_influence};
use crate::mf::{Problem, Rows, Solver, Theta, Weights};

const USERS: usize = 12;
const ITEMS: usize = 10;
const FACTORS: usize = 2;
const SIZE: usize = (USERS + ITEMS) * FACTORS;

/// 12 x 10 ratings around a planted rank of 2.
struct Toy {
    data: Interactions,
    weights: Weights,
    theta: Vec<f64>,
}

impl Toy {
    fn new(seed: u64, background: f64) -> Self {
        let mut rng = Seed::new(seed).child("toy").rng();
        let theta: Vec<f64> = (0..SIZE).map(|_| rng.random_range(-0.3..1.4)).collect();
        let mut cells = Triples { ratings: Some(Vec::new()), ..Triples::default() };
        for u in 0..USERS {
            for i in 0..ITEMS {
                if rng.random_bool(0.55) {
                    let planted = predict(&theta, u, i);
                    cells.users.push(u as u32);
                    cells.items.push(i as u32);
                    let noise: f64 = rng.random_range(-0.5..0.5);
                    cells
                        .ratings
                        .as_mut()
                        .unwrap()
                        .push((2.0 + planted + noise).round().clamp(1.0, 5.0) as f32);
                }
            }
        }
        let data = Interactions::from_triples(USERS, ITEMS, cells, Some(stars())).unwrap();
        let data = if background > 0.0 { data.binarize() } else { data };
        let weights = Weights {
            observed: if background > 0.0 { 4.0 } else { 1.0 },
            base: background,
            user_ridge: 0.5,
            item_ridge: 0.7,
        };
        Self { data, weights, theta }
    }

    fn problem(&self) -> Problem {
        Problem::new(&Rows::of(&self.data, 0.0, self.weights.observed), ITEMS, &[], self.weights)
    }

    fn point(&self) -> Theta {
        let mut out = Theta::zeros(USERS, ITEMS, FACTORS);
        let (users, items) = self.theta.split_at(USERS * FACTORS);
        out.users.as_mut_slice().copy_from_slice(users);
        out.items.as_mut_slice().copy_from_slice(items);
        out
    }

    /// Weight and rating of every cell, straight from the data.
    fn cells(&self) -> Vec<(usize, usize, f64, f64)> {
        let mut cells = vec![(self.weights.base, 0.0); USERS * ITEMS];
        for (u, row) in self.data.rows().enumerate() {
            for (i, r) in row.iter() {
                cells[u * ITEMS + i.index()] = (self.weights.observed, f64::from(r));
            }
        }
        cells.iter().enumerate().map(|(at, c)| (at / ITEMS, at % ITEMS, c.0, c.1)).collect()
    }

    /// The objective's gradient by its definition.
    fn gradient(&self, theta: &[f64]) -> Vec<f64> {
        let o = &self.weights;
        let ridge = |k: usize| if k < USERS * FACTORS { o.user_ridge } else { o.item_ridge };
        let mut out: Vec<f64> = theta.iter().enumerate().map(|(k, x)| 2.0 * ridge(k) * x).collect();
        for (u, i, weight, rating) in self.cells() {
            let e = -2.0 * weight * (rating - predict(theta, u, i));
            for f in 0..FACTORS {
                out[u * FACTORS + f] += e * theta[(USERS + i) * FACTORS + f];
                out[(USERS + i) * FACTORS + f] += e * theta[u * FACTORS + f];
            }
        }
        out
    }

    /// The Hessian, by central differences of the gradient.
    fn hessian(&self) -> Vec<Vec<f64>> {
        let step = 1e-5;
        let at = |k: usize, sign: f64| {
            let mut theta = self.theta.clone();
            theta[k] += sign * step;
            self.gradient(&theta)
        };
        let row = |k| at(k, 1.0).iter().zip(at(k, -1.0)).map(|(a, b)| (a - b) / (2.0 * step)).collect();
        (0..SIZE).map(row).collect()
    }

    /// φ of every edge by dense algebra: D⁻¹, or D⁻¹ − D⁻¹CD⁻¹, applied to the gradient of what is removed.
    fn by_definition(&self, target: usize, coupled: bool) -> Vec<f64> {
        let hessian = self.hessian();
        let block = |k: usize| k / FACTORS;
        let diagonal: Vec<Vec<f64>> = (0..SIZE)
            .map(|r| (0..SIZE).map(|c| if block(r) == block(c) { hessian[r][c] } else { 0.0 }).collect())
            .collect();
        let mut out = Vec::new();
        for (u, row) in self.data.rows().enumerate() {
            for (i, rating) in row.iter() {
                let without = |weight: f64, rating: f64, sign: f64, out: &mut [f64]| {
                    let e = -2.0 * sign * weight * (rating - predict(&self.theta, u, i.index()));
                    for f in 0..FACTORS {
                        out[u * FACTORS + f] += e * self.theta[(USERS + i.index()) * FACTORS + f];
                        out[(USERS + i.index()) * FACTORS + f] += e * self.theta[u * FACTORS + f];
                    }
                };
                let mut removed = vec![0.0; SIZE];
                without(self.weights.observed, f64::from(rating), 1.0, &mut removed);
                without(self.weights.base, 0.0, -1.0, &mut removed);
                let mut moved = solve(&diagonal, &removed);
                if coupled {
                    let cross: Vec<f64> = (0..SIZE)
                        .map(|r| {
                            (0..SIZE)
                                .filter(|&c| block(c) != block(r))
                                .map(|c| hessian[r][c] * moved[c])
                                .sum()
                        })
                        .collect();
                    for (m, c) in moved.iter_mut().zip(solve(&diagonal, &cross)) {
                        *m -= c;
                    }
                }
                let prediction = |o: usize| -> f64 {
                    (0..FACTORS)
                        .map(|f| {
                            let (x, y) = (o * FACTORS + f, (USERS + target) * FACTORS + f);
                            self.theta[y] * moved[x] + self.theta[x] * moved[y]
                        })
                        .sum()
                };
                out.push((0..USERS).map(|o| prediction(o).abs()).sum());
            }
        }
        out
    }
}

fn predict(theta: &[f64], u: usize, i: usize) -> f64 {
    (0..FACTORS).map(|f| theta[u * FACTORS + f] * theta[(USERS + i) * FACTORS + f]).sum()
}

/// Gaussian elimination with pivoting.
fn solve(matrix: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let n = right.len();
    let mut rows: Vec<Vec<f64>> =
        matrix.iter().zip(right).map(|(row, &b)| row.iter().copied().chain([b]).collect()).collect();
    for k in 0..n {
        let pivot = (k..n).max_by(|&a, &b| rows[a][k].abs().total_cmp(&rows[b][k].abs())).unwrap();
        rows.swap(k, pivot);
        let (head, tail) = rows.split_at_mut(k + 1);
        for row in tail {
            let factor = row[k] / head[k][k];
            row.iter_mut().zip(&head[k]).skip(k).for_each(|(a, b)| *a -= factor * b);
        }
    }
    let mut x = vec![0.0; n];
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|c| rows[k][c] * x[c]).sum();
        x[k] = (rows[k][n] - known) / rows[k][k];
    }
    x
}

#[test]
fn orders_0_and_1_are_what_dense_block_algebra_says() {
    for (seed, background) in [(1, 0.0), (2, 0.0), (3, 1.0), (4, 0.3)] {
        let toy = Toy::new(seed, background);
        for (order, coupled) in [(InfluenceOrder::BlockDiagonal, false), (InfluenceOrder::Neumann, true)] {
            for target in [0, 7] {
                let got = {
                    let (problem, theta) = (toy.problem(), toy.point());
                    edge_influence(
                        &problem,
                        &theta,
                        target,
                        order,
                        &Solver::default(),
                        &Ctx::new(Seed::new(1)),
                    )
                    .unwrap()
                };
                let wanted = toy.by_definition(target, coupled);
                let size = wanted.iter().copied().fold(0.0, f64::max);
                assert!(size > 0.0 && got.len() == toy.data.len());
                for (at, (g, w)) in got.iter().zip(&wanted).enumerate() {
                    assert!((g - w).abs() < 1e-8 * size, "seed {seed}, {order:?}, edge {at}: {g} for {w}");
                }
            }
        }
    }
}

/// Ranks, equal values sharing their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |v: &f64| {
        let below = values.iter().filter(|w| *w < v).count();
        let equal = values.iter().filter(|w| *w == v).count();
        below as f64 + (equal as f64 - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// Percentile interval of the mean over toys.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut rng = Seed::new(1).rng();
    let n = values.len();
    let mut means: Vec<f64> =
        (0..2000).map(|_| (0..n).map(|_| values[rng.random_range(0..n)]).sum::<f64>() / n as f64).collect();
    means.sort_by(f64::total_cmp);
    (means[49], means[1949])
}

/// For every third edge of a toy: Σ_o |change of o's prediction| when the model is trained anew without it, and what
/// each order says.
fn with_retraining(seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let toy = Toy::new(seed, 0.0);
    let (problem, ctx) = (toy.problem(), Ctx::new(Seed::new(seed)));
    let target = 3;
    let mut theta = toy.point();
    problem.fit_until(&mut theta, 1e-9, 20_000, &ctx).unwrap();
    assert!(problem.stationarity(&theta) < 1e-8, "toy {seed} is not at a minimum");
    let predictions = |theta: &Theta| -> Vec<f64> {
        let y = theta.items.row(target);
        (0..USERS).map(|o| theta.users.row(o).iter().zip(y).map(|(x, y)| x * y).sum()).collect()
    };
    let before = predictions(&theta);
    let chosen: Vec<usize> = (0..toy.data.len()).step_by(3).collect();
    let truth = chosen.iter().map(|&removed| {
        let mut at = 0;
        let data = toy.data.filter(|_, _, _| {
            at += 1;
            at != removed + 1
        });
        let without = Problem::new(&Rows::of(&data, 0.0, 1.0), ITEMS, &[], toy.weights);
        let mut theta = theta.clone();
        without.fit_until(&mut theta, 1e-9, 20_000, &ctx).unwrap();
        predictions(&theta).iter().zip(&before).map(|(a, b)| (a - b).abs()).sum::<f64>()
    });
    let truth: Vec<f64> = truth.collect();
    let solver = Solver { damping: 0.0, tolerance: 1e-9, max_steps: 2000 };
    let said = ORDERS.map(|order| {
        let all = edge_influence(&problem, &theta, target, order, &solver, &ctx).unwrap();
        chosen.iter().map(|&e| all[e].abs()).collect()
    });
    (truth, said.into())
}

const ORDERS: [InfluenceOrder; 4] =
    [InfluenceOrder::BlockDiagonal, InfluenceOrder::Neumann, InfluenceOrder::Signed, InfluenceOrder::Exact];

/// One thread: the problems are smaller than what handing them out costs.
fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(work)
}

#[test]
fn influence_ranks_edges_as_training_without_them_does() {
    let mut correlations = vec![Vec::new(); ORDERS.len()];
    for seed in 0..20 {
        let (truth, said) = alone(|| with_retraining(100 + seed));
        for (said, out) in said.iter().zip(&mut correlations) {
            out.push(spearman(&truth, said));
        }
    }
    for (order, values) in ORDERS.iter().zip(&correlations) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let (low, high) = interval(values);
        println!("{order:?}: {mean:.3} [{low:.3}, {high:.3}] over {} toys", values.len());
        // Those with the whole Hessian know the minimum's answer to a small change; a removal is not a small one.
        if *order == InfluenceOrder::Exact {
            assert!(mean > 0.85, "exact influence ranks edges with a correlation of {mean}");
        }
    }
}

#[test]
fn a_solve_for_everybody_is_the_sum_of_single_ones() {
    let toy = Toy::new(5, 1.0);
    let (problem, ctx) = (toy.problem(), Ctx::new(Seed::new(1)));
    let mut theta = toy.point();
    problem.fit_until(&mut theta, 1e-9, 20_000, &ctx).unwrap();
    let solver = Solver { damping: 0.1, tolerance: 1e-11, max_steps: 2000 };
    let said = |order| edge_influence(&problem, &theta, 2, order, &solver, &ctx).unwrap();
    // Fewer users than a sample: all of them are in it.
    assert_eq!(said(InfluenceOrder::Sampled), said(InfluenceOrder::Exact));
    let (signed, exact) = (said(InfluenceOrder::Signed), said(InfluenceOrder::Exact));
    let close = signed.iter().zip(&exact).all(|(s, e)| s.abs() <= e * (1.0 + 1e-6));
    assert!(close && exact.iter().any(|&e| e > 0.0), "{signed:?} {exact:?}");
}
