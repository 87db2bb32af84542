//! The descent: scores for all items at once, for one batch of fake users after the other.

use rand::RngExt;
use shillproof_core::{AttackError, Ctx, ItemId, Seed, Ties};

use super::settings::Settings;
use super::wmw::{Seeker, Wmw, refresh_lists};
use crate::mf::{FakeRow, Mode, Solver, Theta};
use crate::surrogate::VictimCopy;

/// Sweeps with the finished fake users before a batch.
const REFIT: usize = 3;

/// Sweeps a descent step.
const SWEEPS: usize = 2;

/// A direction to descend in is no more exact than the sweeps before it: a rough solution will do.
const SOLVER: Solver = Solver { tolerance: 0.02, ..Solver::DEFAULT };

/// Makes relaxed scores, w ∈ [low, high] for every item.
pub(super) struct Descent<'a> {
    pub(super) settings: &'a Settings,
    pub(super) wmw: Wmw,
    pub(super) copy: VictimCopy,
    pub(super) seekers: Vec<Seeker>,
    /// Items that every fake user holds, with their ratings: they do not move.
    pub(super) fixed: &'a [(ItemId, f32)],
    /// Profiles that are made already.
    pub(super) finished: Vec<FakeRow>,
    pub(super) seed: Seed,
}

impl Descent<'_> {
    /// Relaxed scores of the fake users `first..first + batch`, one row each.
    pub(super) fn batch(&mut self, first: usize, ctx: &Ctx<'_>) -> Result<Vec<Vec<f64>>, AttackError> {
        let (settings, offset) = (self.settings, self.copy.surrogate.offset);
        let ([low, high], items) = (self.range(), self.copy.theta.items.rows());
        self.copy.problem(&self.finished).fit(&mut self.copy.theta, REFIT, ctx)?;
        let mut theta = self.copy.theta.clone();
        let mut w: Vec<Vec<f64>> = (first..first + settings.batch).map(|v| self.start(v, items)).collect();
        let (mut gamma, mut solution): (Vec<f64>, Option<Theta>) = (Vec::new(), None);
        for iteration in 0..settings.iterations {
            ctx.check()?;
            let relaxed = w.iter().map(|w| FakeRow {
                items: (0..items as u32).collect(),
                scores: w.iter().map(|w| w - offset).collect(),
            });
            let problem =
                self.copy.problem(&self.finished.iter().cloned().chain(relaxed).collect::<Vec<_>>());
            let blocks = problem.fit_with_blocks(&mut theta, SWEEPS, ctx)?;
            if iteration % settings.list_refresh == 0 {
                let ties = Ties::hashed(self.seed.child("ties"));
                refresh_lists(&mut self.seekers, &theta, &self.copy.data, settings.list_length, ties);
            }
            let (_, slope) = self.wmw.gradient(&self.seekers, &theta);
            let s = match settings.grad {
                Mode::Implicit => {
                    SOLVER.solve_one(&problem, &theta, &blocks, &slope, solution.as_ref(), ctx)?.s
                }
                mode => problem.frozen(&theta, &blocks, &slope.items, mode == Mode::Coupled),
            };
            let derivatives = problem.cell_derivatives(&theta, &s);
            solution = Some(s);
            let made = derivatives.len() - settings.batch;
            for (v, (w, derivative)) in w.iter_mut().zip(&derivatives[made..]).enumerate() {
                let mut step: Vec<f64> =
                    derivative.iter().zip(&*w).map(|(d, w)| d + settings.eta * sign(*w)).collect();
                for (item, _) in self.fixed {
                    step[item.index()] = 0.0;
                }
                if iteration == 0 {
                    let largest = step.iter().fold(0.0, |max: f64, s| max.max(s.abs()));
                    gamma.push(if largest > 0.0 { settings.step * high / largest } else { 0.0 });
                }
                let gamma = gamma[v] / ((iteration + 1) as f64).sqrt();
                for (w, step) in w.iter_mut().zip(step) {
                    *w = (*w - gamma * step).clamp(low, high);
                }
                for &(item, rating) in self.fixed {
                    w[item.index()] = self.value(rating);
                }
            }
        }
        Ok(w)
    }

    /// What a fake user holds in the end is what the next batch meets.
    pub(super) fn finish(&mut self, fillers: &[(ItemId, f32)]) {
        let held = || self.fixed.iter().chain(fillers);
        let items = held().map(|e| e.0.0).collect();
        let scores = held().map(|e| self.value(e.1) - self.copy.surrogate.offset).collect();
        self.finished.push(FakeRow { items, scores });
    }

    /// A rating as the copy reads it.
    fn value(&self, rating: f32) -> f64 {
        if self.copy.surrogate.reads_ratings() { f64::from(rating) } else { 1.0 }
    }

    /// Lowest and highest relaxed score: 0 (the lowest rating where that is less) and the highest rating.
    fn range(&self) -> [f64; 2] {
        let (low, high) = self.copy.surrogate.range;
        [(low + self.copy.surrogate.offset).min(0.0), high + self.copy.surrogate.offset]
    }

    /// Where fake user `v` starts: uniform, but for what it holds anyway.
    fn start(&self, v: usize, items: usize) -> Vec<f64> {
        let mut rng = self.seed.child("start").index(v as u64).rng();
        let [low, high] = self.range();
        let mut w: Vec<f64> = (0..items).map(|_| rng.random_range(low..=high)).collect();
        for &(item, rating) in self.fixed {
            w[item.index()] = self.value(rating);
        }
        w
    }
}

/// The sign of `x`; 0 at 0.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}
