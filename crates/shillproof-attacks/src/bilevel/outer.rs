//! Outer losses: how far the targets are from the lists of the users that the attack is after.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use shillproof_core::{Interactions, ItemId, Ties, UserId};
use shillproof_kernels::{Csr, ItemPanels, Lane, Matrix, RowPanels, axpy, exp};

use super::lists::of_lists;
use super::training::{Trained, rows_of};

/// Rows of a block of scores.
const BLOCK: usize = 16;

/// The loss of one user, summed over users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OuterLoss {
    /// `−(1/|T|) Σ_t ln softmax(r̂_u)_t` over all items (Tang et al., RecSys 2020).
    CrossEntropy,
    /// `Σ_t Σ_v g(r̂_uv − r̂_ut)` over the items v ≠ t of the user's list, g(x) = 1/(1 + e^(−x/b)) (Zhang et al., KDD 2021).
    Wmw {
        /// b.
        width: f32,
        /// Length of the list.
        list_length: usize,
        /// Leaves out of the list what the user has.
        skip_seen: bool,
    },
}

/// Weights of users in the outer loss: constants to its derivative, 1 on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Difficulty {
    /// All alike.
    #[default]
    Unaware,
    /// `w_u ∝ e^(−L_u/τ)` of the user's loss L_u: those who nearly see the targets count most (after Li et al., NeurIPS 2022).
    Aware {
        /// τ.
        temperature: f32,
    },
}

impl Difficulty {
    pub(crate) fn of(temperature: Option<f64>) -> Self {
        temperature.map_or(Self::Unaware, |t| Self::Aware { temperature: t as f32 })
    }

    /// One weight a loss; none where all count alike.
    fn weights(self, losses: &[f64]) -> Option<Vec<f32>> {
        let Self::Aware { temperature } = self else { return None };
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let raw: Vec<f64> = losses.iter().map(|l| ((least - l) / f64::from(temperature)).exp()).collect();
        let scale = losses.len() as f64 / raw.iter().sum::<f64>();
        Some(raw.into_iter().map(|w| (w * scale) as f32).collect())
    }
}

fn weighted_sum(losses: &[f64], weights: Option<&[f32]>) -> f64 {
    let weight = |at: usize| weights.map_or(1.0, |w| f64::from(w[at]));
    losses.iter().enumerate().map(|(at, loss)| weight(at) * loss).sum()
}

/// Whose lists the targets are to enter, and what that is worth.
#[derive(Clone, Copy)]
pub struct Seekers<'a> {
    /// The loss of a user.
    pub loss: OuterLoss,
    /// How users are weighed against each other.
    pub difficulty: Difficulty,
    /// Genuine users, without repetition.
    pub users: &'a [UserId],
    /// Items to push up, without repetition; at least one.
    pub targets: &'a [ItemId],
    /// Interactions of genuine users.
    pub seen: &'a Interactions,
    /// How ties at the end of a list are broken.
    pub ties: Ties,
}

impl Seekers<'_> {
    /// The loss and its gradients with respect to the factors of all users and of all items.
    pub(super) fn gradient(&self, trained: &Trained) -> (f64, Matrix, Matrix) {
        match self.loss {
            OuterLoss::CrossEntropy => self.cross_entropy(trained),
            OuterLoss::Wmw { width, list_length, skip_seen } => {
                self.wmw(trained, width, list_length, skip_seen.then_some(self.seen))
            }
        }
    }

    fn cross_entropy(&self, trained: &Trained) -> (f64, Matrix, Matrix) {
        let Trained { users, items } = trained;
        let d = items.columns();
        let own = rows_of(users, self.users.iter().map(|u| u.index()));
        let share = 1.0 / self.targets.len() as f32;

        // ∂/∂r̂_ui = softmax(r̂_u)_i − 1/|T| for targets.
        let panels = ItemPanels::new(items);
        let rows = RowPanels::new(items);
        let mut of_own = Matrix::zeros(own.rows(), d);
        let blocks: Vec<([f64; BLOCK], Lane)> = of_own
            .as_mut_slice()
            .par_chunks_mut(BLOCK * d.max(1))
            .enumerate()
            .map_init(
                || vec![Lane::ZERO; panels.lanes()],
                |lanes, (at, out)| {
                    let block: Vec<&[f32]> = chunk(&own, at).collect();
                    panels.score_lanes(&block, lanes);
                    let mut losses = [0.0; BLOCK];
                    for target in self.targets {
                        for (loss, &score) in losses.iter_mut().zip(&lanes[target.index()].0) {
                            *loss -= f64::from(score) * f64::from(share);
                        }
                    }
                    let log_sum = softmax(&mut lanes[..items.rows()]);
                    for (loss, &log_sum) in losses.iter_mut().zip(&log_sum.0) {
                        *loss += f64::from(log_sum);
                    }
                    for target in self.targets {
                        for x in &mut lanes[target.index()].0 {
                            *x -= share;
                        }
                    }
                    rows.add_product(lanes, out);
                    (losses, log_sum)
                },
            )
            .collect();
        let losses: Vec<f64> = blocks.iter().flat_map(|b| b.0).take(own.rows()).collect();
        let weights = self.difficulty.weights(&losses);
        let loss = weighted_sum(&losses, weights.as_deref());
        let log_sums: Vec<f32> = blocks.iter().flat_map(|b| b.1.0).take(own.rows()).collect();

        let (panels, rows) = (ItemPanels::new(&own), RowPanels::new(&own));
        let mut of_items = Matrix::zeros(items.rows(), d);
        of_items.as_mut_slice().par_chunks_mut(BLOCK * d.max(1)).enumerate().for_each_init(
            || vec![Lane::ZERO; panels.lanes()],
            |lanes, (at, out)| {
                let block: Vec<&[f32]> = chunk(items, at).collect();
                panels.score_lanes(&block, lanes);
                Arch::new().dispatch(Probabilities { lanes: &mut lanes[..own.rows()], log_sums: &log_sums });
                for target in self.targets.iter().filter(|t| t.index() / BLOCK == at) {
                    for lane in &mut lanes[..own.rows()] {
                        lane.0[target.index() % BLOCK] -= share;
                    }
                }
                for (lane, &weight) in lanes.iter_mut().zip(weights.iter().flatten()) {
                    for x in &mut lane.0 {
                        *x *= weight;
                    }
                }
                rows.add_product(lanes, out);
            },
        );

        let mut of_users = Matrix::zeros(users.rows(), d);
        for (at, user) in self.users.iter().enumerate() {
            let weight = weights.as_ref().map_or(1.0, |w| w[at]);
            axpy(weight, of_own.row(at), of_users.row_mut(user.index()));
        }
        (loss, of_users, of_items)
    }

    fn wmw(
        &self,
        trained: &Trained,
        width: f32,
        list_length: usize,
        skip: Option<&Interactions>,
    ) -> (f64, Matrix, Matrix) {
        let Trained { users, items } = trained;
        let slopes = of_lists(trained, self.users, skip, list_length, self.ties, |_, scores, list| {
            let mut slopes: Vec<(u32, f32)> = list.iter().map(|entry| (entry.0.0, 0.0)).collect();
            let mut loss = 0.0;
            for target in self.targets {
                let own = scores[target.index()];
                let mut total = 0.0;
                for ((item, score), slope) in list.iter().zip(&mut slopes) {
                    // g(0) is a constant.
                    if item != target {
                        let g = logistic(f64::from(score - own) / f64::from(width));
                        loss += g;
                        let of_score = (g * (1.0 - g) / f64::from(width)) as f32;
                        slope.1 += of_score;
                        total += of_score;
                    }
                }
                slopes.push((target.0, -total));
            }
            (loss, slopes)
        });
        let losses: Vec<f64> = slopes.iter().map(|s| s.0).collect();
        let weights = self.difficulty.weights(&losses);
        let loss = weighted_sum(&losses, weights.as_deref());
        let mut rows = vec![Vec::new(); users.rows()];
        for (at, (user, (_, mut slopes))) in self.users.iter().zip(slopes).enumerate() {
            let weight = weights.as_ref().map_or(1.0, |w| w[at]);
            for slope in &mut slopes {
                slope.1 *= weight;
            }
            rows[user.index()] = slopes;
        }
        let by_user = Csr::from_rows(items.rows(), &rows);
        (loss, product(&by_user, items), product(&by_user.transpose(), users))
    }
}

/// `Σ_c value_rc other_c` for every row.
fn product(cells: &Csr, other: &Matrix) -> Matrix {
    let mut out = Matrix::zeros(cells.n_rows(), other.columns());
    out.as_mut_slice().par_chunks_mut(other.columns().max(1)).enumerate().for_each(|(row, out)| {
        for (&c, &value) in cells.columns(row).iter().zip(cells.values(row).unwrap_or_default()) {
            axpy(value, other.row(c as usize), out);
        }
    });
    out
}

fn chunk(of: &Matrix, at: usize) -> impl Iterator<Item = &[f32]> {
    (at * BLOCK..of.rows().min((at + 1) * BLOCK)).map(|r| of.row(r))
}

/// 1/(1 + e^{−x}) without overflow.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// Turns scores into probabilities over the lanes; returns the logarithms of the sums.
fn softmax(lanes: &mut [Lane]) -> Lane {
    Arch::new().dispatch(Softmax(lanes))
}

/// Lanes whose sum is kept in one number.
const RUN: usize = 64;

struct Softmax<'a>(&'a mut [Lane]);

impl WithSimd for Softmax<'_> {
    type Output = Lane;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Lane {
        let mut largest = Lane([f32::NEG_INFINITY; BLOCK]);
        for lane in self.0.iter() {
            for k in 0..BLOCK {
                largest.0[k] = largest.0[k].max(lane.0[k]);
            }
        }
        let mut sums = [0.0f64; BLOCK];
        for lanes in self.0.chunks_mut(RUN) {
            let mut run = Lane::ZERO;
            for lane in lanes {
                for k in 0..BLOCK {
                    lane.0[k] = exp(lane.0[k] - largest.0[k]);
                    run.0[k] += lane.0[k];
                }
            }
            for k in 0..BLOCK {
                sums[k] += f64::from(run.0[k]);
            }
        }
        let inverse = Lane(sums.map(|sum| (1.0 / sum) as f32));
        for lane in self.0.iter_mut() {
            for k in 0..BLOCK {
                lane.0[k] *= inverse.0[k];
            }
        }
        Lane(std::array::from_fn(|k| (f64::from(largest.0[k]) + sums[k].ln()) as f32))
    }
}

/// Scores of items by users into probabilities, given each user's logarithm of the sum.
struct Probabilities<'a> {
    lanes: &'a mut [Lane],
    log_sums: &'a [f32],
}

impl WithSimd for Probabilities<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (lane, &log_sum) in self.lanes.iter_mut().zip(self.log_sums) {
            for k in 0..BLOCK {
                lane.0[k] = exp(lane.0[k] - log_sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Seed;
    use shillproof_testkit::fixtures::Planted;

    const USERS: usize = 45;
    const ITEMS: usize = 37;
    const D: usize = 5;

    /// The loss over all cells, in f64, with lists held.
    fn by_hand(seekers: &Seekers<'_>, lists: &[Vec<ItemId>], p: &[f64], q: &[f64]) -> f64 {
        let score = |u: usize, i: usize| (0..D).map(|k| p[u * D + k] * q[i * D + k]).sum::<f64>();
        let mut loss = 0.0;
        for (user, list) in seekers.users.iter().zip(lists) {
            let u = user.index();
            for target in seekers.targets {
                let own = score(u, target.index());
                match seekers.loss {
                    OuterLoss::CrossEntropy => {
                        let sum: f64 = (0..ITEMS).map(|i| score(u, i).exp()).sum();
                        loss -= (own - sum.ln()) / seekers.targets.len() as f64;
                    }
                    OuterLoss::Wmw { width, .. } => {
                        let one = |i: &ItemId| logistic((score(u, i.index()) - own) / f64::from(width));
                        loss += list.iter().filter(|&i| i != target).map(one).sum::<f64>();
                    }
                }
            }
        }
        loss
    }

    #[test]
    fn losses_and_gradients_match_central_differences() {
        let data = Planted { users: USERS, items: ITEMS, clusters: 3, per_user: 9, affinity: 0.8 }
            .implicit(Seed::new(1));
        let trained = Trained {
            users: Matrix::normal(USERS + 3, D, 0.7, Seed::new(2)),
            items: Matrix::normal(ITEMS, D, 0.7, Seed::new(3)),
        };
        let users: Vec<UserId> = (0..USERS as u32).filter(|u| u % 5 != 1).map(UserId).collect();
        let wmw = |skip_seen| OuterLoss::Wmw { width: 0.5, list_length: 7, skip_seen };
        for loss in [OuterLoss::CrossEntropy, wmw(false), wmw(true)] {
            let seekers = Seekers {
                loss,
                difficulty: Difficulty::Unaware,
                users: &users,
                targets: &[ItemId(3), ItemId(16), ItemId(36)],
                seen: &data,
                ties: Ties::hashed(Seed::new(4)),
            };
            let skip = (loss == wmw(true)).then_some(&data);
            let lists = of_lists(&trained, &users, skip, 7, seekers.ties, |_, _, list| {
                list.iter().map(|e| e.0).collect::<Vec<_>>()
            });
            let wide = |m: &Matrix| m.as_slice().iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
            let (p, q) = (wide(&trained.users), wide(&trained.items));
            let (value, of_users, of_items) = seekers.gradient(&trained);
            let exact = by_hand(&seekers, &lists, &p, &q);
            assert!((value - exact).abs() < 1e-5 * exact, "{value} for {exact}");
            let slope = |at: usize, of_users: bool| {
                let moved = |h: f64| {
                    let (mut p, mut q) = (p.clone(), q.clone());
                    (if of_users { &mut p } else { &mut q })[at] += h;
                    by_hand(&seekers, &lists, &p, &q)
                };
                (moved(1e-5) - moved(-1e-5)) / 2e-5
            };
            for (gradient, users) in [(&of_users, true), (&of_items, false)] {
                for (at, &got) in gradient.as_slice().iter().enumerate() {
                    let exact = slope(at, users);
                    assert!((f64::from(got) - exact).abs() < 2e-5 * (1.0 + exact.abs()), "{got} for {exact}");
                }
            }
        }
    }
}
