//! The same for a recurrent network, whose loss has no end within reach: a fixed number of full gradient steps with and without a history.

use std::time::Instant;

use rayon::prelude::*;
use shillproof_attacks::loki::estimator::{Aim, Curvature, Estimator, Recurrent};
use shillproof_core::{Ctx, FitJob, ItemId, Seed};
use shillproof_victims::VictimSpec;
use shillproof_victims::gru4rec::Differentiator;

use crate::Failure;
use crate::correlation::{LISSA, report};

/// Steps before anything is added, and with and without a history.
const BEFORE: usize = 300;
const AFTER: usize = 100;
const MOMENTUM: f64 = 0.9;

/// Histories, and what more there is to learn.
struct Training<'a> {
    histories: &'a [&'a [ItemId]],
    step: f64,
}

impl Training<'_> {
    /// So many steps of gradient descent on the mean loss, in which `more` counts by its predictions.
    fn run(&self, point: &mut Differentiator, steps: usize, more: Option<&[ItemId]>) {
        let n: usize = self.histories.iter().map(|h| h.len() - 1).sum();
        let mut speed = vec![0.0; point.numbers().len()];
        for _ in 0..steps {
            let own = point.loss_gradient(self.histories);
            let added = more.map(|history| (history.len() - 1, point.loss_gradient(&[history])));
            for (k, (speed, own)) in speed.iter_mut().zip(own).enumerate() {
                let share = added.as_ref().map_or(0.0, |(m, g)| *m as f64 / n as f64 * f64::from(g[k]));
                *speed = MOMENTUM * *speed - self.step * (f64::from(own) + share);
            }
            point.shift(1.0, &speed);
        }
    }
}

pub(crate) fn run(
    recipe: &VictimSpec,
    fitted: &Estimator<'_>,
    aim: &Aim<'_>,
    histories: &[Vec<ItemId>],
    ctx: &Ctx<'_>,
) -> Result<(), Failure> {
    let (VictimSpec::Gru4Rec(recipe), Estimator::Recurrent(point)) = (recipe, fitted) else {
        return Err("only GRU4Rec is recurrent".into());
    };
    let parameters = recipe.fit_model(&FitJob::new(aim.data), ctx)?.encoder().clone();
    let fresh = || Differentiator::new(parameters.clone(), recipe.loss);
    let genuine: Vec<&[ItemId]> = aim.data.rows().map(|row| row.items()).filter(|h| h.len() > 1).collect();
    let ends: Vec<&[ItemId]> =
        aim.audience.iter().map(|&u| aim.data.row(u).items()).filter(|h| !h.is_empty()).collect();
    let share = 1.0 / (ends.len() * aim.targets.len()) as f64;
    let scale = LISSA.scale(&**point, &mut ctx.seed.child("scale").rng());
    let training = Training { histories: &genuine, step: 2.0 * (1.0 - MOMENTUM) / scale };
    let start = Instant::now();
    let mut base = fresh();
    training.run(&mut base, BEFORE, None);
    let numbers = fresh().numbers();
    let moved: Vec<f64> =
        base.numbers().iter().zip(&numbers).map(|(a, b)| f64::from(*a) - f64::from(*b)).collect();
    let mean = |genuine: &[&[ItemId]], point: &mut Differentiator| {
        let losses = point.losses(genuine).concat();
        losses.iter().sum::<f64>() / losses.len() as f64
    };
    println!(
        "{} parameters, {BEFORE} steps in {:.0} s: mean loss {:.4}, then {:.4}",
        point.parameters(),
        start.elapsed().as_secs_f64(),
        mean(&genuine, &mut fresh()),
        mean(&genuine, &mut base)
    );
    let train = |more: Option<&[ItemId]>| -> f64 {
        let mut point = fresh();
        point.shift(1.0, &moved);
        training.run(&mut point, AFTER, more);
        share * point.score(&ends, aim.targets)
    };
    let start = Instant::now();
    let without = train(None);
    let real: Vec<f64> = histories.par_iter().map(|history| train(Some(history)) - without).collect();
    println!("{} trainings in {:.0} s", histories.len(), start.elapsed().as_secs_f64());
    let mut then = Recurrent::new(parameters.clone(), recipe.loss, aim.data);
    then.shift(1.0, &moved);
    let then = Estimator::Recurrent(Box::new(then));
    let all: Vec<&[ItemId]> = histories.iter().map(Vec::as_slice).collect();
    for (name, estimator) in [("where it was fitted", fitted), ("where training began", &then)] {
        let direction = estimator.direction(&LISSA, aim, ctx)?;
        let effects = estimator.effects(&all, &direction, &mut Seed::new(4).rng());
        let said: Vec<f64> = effects.iter().map(|of| of.iter().sum()).collect();
        report(&format!("the attack, {name}"), &said, &real, histories, aim.targets);
    }
    Ok(())
}
