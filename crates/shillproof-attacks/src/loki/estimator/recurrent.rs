//! Recurrent models: their curvature from differences of gradients, and effects from differences of losses.

use std::cell::RefCell;

use shillproof_core::{Interactions, ItemId};
use shillproof_victims::gru4rec::{Differentiator, Loss, Parameters};

use super::curvature::{Curvature, Hessian};
use crate::mf::vector::dot;

/// Length of the step, in parameter space, between two gradients or losses that are compared.
const STEP: f64 = 0.02;

/// Histories that go through the network side by side.
const AT_ONCE: usize = 64;

/// A trained GRU4Rec, and the histories that it was trained on. A sample is a whole history.
pub struct Recurrent<'a> {
    point: RefCell<Differentiator>,
    histories: Vec<&'a [ItemId]>,
    parameters: usize,
    predictions: usize,
}

impl<'a> Recurrent<'a> {
    /// Trained parameters, and what they were trained on.
    pub fn new(parameters: Parameters, loss: Loss, data: &'a Interactions) -> Self {
        let histories: Vec<&[ItemId]> = data.rows().map(|row| row.items()).filter(|h| h.len() > 1).collect();
        let mut point = Differentiator::new(parameters, loss);
        Self {
            parameters: point.numbers().len(),
            predictions: histories.iter().map(|h| h.len() - 1).sum(),
            point: RefCell::new(point),
            histories,
        }
    }

    /// Moves the point by `step · direction`.
    pub fn shift(&mut self, step: f64, direction: &[f64]) {
        self.point.get_mut().shift(step, direction);
    }

    /// The gradient of the mean score of `items` after these histories.
    pub fn score_gradient(&self, histories: &[&[ItemId]], items: &[ItemId]) -> Vec<f64> {
        let share = 1.0 / (histories.len() * items.len()).max(1) as f64;
        let gradient = self.point.borrow_mut().score_gradient(histories, items);
        gradient.into_iter().map(|x| share * f64::from(x)).collect()
    }

    /// As [`super::Margins::effects`], of many histories; N is the number of predictions.
    pub fn effects(&self, histories: &[&[ItemId]], s: &[f64]) -> Vec<Vec<f64>> {
        let mut out: Vec<Vec<f64>> = histories.iter().map(|history| vec![0.0; history.len()]).collect();
        let norm = dot(s, s).sqrt();
        if norm == 0.0 {
            return out;
        }
        let (step, predictions) = (STEP / norm, self.predictions.max(1) as f64);
        let mut point = self.point.borrow_mut();
        for (shift, sign) in [(step, -1.0), (-2.0 * step, 1.0)] {
            point.shift(shift, s);
            for (out, histories) in out.chunks_mut(AT_ONCE).zip(histories.chunks(AT_ONCE)) {
                for (out, losses) in out.iter_mut().zip(point.losses(histories)) {
                    for (out, loss) in out.iter_mut().skip(1).zip(losses) {
                        *out += sign * loss / (2.0 * step * predictions);
                    }
                }
            }
        }
        point.shift(step, s);
        out
    }
}

impl Curvature for Recurrent<'_> {
    fn parameters(&self) -> usize {
        self.parameters
    }

    fn samples(&self) -> usize {
        self.histories.len()
    }

    /// By central differences of the gradient, whichever matrix is asked for.
    fn product(&self, some: Option<&[usize]>, v: &[f64], _: Hessian, out: &mut [f64]) {
        let norm = dot(v, v).sqrt();
        out.fill(0.0);
        if norm == 0.0 {
            return;
        }
        let chosen: Vec<&[ItemId]> = match some {
            Some(some) => some.iter().map(|&at| self.histories[at]).collect(),
            None => self.histories.clone(),
        };
        let step = STEP / norm;
        let mut point = self.point.borrow_mut();
        point.shift(step, v);
        let up = point.loss_gradient(&chosen);
        point.shift(-2.0 * step, v);
        let down = point.loss_gradient(&chosen);
        point.shift(step, v);
        for ((out, up), down) in out.iter_mut().zip(up).zip(down) {
            *out = f64::from(up - down) / (2.0 * step);
        }
    }
}
