//! From the derivative of a utility in the factors to its derivative in the scores of fake cells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::factors::{Factors, Theta};
use super::problem::Problem;
use super::vector::{axpy, dot};

/// Which of a fitted model's answers to a changed score are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// All: the optimum is differentiated.
    #[default]
    Implicit,
    /// The item's factor, and the fake user's with the factors of all items it rates.
    Coupled,
    /// The item's factor alone, as the papers print it.
    Paper,
}

impl Problem {
    /// What stands in for the solution s of `∇²J s = ∇R` in [`Mode::Coupled`] (`coupled`) and [`Mode::Paper`]: genuine users stay
    /// where they are, each item answers by its own block, and the fake users, if `coupled`, by theirs.
    ///
    /// # Shapes
    /// `items`: ∂R/∂y, one row an item. `blocks`: at `theta`.
    pub fn frozen(&self, theta: &Theta, blocks: &Blocks, items: &Factors, coupled: bool) -> Theta {
        let d = items.width();
        let mut s = Theta { users: Factors::zeros(self.n_users(), d), items: items.clone() };
        // s_j = ½B_j⁻¹b_j.
        blocks.items.solve(&self.by_item, &mut s.items, &[0.5]);
        if coupled {
            let base = self.weights.base;
            let coupling = (base > 0.0).then(|| Factors::cross(&theta.items, &s.items, self.n_items()));
            let (h, mut users) = (s.items.clone(), s.users);
            users.for_each_row(|v, out| {
                if v < self.n_genuine() {
                    return;
                }
                let z = theta.users.row(v);
                if let Some(coupling) = &coupling {
                    for i in 0..d {
                        for j in 0..d {
                            out[i] -= base * (coupling[i * d + j] + coupling[j * d + i]) * z[j];
                        }
                    }
                }
                for at in self.by_user.span(v) {
                    let (j, value, weight) = self.by_user.at(at);
                    let (y, h) = (theta.items.row(j as usize), h.row(j as usize));
                    axpy(weight * value - (weight - base) * dot(z, y), h, out);
                    axpy(-(weight - base) * dot(z, h), y, out);
                }
            });
            // s_v = A_v⁻¹(what the items' answers ask of it).
            blocks.users.solve(&self.by_user, &mut users, &[1.0]);
            s.users = users;
        }
        s
    }

    /// `∂R/∂r_vj = 2w(s_vᵀy_j + s_jᵀx_v)` for every cell of every fake user.
    ///
    /// # Shapes
    /// One list a fake user, in the order of its cells.
    pub fn cell_derivatives(&self, theta: &Theta, s: &Theta) -> Vec<Vec<f64>> {
        let one = |v: usize| {
            let (z, sz) = (theta.users.row(v), s.users.row(v));
            let cells = self.by_user.columns(v).iter().zip(self.by_user.weight(v));
            cells
                .map(|(&j, &w)| {
                    let j = j as usize;
                    2.0 * w * (dot(sz, theta.items.row(j)) + dot(s.items.row(j), z))
                })
                .collect()
        };
        (self.n_genuine()..self.n_users()).map(one).collect()
    }
}
