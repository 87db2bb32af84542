//! Damped conjugate gradients on the Hessian, several right-hand sides at once.

use shillproof_core::{Cancelled, Ctx};

use super::blocks::Blocks;
use super::factors::Theta;
use super::hessian::Hessian;
use super::problem::Problem;

/// How `(∇²J + 2μD)s = b` is solved, D being the diagonal blocks A_u, B_j, which also precondition.
///
/// Alternating least squares stops short of a minimum, where ∇²J is indefinite: μ is tripled for a right-hand side
/// whose search meets a direction of no positive curvature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Solver {
    /// First μ; 0 at a true minimum.
    pub damping: f64,
    /// Stops when the residual is at most this share of the right-hand side.
    pub tolerance: f64,
    /// Most products with the Hessian.
    pub max_steps: usize,
}

impl Default for Solver {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The solution for one right-hand side.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// s, with rows as in θ.
    pub s: Theta,
    /// The μ with which it was found.
    pub damping: f64,
    /// Products with the Hessian, those before a change of μ included.
    pub steps: usize,
    /// What is left: |b − (∇²J + 2μD)s| / |b|.
    pub residual: f64,
}

/// What a right-hand side waits for.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Its residual at the present s and μ.
    Start,
    /// The product with its search direction.
    Step,
    Done,
}

/// μ after a direction without positive curvature if it was 0.
const LEAST_DAMPING: f64 = 1e-3;

impl Solver {
    /// The default.
    pub const DEFAULT: Self = Self { damping: 0.1, tolerance: 1e-4, max_steps: 100 };

    /// Solves for one right-hand side at `theta`, from zero or from `start`.
    ///
    /// # Shapes
    /// `rhs`, `start`: rows as in `theta`. `blocks`: at `theta`, or near it.
    ///
    /// # Errors
    /// If somebody asks to stop.
    pub fn solve_one(
        &self,
        problem: &Problem,
        theta: &Theta,
        blocks: &Blocks,
        rhs: &Theta,
        start: Option<&Theta>,
        ctx: &Ctx<'_>,
    ) -> Result<Solution, Cancelled> {
        let start = start.map(|start| [start]);
        let start = start.as_ref().map(<[&Theta; 1]>::as_slice);
        let mut solutions = self.solve(&Hessian::new(problem, theta), blocks, &[rhs], start, ctx)?;
        Ok(solutions.pop().expect("invariant: one solution a right-hand side"))
    }

    /// Solves for every right-hand side, from zero or from `start`.
    ///
    /// Right-hand sides share the passes over the data and nothing else: each has the solution it would have alone.
    ///
    /// # Shapes
    /// `rhs`, `start`: rows as in θ.
    ///
    /// # Errors
    /// If somebody asks to stop.
    pub fn solve(
        &self,
        hessian: &Hessian<'_>,
        blocks: &Blocks,
        rhs: &[&Theta],
        start: Option<&[&Theta]>,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<Solution>, Cancelled> {
        let n = rhs.len();
        if n == 0 {
            return Ok(Vec::new());
        }
        let problem = hessian.problem();
        let b = Theta::interleave(rhs);
        let size: Vec<f64> = b.dots(&b, n).iter().map(|s| s.sqrt() / 2.0).collect();
        let zeros = || Theta::zeros(b.users.rows(), b.items.rows(), b.users.width());
        let mut s = start.map_or_else(zeros, Theta::interleave);
        let (mut r, mut p, mut product) = (zeros(), zeros(), zeros());
        let mut state: Vec<State> =
            size.iter().map(|&b| if b > 0.0 { State::Start } else { State::Done }).collect();
        let (mut damping, mut steps, mut rz) = (vec![self.damping; n], vec![0; n], vec![0.0; n]);
        let mut residual = vec![0.0; n];
        let select = |state: &[State], wanted: State| -> Vec<f64> {
            state.iter().map(|&s| if s == wanted { 1.0 } else { 0.0 }).collect()
        };
        // From zero, the first product is zero.
        let mut known = start.is_none();
        for _ in 0..self.max_steps {
            ctx.check()?;
            if state.iter().all(|&s| s == State::Done) {
                break;
            }
            // A right-hand side that starts multiplies s itself.
            let starting = select(&state, State::Start);
            let stepping: Vec<f64> = starting.iter().map(|s| 1.0 - s).collect();
            p.combine(&stepping, &starting, &s);
            if !known {
                hessian.product(&p, &damping, &mut product);
            }
            let curvature = p.dots(&product, n);
            let (mut alpha, mut keep, mut load) = (vec![0.0; n], vec![1.0; n], vec![0.0; n]);
            for k in 0..n {
                match state[k] {
                    State::Done => continue,
                    State::Start => (keep[k], load[k]) = (0.0, 0.5),
                    State::Step if curvature[k] > 0.0 => alpha[k] = rz[k] / curvature[k],
                    State::Step => damping[k] = (3.0 * damping[k]).max(LEAST_DAMPING),
                }
                steps[k] += usize::from(!known);
            }
            known = false;
            s.combine(&vec![1.0; n], &alpha, &p);
            // r ← b/2 − product for those that start, r − αproduct for those that step.
            r.combine(&keep, &load, &b);
            let less: Vec<f64> = (0..n).map(|k| if load[k] > 0.0 { -1.0 } else { -alpha[k] }).collect();
            r.combine(&vec![1.0; n], &less, &product);
            for (k, square) in r.dots(&r, n).into_iter().enumerate() {
                if state[k] == State::Done {
                    continue;
                }
                residual[k] = square.sqrt() / size[k];
                if residual[k] <= self.tolerance {
                    state[k] = State::Done;
                }
            }
            // z = D⁻¹r/(1 + μ), in the place of the product.
            let fresh: Vec<f64> = damping.iter().map(|mu| 1.0 / (1.0 + mu)).collect();
            product.combine(&vec![0.0; n], &vec![1.0; n], &r);
            blocks.solve(problem, &mut product, &fresh);
            let (mut keep, mut load) = (vec![1.0; n], vec![0.0; n]);
            for (k, new) in r.dots(&product, n).into_iter().enumerate() {
                let refused = state[k] == State::Step && alpha[k] == 0.0;
                match state[k] {
                    State::Done => continue,
                    State::Step if refused => {
                        state[k] = State::Start;
                        continue;
                    }
                    State::Start => (keep[k], load[k]) = (0.0, 1.0),
                    State::Step => (keep[k], load[k]) = (new / rz[k], 1.0),
                }
                (state[k], rz[k]) = (State::Step, new);
            }
            p.combine(&keep, &load, &product);
        }
        Ok((0..n)
            .map(|k| Solution {
                s: s.column(k, n),
                damping: damping[k],
                steps: steps[k],
                residual: residual[k],
            })
            .collect())
    }
}
