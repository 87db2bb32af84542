//! The linear system behind a walk with restart, solved for many right-hand sides at once.
//!
//! Users and items only have edges to each other, so a sweep computes the users from the items and the items from
//! those users: two steps of the power iteration for the price of one, and an error that falls by (1 − α)² or faster.

// Vector code must be inlined into the function that `pulp` compiles for the chosen instruction set,
// and there an index says more than an iterator.
#![allow(clippy::inline_always, clippy::needless_range_loop)]

use shillproof_kernels::{Csr, vectorized};

use super::graph::{Orientation, WalkGraph};

/// Right-hand sides of one block.
pub const LANES: usize = 16;

/// A value for each node and each of `L` right-hand sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Nodes<const L: usize> {
    /// Users; the extra user, if there is one, comes last.
    pub users: Vec<[f64; L]>,
    /// Items.
    pub items: Vec<[f64; L]>,
}

impl<const L: usize> Nodes<L> {
    /// Zero everywhere.
    pub fn zero(n_users: usize, n_items: usize) -> Self {
        Self { users: vec![[0.0; L]; n_users], items: vec![[0.0; L]; n_items] }
    }
}

/// x = (1 − α) T x + b on a graph, with T = Qᵀ or Q. One more user may be given as a dense row of ratings.
pub struct WalkSystem<'a> {
    graph: &'a WalkGraph,
    extra: Option<&'a [f64]>,
    orientation: Orientation,
    /// 1 − α.
    keep: f64,
    /// What a user's or an item's value is multiplied by before and after it goes over the edges.
    users: Vec<Scale>,
    items: Vec<Scale>,
    item_total: Vec<f64>,
    user_total: Vec<f64>,
}

#[derive(Clone, Copy)]
struct Scale {
    before: f64,
    after: f64,
}

impl<'a> WalkSystem<'a> {
    /// The system of the walk that restarts with probability `restart` in each step.
    ///
    /// # Shapes
    /// `extra`: one rating of at least 0 an item.
    pub fn new(
        graph: &'a WalkGraph,
        orientation: Orientation,
        restart: f64,
        extra: Option<&'a [f64]>,
    ) -> Self {
        let inverse = |total: f64| if total > 0.0 { 1.0 / total } else { 0.0 };
        let item_total: Vec<f64> = (0..graph.n_items())
            .map(|i| graph.item_total(i) + extra.map_or(0.0, |ratings| ratings[i]))
            .collect();
        let mut users: Vec<(f64, f64)> =
            (0..graph.n_users()).map(|u| (graph.user_weight(u), graph.user_total(u))).collect();
        users.extend(extra.map(|ratings| (1.0, ratings.iter().sum())));
        let (user_scale, item_scale): (Vec<Scale>, Vec<Scale>) = match orientation {
            Orientation::Stationary => (
                users.iter().map(|&(w, total)| Scale { before: inverse(total), after: w }).collect(),
                item_total.iter().map(|&total| Scale { before: inverse(total), after: 1.0 }).collect(),
            ),
            Orientation::PaperLiteral => (
                users.iter().map(|&(w, total)| Scale { before: w, after: inverse(total) }).collect(),
                item_total.iter().map(|&total| Scale { before: 1.0, after: inverse(total) }).collect(),
            ),
        };
        Self {
            graph,
            extra,
            orientation,
            keep: 1.0 - restart,
            users: user_scale,
            items: item_scale,
            item_total,
            user_total: users.iter().map(|&(w, total)| w * total).collect(),
        }
    }

    /// Users, the extra one included.
    pub fn n_users(&self) -> usize {
        self.users.len()
    }

    /// Sums of the items' ratings, those of the extra user included.
    pub fn item_totals(&self) -> &[f64] {
        &self.item_total
    }

    /// Sum of the extra user's ratings.
    pub fn extra_total(&self) -> f64 {
        if self.extra.is_some() { self.user_total[self.graph.n_users()] } else { 0.0 }
    }

    /// A start whose error has no part along the slowest direction of the iteration, on a connected graph: the right
    /// total in the stationary reading, the right constant in the other.
    pub fn start<const L: usize>(&self, rhs: &Nodes<L>) -> Nodes<L> {
        let mut x = Nodes::zero(self.n_users(), self.graph.n_items());
        let total: f64 = self.item_total.iter().sum();
        if total <= 0.0 {
            return x;
        }
        let (mut users, mut items) = ([0.0; L], [0.0; L]);
        let weight = |node: f64| match self.orientation {
            Orientation::Stationary => 1.0,
            Orientation::PaperLiteral => node / total,
        };
        for (cells, &node) in rhs.users.iter().zip(&self.user_total) {
            for l in 0..L {
                users[l] += weight(node) * cells[l];
            }
        }
        for (cells, &node) in rhs.items.iter().zip(&self.item_total) {
            for l in 0..L {
                items[l] += weight(node) * cells[l];
            }
        }
        for (cells, &node) in x.items.iter_mut().zip(&self.item_total) {
            let share = match self.orientation {
                Orientation::Stationary => node / total,
                Orientation::PaperLiteral => 1.0,
            };
            for l in 0..L {
                cells[l] = share * (self.keep * users[l] + items[l]) / (1.0 - self.keep * self.keep);
            }
        }
        x
    }

    /// Improves `x` until its error is less than `tolerance` times ‖b‖/α, in the norm in which walks contract: the sum
    /// over nodes (stationary) or the largest value (paper-literal). Each right-hand side stops on its own: what else
    /// is in the block does not change a bit.
    pub fn solve(&self, rhs: &Nodes<LANES>, x: &mut Nodes<LANES>, tolerance: f64) {
        self.solve_lanes(rhs, x, tolerance);
    }

    /// [`WalkSystem::solve`] for one right-hand side, to the same bits.
    pub fn solve_one(&self, rhs: &Nodes<1>, x: &mut Nodes<1>, tolerance: f64) {
        self.solve_lanes(rhs, x, tolerance);
    }

    /// T x, for one vector.
    #[must_use]
    pub fn step(&self, x: &Nodes<1>) -> Nodes<1> {
        let zero = Nodes::zero(self.n_users(), self.graph.n_items());
        let mut out = zero.clone();
        let (mut buffer, mut change) = (Vec::new(), [0.0]);
        self.users_from(&x.items, 1.0, &zero.users, &[true], &mut buffer, &mut out.users);
        self.items_from(&x.users, 1.0, &zero.items, &[true], &mut buffer, &mut out.items, &mut change);
        out
    }

    fn solve_lanes<const L: usize>(&self, rhs: &Nodes<L>, x: &mut Nodes<L>, tolerance: f64) {
        let restart = 1.0 - self.keep;
        let mut limit = [0.0; L];
        for cells in rhs.users.iter().chain(&rhs.items) {
            for l in 0..L {
                limit[l] = self.norm(limit[l], cells[l].abs());
            }
        }
        let mut active = limit.map(|l| l > 0.0);
        // The error left is at most (1 − α)² / (1 − (1 − α)²) times the last change.
        let contraction = self.keep * self.keep;
        let share = tolerance * ((1.0 - contraction) / contraction).min(1.0) / restart;
        let limit = limit.map(|l| l * share);
        for cells in x.users.iter_mut().chain(&mut x.items) {
            for l in 0..L {
                cells[l] = if active[l] { cells[l] } else { 0.0 };
            }
        }
        // From a start as large as the answer no more sweeps are needed, wherever rounding stops the change.
        let most = ((tolerance * restart).ln() / (2.0 * self.keep.ln())).ceil() as usize + 64;
        let mut buffer = Vec::new();
        for _ in 0..most {
            if !active.contains(&true) {
                return;
            }
            let mut change = [0.0; L];
            self.users_from(&x.items, self.keep, &rhs.users, &active, &mut buffer, &mut x.users);
            self.items_from(&x.users, self.keep, &rhs.items, &active, &mut buffer, &mut x.items, &mut change);
            for l in 0..L {
                active[l] &= change[l] >= limit[l];
            }
        }
    }

    #[inline(always)]
    fn norm(&self, so_far: f64, value: f64) -> f64 {
        match self.orientation {
            Orientation::Stationary => so_far + value,
            Orientation::PaperLiteral => so_far.max(value),
        }
    }

    /// New values of the active lanes of all users.
    fn users_from<const L: usize>(
        &self,
        items: &[[f64; L]],
        keep: f64,
        rhs: &[[f64; L]],
        active: &[bool; L],
        buffer: &mut Vec<[f64; L]>,
        users: &mut [[f64; L]],
    ) {
        scaled(items, &self.items, buffer);
        vectorized!(|| {
            for u in 0..self.graph.n_users() {
                let sum = pull(self.graph.profiles(), u, buffer);
                blend(&mut users[u], &sum, keep * self.users[u].after, &rhs[u], active);
            }
            if let Some(ratings) = self.extra {
                let v = self.graph.n_users();
                let mut sum = [0.0; L];
                for (cells, &rating) in buffer.iter().zip(ratings) {
                    for l in 0..L {
                        sum[l] += rating * cells[l];
                    }
                }
                blend(&mut users[v], &sum, keep * self.users[v].after, &rhs[v], active);
            }
        });
    }

    /// New values of the active lanes of all items, and how much they changed.
    #[expect(clippy::too_many_arguments, reason = "the sides of one product, and its scratch space")]
    fn items_from<const L: usize>(
        &self,
        users: &[[f64; L]],
        keep: f64,
        rhs: &[[f64; L]],
        active: &[bool; L],
        buffer: &mut Vec<[f64; L]>,
        items: &mut [[f64; L]],
        change: &mut [f64; L],
    ) {
        scaled(users, &self.users, buffer);
        let extra = self.extra.map(|ratings| (ratings, buffer[self.graph.n_users()]));
        vectorized!(|| {
            for i in 0..self.graph.n_items() {
                let mut sum = pull(self.graph.raters(), i, buffer);
                if let Some((ratings, from_extra)) = &extra {
                    for l in 0..L {
                        sum[l] += ratings[i] * from_extra[l];
                    }
                }
                let old = items[i];
                blend(&mut items[i], &sum, keep * self.items[i].after, &rhs[i], active);
                for l in 0..L {
                    change[l] = self.norm(change[l], (items[i][l] - old[l]).abs());
                }
            }
        });
    }
}

fn scaled<const L: usize>(values: &[[f64; L]], scale: &[Scale], out: &mut Vec<[f64; L]>) {
    out.clear();
    out.extend(values.iter().zip(scale).map(|(cells, scale)| cells.map(|x| scale.before * x)));
}

/// The sum over one row's cells of the cell times the value of its column.
#[inline(always)]
fn pull<const L: usize>(rows: &Csr, row: usize, values: &[[f64; L]]) -> [f64; L] {
    let mut sum = [0.0; L];
    match rows.values(row) {
        Some(ratings) => {
            for (&column, &rating) in rows.columns(row).iter().zip(ratings) {
                let (cells, rating) = (&values[column as usize], f64::from(rating));
                for l in 0..L {
                    sum[l] += rating * cells[l];
                }
            }
        }
        None => {
            for &column in rows.columns(row) {
                let cells = &values[column as usize];
                for l in 0..L {
                    sum[l] += cells[l];
                }
            }
        }
    }
    sum
}

#[inline(always)]
fn blend<const L: usize>(
    out: &mut [f64; L],
    sum: &[f64; L],
    factor: f64,
    rhs: &[f64; L],
    active: &[bool; L],
) {
    for l in 0..L {
        let new = factor * sum[l] + rhs[l];
        out[l] = if active[l] { new } else { out[l] };
    }
}
