//! Predicted against real changes.

use std::time::Instant;

use rand::RngExt;
use rayon::prelude::*;
use shillproof_attacks::loki::estimator::{
    Addition, Aim, Estimator, Hessian, Lissa, Margins, NEGATIVES, Stop, conjugate_gradient,
};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Cancelled, Ctx, ItemId, Seed};
use shillproof_data::{DataOptions, load};
use shillproof_victims::VictimSpec;

use crate::{Failure, history, pairs, recurrent};

/// The attack's defaults.
pub(crate) const LISSA: Lissa =
    Lissa { damping: 0.01, depth: 5000, repeats: 4, batch: 512, hessian: Hessian::Full };

pub(crate) fn run(
    data: &str,
    model: &str,
    users: usize,
    histories: usize,
    length: usize,
) -> Result<(), Failure> {
    let data = load(data, &DataOptions::default())?.interactions.binarize().first_rows(users);
    let (audience, targets) = pairs(&data, 20);
    let aim = Aim { data: &data, audience: &audience, targets: &targets };
    let ctx = Ctx::new(Seed::new(1));
    let recipe = VictimSpec::from_inline(model)?;
    println!("{model}; {} users, {} items, {} interactions", data.n_users(), data.n_items(), data.len());
    let mut rng = Seed::new(3).rng();
    let histories: Vec<Vec<ItemId>> =
        (0..histories).map(|_| history(&targets, data.n_items(), length, &mut rng)).collect();
    let start = Instant::now();
    let (_, fitted) = Estimator::fit(&recipe, &data, &ctx)?;
    println!("fitted in {:.1} s", start.elapsed().as_secs_f64());
    match &fitted {
        Estimator::Margins(point) => margins(&fitted, point, &aim, &histories, &ctx),
        Estimator::Recurrent(_) => recurrent::run(&recipe, &fitted, &aim, &histories, &ctx),
    }
}

fn margins(
    fitted: &Estimator<'_>,
    point: &Margins,
    aim: &Aim<'_>,
    histories: &[Vec<ItemId>],
    ctx: &Ctx<'_>,
) -> Result<(), Failure> {
    // A candidate moves the gradient by about 1/N: training ends where it is a small part of that.
    let one = NEGATIVES as f64 / point.samples().len() as f64;
    let start = Instant::now();
    let mut best = point.clone();
    let stop = Stop { gradient: 1e-3 * one, steps: 500, anchor: 0.0 };
    let end = best.train_on(&Addition::NONE, &stop, ctx)?;
    let [before, after] = [point, &best].map(|point| point.mean_score(aim));
    println!(
        "at the end of the loss in {:.0} s: {} steps, N |gradient| = {:.1e}; mean score {before:.3}, then {after:.3}",
        start.elapsed().as_secs_f64(),
        end.steps,
        end.gradient / one
    );
    let scale = LISSA.scale(&best, &mut ctx.seed.child("scale").rng());
    let damping = LISSA.damping * scale;
    println!("scale {scale:.2e}, damping of the attack {damping:.1e}");
    let draws = |at: usize| Seed::new(4).index(at as u64).rng();
    let start = Instant::now();
    let stop = Stop { anchor: damping, ..stop };
    let train = |(at, history): (usize, &Vec<ItemId>)| {
        let samples = best.samples_of(history, &mut draws(at)).concat();
        let mut model = best.clone();
        let added = Addition { samples: &samples, weight: 1.0 };
        let end = model.train_on(&added, &stop, ctx)?;
        Ok((model.mean_score(aim) - after, end.gradient / one))
    };
    let ends = histories.par_iter().enumerate().map(train).collect::<Result<Vec<_>, Cancelled>>()?;
    println!(
        "{} trainings in {:.0} s, N |gradient| at most {:.1e}, mean change {:+.5}",
        ends.len(),
        start.elapsed().as_secs_f64(),
        ends.iter().map(|end| end.1).fold(0.0, f64::max),
        ends.iter().map(|end| end.0).sum::<f64>() / ends.len() as f64
    );
    let real: Vec<f64> = ends.into_iter().map(|end| end.0).collect();
    let v = best.mean_score_gradient(aim);
    let mut exact = conjugate_gradient(&best, Hessian::Full, damping, &v, 1e-6, ctx)?.x;
    best.ignore_stranger(&mut exact);
    let ours = Estimator::Margins(best.clone()).direction(&LISSA, aim, ctx)?;
    let directions = [
        ("the attack, where it was fitted", point, fitted.direction(&LISSA, aim, ctx)?),
        ("the attack, at the end of the loss", &best, ours),
        ("its matrix, solved exactly", &best, exact),
    ];
    for (name, model, direction) in directions {
        let said: Vec<f64> = histories
            .iter()
            .enumerate()
            .map(|(at, history)| model.effects(history, &direction, &mut draws(at)).iter().sum())
            .collect();
        report(name, &said, &real, histories, aim.targets);
    }
    Ok(())
}

/// Correlation and agreement of signs, over all histories and over those without and with targets.
pub(crate) fn report(name: &str, said: &[f64], real: &[f64], histories: &[Vec<ItemId>], targets: &[ItemId]) {
    let with: Vec<bool> = histories.iter().map(|h| h.iter().any(|item| targets.contains(item))).collect();
    let pick = |keep: &dyn Fn(usize) -> bool| -> Vec<(f64, f64)> {
        (0..said.len()).filter(|&at| keep(at)).map(|at| (said[at], real[at])).collect()
    };
    println!("{name}:");
    for (which, chosen) in
        [("all", pick(&|_| true)), ("no target", pick(&|at| !with[at])), ("targets", pick(&|at| with[at]))]
    {
        if chosen.len() < 4 {
            continue;
        }
        let (low, high) = interval(&chosen);
        let agree = chosen.iter().filter(|(a, b)| a * b > 0.0).count();
        let (a, b) = (chosen.iter().map(|c| c.0 * c.0), chosen.iter().map(|c| c.0 * c.1));
        println!(
            "  {which}: r = {:.3} [{low:.3}, {high:.3}], n = {}; same sign {agree}; real / predicted {:.2}",
            pearson(&chosen),
            chosen.len(),
            b.sum::<f64>() / a.sum::<f64>()
        );
    }
}

fn pearson(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (a, b) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        aa += (x - a) * (x - a);
        bb += (y - b) * (y - b);
        ab += (x - a) * (y - b);
    }
    ab / (aa * bb).sqrt()
}

/// 95 % percentile interval over histories drawn with replacement.
fn interval(pairs: &[(f64, f64)]) -> (f64, f64) {
    let mut rng = Seed::new(5).rng();
    let mut values: Vec<f64> = (0..2000)
        .map(|_| {
            let one = |_| pairs[rng.random_range(0..pairs.len() as u64) as usize];
            pearson(&pairs.iter().map(one).collect::<Vec<_>>())
        })
        .collect();
    values.sort_by(f64::total_cmp);
    (values[49], values[1949])
}
