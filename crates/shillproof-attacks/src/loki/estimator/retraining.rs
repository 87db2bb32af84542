//! Training, to its end, of the very loss that influence functions differentiate: what their predictions are held against.

use shillproof_core::{Cancelled, Ctx};
use shillproof_victims::next_item::Step;

use super::curvature::{Curvature, Hessian, conjugate_gradient};
use super::margin::{Margins, NEGATIVES};
use crate::mf::vector::{axpy, dot};

/// Samples that are added to those of a model.
#[derive(Clone, Copy, Debug)]
pub struct Addition<'a> {
    /// What is added.
    pub samples: &'a [Step],
    /// How much each counts, in samples of the model.
    pub weight: f64,
}

impl Addition<'_> {
    /// Nothing.
    pub const NONE: Self = Self { samples: &[], weight: 0.0 };
}

/// How far training goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Length of the gradient of the mean loss at which it ends.
    pub gradient: f64,
    /// Most Newton's steps that are tried.
    pub steps: usize,
    /// A: A/2 times the squared distance from where training began is added to the loss. Then the curvature is that of a damped influence function.
    pub anchor: f64,
}

/// How far training went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// Length of the gradient of the mean loss where training ended.
    pub gradient: f64,
    /// Newton's steps that were tried.
    pub steps: usize,
}

/// Of the damping: where it starts, and the least.
const DAMPING: (f64, f64) = (1e-6, 1e-9);
/// Relative residual of a step far from the end, and near it.
const RESIDUAL: (f64, f64) = (0.1, 1e-3);
/// Where the end is near: a gradient so many times as long as a sample may make it. Farther away the whole Hessian has negative curvature, and Gauss and
/// Newton's part leads on.
const NEAR: f64 = 10.0;
/// What rounding may add to a loss.
const ROUNDING: f64 = 1e-13;

impl Margins {
    /// Trains on from here by Levenberg's and Marquardt's steps, on the samples of the model and some more, until `stop`. The vector of the user whom the model does not know stays
    /// where it is, as influence functions have it.
    ///
    /// # Errors
    /// If somebody asked to stop.
    pub fn train_on(&mut self, added: &Addition<'_>, stop: &Stop, ctx: &Ctx<'_>) -> Result<End, Cancelled> {
        let origin = self.theta().to_vec();
        let with = |model| With { model, added: *added, anchor: stop.anchor, origin: &origin };
        let mut loss = with(self.clone());
        let (mut damping, mut now) = (DAMPING.0, loss.value());
        let mut end = End { gradient: f64::INFINITY, steps: 0 };
        loop {
            let gradient = loss.gradient();
            end.gradient = dot(&gradient, &gradient).sqrt();
            if end.gradient <= stop.gradient {
                break;
            }
            let (hessian, residual) = if end.gradient > NEAR * NEGATIVES as f64 * loss.share() {
                (Hessian::GaussNewton, RESIDUAL.0)
            } else {
                (Hessian::Full, RESIDUAL.1)
            };
            // Where a step does not lower the loss, a shorter one is tried.
            let improved = loop {
                if end.steps == stop.steps {
                    break None;
                }
                end.steps += 1;
                let found = conjugate_gradient(&loss, hessian, damping, &gradient, residual, ctx)?;
                let mut moved = loss.model.clone();
                moved.theta_mut().iter_mut().zip(&found.x).for_each(|(x, s)| *x -= s);
                let moved = with(moved);
                let then = moved.value();
                if then <= now + ROUNDING {
                    damping = (found.damping / 5.0).max(DAMPING.1);
                    break Some((moved, then));
                }
                damping = found.damping * 5.0;
            };
            let Some(better) = improved else { break };
            (loss, now) = better;
        }
        *self = loss.model;
        Ok(end)
    }
}

/// The mean loss with what is added: a sample more counts as one of the model's, whose number stays.
struct With<'a> {
    model: Margins,
    added: Addition<'a>,
    anchor: f64,
    origin: &'a [f64],
}

impl With<'_> {
    fn share(&self) -> f64 {
        1.0 / self.model.samples().len() as f64
    }

    fn all(&self) -> impl Iterator<Item = (&Step, f64)> {
        let share = self.share();
        let own = self.model.samples().iter().map(move |step| (step, share));
        own.chain(self.added.samples.iter().map(move |step| (step, share * self.added.weight)))
    }

    fn value(&self) -> f64 {
        let samples: f64 = self.all().map(|(step, weight)| weight * self.model.loss(step)).sum();
        let moved = self.model.theta().iter().zip(self.origin).map(|(x, o)| (x - o) * (x - o));
        samples + self.anchor / 2.0 * moved.sum::<f64>()
    }

    fn gradient(&self) -> Vec<f64> {
        let mut out = vec![0.0; self.model.len()];
        self.all().for_each(|(step, weight)| self.model.add_gradient(step, weight, &mut out));
        for ((out, x), o) in out.iter_mut().zip(self.model.theta()).zip(self.origin) {
            *out += self.anchor * (x - o);
        }
        self.model.ignore_stranger(&mut out);
        out
    }
}

impl Curvature for With<'_> {
    fn parameters(&self) -> usize {
        self.model.len()
    }

    fn samples(&self) -> usize {
        self.model.samples().len()
    }

    fn product(&self, some: Option<&[usize]>, v: &[f64], hessian: Hessian, out: &mut [f64]) {
        self.model.product(some, v, hessian, out);
        let (weight, gauss_newton) = (self.share() * self.added.weight, hessian == Hessian::GaussNewton);
        for step in self.added.samples {
            self.model.add_hessian_product(step, v, gauss_newton, weight, out);
        }
        axpy(self.anchor, v, out);
        self.model.ignore_stranger(out);
    }

    fn diagonal(&self) -> Vec<f64> {
        let mut out = vec![self.anchor; self.model.len()];
        self.all().for_each(|(step, weight)| self.model.add_diagonal(step, weight, &mut out));
        out
    }
}
