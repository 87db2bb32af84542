//! The path of ten λ from large to small, each warm-started by the one before, on MovieLens-100K: rank, held-out error,
//! iterations and time. Needs `SHILLPROOF_DATA`.
//!
//!     cargo run --release -p shillproof-victims --example nuclear_norm_path -- [global|none]

// A run that fails to load has nothing to show.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use shillproof_core::{Ctx, Interactions, Seed};
use shillproof_testkit::anchor::{anchor_split, ml_100k};
use shillproof_victims::{Completion, NuclearNorm, Observed};

fn main() {
    let split = anchor_split(&ml_100k().expect("MovieLens-100K under SHILLPROOF_DATA"));
    let centered = std::env::args().nth(1).is_none_or(|center| center == "global");
    let offset = if centered { mean(&split.train) } else { 0.0 };
    let cells = Observed::of(&split.train, offset);
    let error = |x: &Completion, held_out: &Interactions| {
        let truth = Observed::of(held_out, offset);
        let squares = x.at(&truth).iter().zip(truth.values()).map(|(p, r)| (p - r).powi(2)).sum::<f64>();
        (squares / truth.values().len() as f64).sqrt()
    };
    println!("λ        rank  validation  test    iterations  change    seconds");
    let (mut last, started): (Option<Completion>, _) = (None, Instant::now());
    for regularization in [60.0, 40.0, 30.0, 25.0, 20.0, 15.0, 12.5, 10.0, 7.5, 5.0] {
        let recipe = NuclearNorm { regularization, ..NuclearNorm::default() };
        let (ctx, step) = (Ctx::new(Seed::new(1)), Instant::now());
        let x = match last.take() {
            None => recipe.complete(&cells, &ctx),
            Some(start) => recipe.fit_from(start, &cells, &ctx),
        }
        .unwrap();
        let (valid, test) = (error(&x, &split.valid), error(&x, &split.test));
        println!(
            "{regularization:<8} {:<5} {valid:<11.4} {test:<7.4} {:<11} {:<9.1e} {:.2}",
            x.rank(),
            x.iterations,
            x.change,
            step.elapsed().as_secs_f64()
        );
        last = Some(x);
    }
    println!("the whole path: {:.1} s", started.elapsed().as_secs_f64());
}

fn mean(data: &Interactions) -> f64 {
    let ratings = data.rows().flat_map(|row| row.iter().map(|(_, r)| f64::from(r)));
    ratings.sum::<f64>() / data.len() as f64
}
