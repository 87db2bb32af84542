//! The objective, and its minimisation by alternating least squares.

use rayon::prelude::*;
use shillproof_core::{AttackError, Ctx, FitError};
use shillproof_kernels::parallel::{balanced, sum};

use super::blocks::{Blocks, Side};
use super::factors::{Factors, Theta};
use super::rows::{FakeRow, Rows};
use super::vector::{axpy, dot, vectorized};

/// The constants of the objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// w of an observed cell.
    pub observed: f64,
    /// w₀ of every other cell; 0 where only observed cells count.
    pub base: f64,
    /// λ_U; positive.
    pub user_ridge: f64,
    /// λ_V; positive.
    pub item_ridge: f64,
}

/// Genuine and fake cells with the weights of the objective.
///
/// ```
/// use shillproof_attacks::mf::{FakeRow, Problem, Rows, Weights};
/// use shillproof_core::{Ctx, Seed};
/// let mut genuine = Rows::default();
/// genuine.push([(0, 5.0, 1.0), (1, 1.0, 1.0)]);
/// let fake = FakeRow { items: vec![1], scores: vec![4.5] };
/// let weights = Weights { observed: 1.0, base: 0.0, user_ridge: 0.1, item_ridge: 0.1 };
/// let problem = Problem::new(&genuine, 2, &[fake], weights);
/// let ctx = Ctx::new(Seed::new(1));
/// let mut theta = problem.start(1, ctx.seed);
/// problem.fit_until(&mut theta, 1e-10, 10_000, &ctx)?;
/// assert_eq!((theta.users.rows(), theta.items.rows()), (2, 2));
/// assert!(problem.stationarity(&theta) < 1e-10);
/// # Ok::<(), shillproof_core::AttackError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Problem {
    pub(super) by_user: Rows,
    pub(super) by_item: Rows,
    pub(super) weights: Weights,
    genuine: usize,
}

/// Deviation of a random start, as in the victims.
const START: f64 = 0.1;

impl Problem {
    /// # Shapes
    /// `genuine`: one row a genuine user, columns below `items`. `fakes`: one a fake user; they become the last rows.
    pub fn new(genuine: &Rows, items: usize, fakes: &[FakeRow], weights: Weights) -> Self {
        let mut by_user = genuine.clone();
        for fake in fakes {
            by_user.push(fake.items.iter().zip(&fake.scores).map(|(&i, &r)| (i, r, weights.observed)));
        }
        Self { by_item: by_user.transpose(items), by_user, weights, genuine: genuine.len() }
    }

    /// Users, fake ones included.
    pub fn n_users(&self) -> usize {
        self.by_user.len()
    }

    /// Genuine users.
    pub fn n_genuine(&self) -> usize {
        self.genuine
    }

    /// Items.
    pub fn n_items(&self) -> usize {
        self.by_item.len()
    }

    /// Observed cells by user, fake users last.
    pub fn by_user(&self) -> &Rows {
        &self.by_user
    }

    /// Observed cells by item, fake users last in each.
    pub fn by_item(&self) -> &Rows {
        &self.by_item
    }

    /// The constants.
    pub fn weights(&self) -> Weights {
        self.weights
    }

    /// A random start of width `factors`.
    pub fn start(&self, factors: usize, seed: shillproof_core::Seed) -> Theta {
        Theta {
            users: Factors::zeros(self.n_users(), factors),
            items: Factors::normal(self.n_items(), factors, START, seed.child("items")),
        }
    }

    /// `sweeps` exact sweeps of alternating least squares from `theta`: users, then items. The user factors of the
    /// start are not read; rows are added or cut where the number of fake users has changed.
    ///
    /// # Errors
    /// If factors overflow, or somebody asks to stop.
    pub fn fit(&self, theta: &mut Theta, sweeps: usize, ctx: &Ctx<'_>) -> Result<(), AttackError> {
        theta.users.resize(self.n_users());
        for sweep in 0..sweeps {
            ctx.check()?;
            Side::users(self, &theta.items).solve_rows(&mut theta.users);
            Side::items(self, &theta.users).solve_rows(&mut theta.items);
            if !theta.is_finite() {
                return Err(FitError::Diverged { iteration: sweep }.into());
            }
        }
        Ok(())
    }

    /// As [`Problem::fit`], and the blocks that the last sweep was solved with: those of items are those at `theta`, those of
    /// users belong to the items before the last half of the sweep. Near a stationary point the two are as good
    /// as equal, and a sweep's worth of factorising is saved.
    ///
    /// # Errors
    /// As [`Problem::fit`].
    pub fn fit_with_blocks(
        &self,
        theta: &mut Theta,
        sweeps: usize,
        ctx: &Ctx<'_>,
    ) -> Result<Blocks, AttackError> {
        self.fit(theta, sweeps.saturating_sub(1), ctx)?;
        let users = Side::users(self, &theta.items).solve_rows_with_blocks(&mut theta.users);
        let items = Side::items(self, &theta.users).solve_rows_with_blocks(&mut theta.items);
        if !theta.is_finite() {
            return Err(FitError::Diverged { iteration: sweeps }.into());
        }
        Ok(Blocks { users, items })
    }

    /// Sweeps until [`Problem::stationarity`] is below `tolerance`, at most `most` of them; how many it took.
    ///
    /// # Errors
    /// As [`Problem::fit`].
    pub fn fit_until(
        &self,
        theta: &mut Theta,
        tolerance: f64,
        most: usize,
        ctx: &Ctx<'_>,
    ) -> Result<usize, AttackError> {
        for done in 1..=most {
            self.fit(theta, 1, ctx)?;
            if self.stationarity(theta) < tolerance {
                return Ok(done);
            }
        }
        Ok(most)
    }

    /// The factorised diagonal blocks of half the Hessian at `theta`.
    pub fn blocks(&self, theta: &Theta) -> Blocks {
        Blocks {
            users: Side::users(self, &theta.items).factorize(),
            items: Side::items(self, &theta.users).factorize(),
        }
    }

    /// J at `theta`.
    pub fn value(&self, theta: &Theta) -> f64 {
        let Weights { base, user_ridge, item_ridge, .. } = self.weights;
        let cells = sum(&balanced(self.by_user.starts(), 1), |rows| {
            vectorized!(|| {
                let mut total = 0.0;
                for u in rows {
                    let x = theta.users.row(u);
                    let cells =
                        self.by_user.columns(u).iter().zip(self.by_user.value(u)).zip(self.by_user.weight(u));
                    for ((&j, &r), &w) in cells {
                        let score = dot(x, theta.items.row(j as usize));
                        total += w * (r - score).powi(2) - base * score * score;
                    }
                }
                total
            })
        });
        let all = if base > 0.0 {
            let x = Factors::cross(&theta.users, &theta.users, self.n_users());
            let y = Factors::cross(&theta.items, &theta.items, self.n_items());
            base * dot(&x, &y)
        } else {
            0.0
        };
        cells + all + user_ridge * square(&theta.users) + item_ridge * square(&theta.items)
    }

    /// ∇J at `theta`.
    pub fn gradient(&self, theta: &Theta) -> Theta {
        Theta {
            users: Side::users(self, &theta.items).gradient(&theta.users),
            items: Side::items(self, &theta.users).gradient(&theta.items),
        }
    }

    /// How far `theta` is from a stationary point: |∇J|/|θ|.
    pub fn stationarity(&self, theta: &Theta) -> f64 {
        (self.gradient(theta).squared_norm() / theta.squared_norm().max(f64::MIN_POSITIVE)).sqrt()
    }
}

fn square(a: &Factors) -> f64 {
    let parts: Vec<f64> = a.as_slice().par_chunks(1 << 14).map(|c| vectorized!(|| dot(c, c))).collect();
    parts.into_iter().sum()
}

impl Side<'_> {
    /// Derivative of J with respect to this side's rows.
    fn gradient(&self, own: &Factors) -> Factors {
        let gram = self.base_gram();
        let mut out = Factors::zeros(own.rows(), own.width());
        out.for_each_row(|row, out| {
            let x = own.row(row);
            axpy(2.0 * self.ridge, x, out);
            if let Some(gram) = &gram {
                for (&x, line) in x.iter().zip(gram.chunks_exact(x_len(own))) {
                    axpy(2.0 * x, line, out);
                }
            }
            let cells = self.cells.columns(row).iter().zip(self.cells.value(row)).zip(self.cells.weight(row));
            for ((&j, &r), &w) in cells {
                let y = self.other.row(j as usize);
                axpy(2.0 * ((w - self.base) * dot(x, y) - w * r), y, out);
            }
        });
        out
    }
}

fn x_len(own: &Factors) -> usize {
    own.width().max(1)
}
