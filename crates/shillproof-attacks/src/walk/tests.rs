use shillproof_core::ranking::Ties;
use shillproof_core::{Ctx, Interactions, ItemId, Seed, UserId};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::RandomWalk;
use shillproof_victims::random_walk::{Orientation, WalkGraph};

use super::influence::WalkInfluence;
use super::relaxed::{Lists, Relaxed};

const RECIPES: [RandomWalk; 3] = [
    RandomWalk { restart: 0.3, orientation: Orientation::Stationary, tolerance: 1e-14 },
    RandomWalk { restart: 0.15, orientation: Orientation::Stationary, tolerance: 1e-14 },
    RandomWalk { restart: 0.3, orientation: Orientation::PaperLiteral, tolerance: 1e-14 },
];

fn worlds() -> [Interactions; 2] {
    let planted = Planted { users: 20, items: 15, clusters: 3, per_user: 5, affinity: 0.7 };
    [planted.explicit(Seed::new(2)), planted.implicit(Seed::new(3))]
}

/// Solves Ax = b by Gaussian elimination.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&x, &y| a[x][k].abs().total_cmp(&a[y][k].abs())).unwrap();
        a.swap(k, pivot);
        b.swap(k, pivot);
        let (upper, lower) = a.split_at_mut(k + 1);
        for (offset, row) in lower.iter_mut().enumerate() {
            let factor = row[k] / upper[k][k];
            for (x, p) in row.iter_mut().zip(&upper[k]) {
                *x -= factor * p;
            }
            b[k + 1 + offset] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}

/// Row-stochastic transitions, users first.
fn transitions(data: &Interactions) -> Vec<Vec<f64>> {
    let n = data.n_users();
    let mut q = vec![vec![0.0; n + data.n_items()]; n + data.n_items()];
    for u in data.users() {
        for (item, rating) in data.row(u).iter() {
            q[u.index()][n + item.index()] = f64::from(rating);
            q[n + item.index()][u.index()] = f64::from(rating);
        }
    }
    for row in &mut q {
        let total: f64 = row.iter().sum();
        for x in row.iter_mut().filter(|_| total > 0.0) {
            *x /= total;
        }
    }
    q
}

/// Σ_u Σ_t p_u[t] by one dense solve.
fn reach(q: &[Vec<f64>], recipe: &RandomWalk, n_users: usize, targets: &[ItemId]) -> f64 {
    let n = q.len();
    let cell = |x: usize, y: usize| match recipe.orientation {
        Orientation::Stationary => q[y][x],
        Orientation::PaperLiteral => q[x][y],
    };
    let matrix = (0..n)
        .map(|x| (0..n).map(|y| f64::from(x == y) - (1.0 - recipe.restart) * cell(x, y)).collect())
        .collect();
    let rhs = (0..n).map(|x| if x < n_users { recipe.restart } else { 0.0 }).collect();
    let p = solve(matrix, rhs);
    targets.iter().map(|t| p[n_users + t.index()]).sum()
}

#[test]
fn influence_is_the_derivative_of_the_exact_solution() {
    for data in worlds() {
        let (graph, n, q) = (WalkGraph::new(&data, None), data.n_users(), transitions(&data));
        for recipe in &RECIPES {
            for targets in [&[ItemId(4)][..], &[ItemId(0), ItemId(13)]] {
                let influence = WalkInfluence::new(&graph, recipe, targets, None);
                for (k, j) in [(0, 1), (3, 4), (7, 4), (11, 0), (19, 14)] {
                    let moved = |by: f64| {
                        let mut q = q.clone();
                        q[k][n + j] += by;
                        reach(&q, recipe, n, targets)
                    };
                    let h = 1e-5;
                    let difference = (moved(h) - moved(-h)) / (2.0 * h);
                    let phi = influence.edge(k, j);
                    assert!(
                        (phi - difference).abs() < 1e-7 * difference.abs().max(1e-3),
                        "{recipe:?} {targets:?} ({k}, {j}): {phi} against {difference}"
                    );
                }
            }
        }
    }
}

#[test]
fn renormalised_influence_is_what_removal_takes_away() {
    for data in worlds() {
        let (graph, n, q) = (WalkGraph::new(&data, None), data.n_users(), transitions(&data));
        for recipe in &RECIPES {
            let targets = [ItemId(2), ItemId(6)];
            let influence = WalkInfluence::new(&graph, recipe, &targets, None);
            let users = influence.users(true);
            for (k, &user_influence) in users.iter().enumerate() {
                let edges = influence.edges(k, true);
                assert!((edges.iter().sum::<f64>() - user_influence).abs() < 1e-12);
                for (&j, influence) in graph.profiles().columns(k).iter().zip(&edges) {
                    let (j, own) = (n + j as usize, q[k][n + j as usize]);
                    let removed = |share: f64| {
                        let mut q = q.clone();
                        for (y, cell) in q[k].iter_mut().enumerate() {
                            let change = if y == j { -own } else { own * *cell / (1.0 - own) };
                            *cell += share * change;
                        }
                        reach(&q, recipe, n, &targets)
                    };
                    let difference = (removed(-1e-4) - removed(1e-4)) / 2e-4;
                    assert!((influence - difference).abs() < 1e-8, "{recipe:?}: {influence} {difference}");
                }
            }
        }
    }
}

#[test]
fn a_short_series_reaches_raters_alone_and_a_long_one_everybody() {
    let data = &worlds()[0];
    let (graph, target) = (WalkGraph::new(data, None), ItemId(4));
    for recipe in [&RECIPES[0], &RECIPES[1]] {
        let by = |truncation| WalkInfluence::new(&graph, recipe, &[target], truncation).users(false);
        for order in [0, 1] {
            for (user, influence) in by(Some(order)).iter().enumerate() {
                let rated = data.row(UserId(user as u32)).contains(target);
                assert_eq!(*influence > 0.0, rated, "order {order}, user {user}");
            }
        }
        assert!(by(Some(3)).iter().all(|&influence| influence > 0.0));
        for (long, exact) in by(Some(300)).iter().zip(by(None)) {
            assert!((long - exact).abs() < 1e-11 * exact, "{long} {exact}");
        }
    }
}

#[test]
fn the_gradient_is_the_central_difference() {
    for data in worlds() {
        let graph = WalkGraph::new(&data, None);
        let users: Vec<UserId> = data.users().collect();
        let highest = if data.is_explicit() { 5.0 } else { 1.0 };
        let ratings: Vec<f64> =
            (0..15).map(|i| highest * (0.1 + 0.8 * f64::from(i * 7 % 15) / 15.0)).collect();
        for recipe in &RECIPES {
            for (targets, width, scaled) in [(&[4][..], 0.3, true), (&[1, 13], 0.01, false)] {
                let targets: Vec<ItemId> = targets.iter().copied().map(ItemId).collect();
                let lists = Lists { length: 3, width, ties: Ties::hashed(Seed::new(1)) };
                let mut relaxed = Relaxed::new(&graph, recipe, &data, &users, &targets, lists);
                if scaled {
                    relaxed.scale_by_lists(&ratings, 1e-14);
                }
                let ctx = Ctx::new(Seed::new(1));
                let mut at = |ratings: &[f64]| relaxed.slope(ratings, 1e-14, &ctx).unwrap();
                let gradient = at(&ratings).gradient;
                let largest = gradient.iter().fold(0.0f64, |max, x| max.max(x.abs()));
                assert!(largest > 0.0);
                for i in 0..ratings.len() {
                    let mut moved = |by: f64| {
                        let mut ratings = ratings.clone();
                        ratings[i] += by;
                        at(&ratings).loss
                    };
                    let h = 1e-4 * highest;
                    // Five points, for an error of fourth order in h.
                    let difference =
                        (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
                    assert!(
                        (gradient[i] - difference).abs() < 1e-6 * largest,
                        "{recipe:?}, {targets:?}, item {i}: {} against {difference}",
                        gradient[i]
                    );
                }
            }
        }
    }
}

#[test]
fn a_warm_start_does_not_change_the_answer() {
    let data = &worlds()[0];
    let graph = WalkGraph::new(data, None);
    let users: Vec<UserId> = data.users().collect();
    let lists = Lists { length: 3, width: 0.3, ties: Ties::hashed(Seed::new(1)) };
    let ctx = Ctx::new(Seed::new(1));
    let fresh = || Relaxed::new(&graph, &RECIPES[0], data, &users, &[ItemId(4)], lists);
    let (before, after) = (vec![1.0; 15], vec![2.5; 15]);
    let mut warm = fresh();
    warm.slope(&before, 1e-13, &ctx).unwrap();
    let (warm, cold) =
        (warm.slope(&after, 1e-13, &ctx).unwrap(), fresh().slope(&after, 1e-13, &ctx).unwrap());
    assert!((warm.loss - cold.loss).abs() < 1e-9);
    for (a, b) in warm.gradient.iter().zip(&cold.gradient) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
}
