//! What the attacker of Li et al. (NIPS 2016) maximises.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Audience, Goal};
use shillproof_kernels::parallel::{balanced, sum};

use crate::mf::vector::{axpy, dot, vectorized};
use crate::mf::{Factors, Rows, Theta};

/// How the two parts of a utility are put on one scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// Raw sums, as the paper has them: availability sums all unseen cells, integrity one cell a user.
    #[default]
    PaperRaw,
    /// Availability a cell, integrity a user.
    PerCell,
}

/// `μ₁ Σ_unseen (r̂ − r̄)² + μ₂ Σ_u Σ_t w r̂_ut` over genuine users: r̂ what the model predicts now, r̄ what it predicted on
/// clean data.
#[derive(Clone, Debug, PartialEq)]
pub struct Utility {
    /// μ₁, over the number of unseen cells if normalised.
    pub(crate) availability: f64,
    /// μ₂w, over the number of users if normalised.
    pub(crate) integrity: f64,
    targets: Vec<usize>,
    /// 1 for the users whose predictions count in the second part, by user.
    audience: Vec<f64>,
}

/// A utility at a point, with its derivative with respect to both factors of the predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct Slope {
    /// The utility.
    pub value: f64,
    /// With respect to the user factors; zero for fake users.
    pub users: Factors,
    /// With respect to the item factors.
    pub items: Factors,
}

impl Utility {
    /// The utility of `goal` with weights μ₁ and μ₂, w being the weight of a target.
    ///
    /// # Shapes
    /// `genuine`: one row a genuine user. `items`: how many there are.
    pub fn new(
        goal: &Goal,
        mu: (f64, f64),
        target_weight: f64,
        normalise: Normalise,
        genuine: &Rows,
        items: usize,
    ) -> Self {
        let users = genuine.len();
        let audience = match &goal.audience {
            Audience::All => vec![1.0; users],
            Audience::Users(chosen) => {
                let mut audience = vec![0.0; users];
                for user in chosen.iter().filter(|u| u.index() < users) {
                    audience[user.index()] = 1.0;
                }
                audience
            }
        };
        let unseen = (users * items - genuine.cells()).max(1) as f64;
        let (cells, people) = match normalise {
            Normalise::PaperRaw => (1.0, 1.0),
            Normalise::PerCell => (unseen, audience.iter().sum::<f64>().max(1.0)),
        };
        Self {
            availability: mu.0 / cells,
            integrity: mu.1 * target_weight / people,
            targets: goal.targets.iter().map(|t| t.index()).collect(),
            audience,
        }
    }

    /// The utility where predictions are inner products of rows of `now` (before: of `clean`, of any width).
    ///
    /// Costs what the observed cells cost, and a Gram product: no cell that nobody rated is visited.
    ///
    /// # Shapes
    /// `by_user`, `by_item`: observed cells; fake users, after the genuine ones, do not count.
    pub fn slope(&self, by_user: &Rows, by_item: &Rows, now: &Theta, clean: &Theta) -> Slope {
        let (genuine, n_items) = (self.audience.len(), now.items.rows());
        let mut out = Slope {
            value: 0.0,
            users: Factors::zeros(now.users.rows(), now.users.width()),
            items: Factors::zeros(n_items, now.items.width()),
        };
        if self.availability != 0.0 {
            self.add_availability(by_user, by_item, now, clean, &mut out);
        }
        if self.integrity != 0.0 {
            let mut people = vec![0.0; now.users.width()];
            for (u, &one) in self.audience.iter().enumerate() {
                axpy(one, now.users.row(u), &mut people);
            }
            let mut wanted = vec![0.0; now.items.width()];
            for &t in &self.targets {
                axpy(1.0, now.items.row(t), &mut wanted);
                axpy(self.integrity, &people, out.items.row_mut(t));
            }
            for u in 0..genuine {
                axpy(self.integrity * self.audience[u], &wanted, out.users.row_mut(u));
            }
            out.value += self.integrity * dot(&people, &wanted);
        }
        out
    }

    fn add_availability(&self, by_user: &Rows, by_item: &Rows, now: &Theta, clean: &Theta, out: &mut Slope) {
        let (genuine, n_items) = (self.audience.len(), now.items.rows());
        let twice = 2.0 * self.availability;
        let moved = |u: usize, j: usize| {
            dot(now.users.row(u), now.items.row(j)) - dot(clean.users.row(u), clean.items.row(j))
        };
        // Over all cells first: Gram products of now with now (n) and of clean (c) with either.
        let users = |a: &Theta, b: &Theta| Factors::cross(&a.users, &b.users, genuine);
        let items = |a: &Theta, b: &Theta| Factors::cross(&a.items, &b.items, n_items);
        let (nn, cn) = ((users(now, now), items(now, now)), (users(clean, now), items(clean, now)));
        let all =
            dot(&nn.0, &nn.1) - 2.0 * dot(&cn.0, &cn.1) + dot(&users(clean, clean), &items(clean, clean));
        let seen = sum(&balanced(&by_user.starts()[..=genuine], 1), |rows| {
            vectorized!(|| {
                let cells = rows.flat_map(|u| by_user.columns(u).iter().map(move |&j| (u, j as usize)));
                cells.map(|(u, j)| moved(u, j).powi(2)).sum::<f64>()
            })
        });
        out.value += self.availability * (all - seen);
        let width = now.users.width().max(1);
        out.users.for_each_row(|u, out| {
            if u < genuine {
                times(twice, now.users.row(u), &nn.1, width, out);
                times(-twice, clean.users.row(u), &cn.1, width, out);
                for &j in by_user.columns(u) {
                    axpy(-twice * moved(u, j as usize), now.items.row(j as usize), out);
                }
            }
        });
        out.items.for_each_row(|j, out| {
            times(twice, now.items.row(j), &nn.0, width, out);
            times(-twice, clean.items.row(j), &cn.0, width, out);
            for &u in by_item.columns(j).iter().filter(|&&u| (u as usize) < genuine) {
                axpy(-twice * moved(u as usize, j), now.users.row(u as usize), out);
            }
        });
    }
}

/// `out += c · x M`, M row-major and `width` wide.
fn times(c: f64, x: &[f64], m: &[f64], width: usize, out: &mut [f64]) {
    for (&x, line) in x.iter().zip(m.chunks_exact(width)) {
        axpy(c * x, line, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{ItemId, Objective, Seed, UserId};

    #[test]
    fn sums_and_slopes_are_those_of_the_definition() {
        let (users, items, d) = (7, 5, 3);
        let theta = |users, d, seed| Theta {
            users: Factors::normal(users, d, 1.0, Seed::new(seed)),
            items: Factors::normal(items, d, 1.0, Seed::new(seed + 1)),
        };
        // Clean predictions of another rank, and one fake user.
        let (now, clean) = (theta(users + 1, d, 1), theta(users, d + 1, 3));
        let mut rows = Rows::default();
        for u in 0..=users {
            rows.push(
                (0..items as u32).filter(|j| (u + *j as usize).is_multiple_of(3)).map(|j| (j, 1.0, 1.0)),
            );
        }
        let by_item = rows.transpose(items);
        let goal = Goal {
            targets: vec![ItemId(1), ItemId(4)],
            objective: Objective::Promote,
            audience: Audience::Users(vec![UserId(0), UserId(5)]),
        };
        let mut genuine = Rows::default();
        for u in 0..users {
            genuine.push(rows.columns(u).iter().map(|&j| (j, 1.0, 1.0)));
        }
        for normalise in [Normalise::PaperRaw, Normalise::PerCell] {
            let utility = Utility::new(&goal, (0.7, -1.3), 2.0, normalise, &genuine, items);
            let unseen = (users * items - genuine.cells()) as f64;
            let (cells, people) = if normalise == Normalise::PerCell { (unseen, 2.0) } else { (1.0, 1.0) };
            let direct = |now: &Theta| {
                let mut total = 0.0;
                for u in 0..users {
                    for j in 0..items {
                        let score = dot(now.users.row(u), now.items.row(j));
                        if !genuine.columns(u).contains(&(j as u32)) {
                            let before = dot(clean.users.row(u), clean.items.row(j));
                            total += 0.7 / cells * (score - before).powi(2);
                        }
                        if [1, 4].contains(&j) && [0, 5].contains(&u) {
                            total -= 1.3 * 2.0 / people * score;
                        }
                    }
                }
                total
            };
            let slope = utility.slope(&rows, &by_item, &now, &clean);
            assert!((slope.value - direct(&now)).abs() < 1e-10, "{} {}", slope.value, direct(&now));
            let h = 1e-6;
            let difference = |cell: &dyn Fn(&mut Theta) -> &mut f64| {
                let at = |by: f64| {
                    let mut moved = now.clone();
                    *cell(&mut moved) += by;
                    direct(&moved)
                };
                (at(h) - at(-h)) / (2.0 * h)
            };
            for k in 0..d {
                for u in 0..=users {
                    let numeric = difference(&|t| &mut t.users.row_mut(u)[k]);
                    assert!((slope.users.row(u)[k] - numeric).abs() < 1e-6, "user {u}: {numeric}");
                }
                for j in 0..items {
                    let numeric = difference(&|t| &mut t.items.row_mut(j)[k]);
                    assert!((slope.items.row(j)[k] - numeric).abs() < 1e-6, "item {j}: {numeric}");
                }
            }
        }
    }
}
