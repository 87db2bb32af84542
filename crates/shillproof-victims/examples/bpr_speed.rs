//! Speed of the victim `bpr` on any matrix, for comparison with other libraries:
//!
//! `bpr_speed TRAIN TEST USERS ITEMS FACTORS EPOCHS LEARNING_RATE REGULARIZATION`
//!
//! TRAIN and TEST hold interactions as pairs of little-endian 32-bit numbers, user then item.
//! Prints a JSON object: draws a second (processor time of other programs included), seconds, accuracy.

use std::error::Error;
use std::time::Instant;

use shillproof_core::{Ctx, FitJob, Interactions, Seed, Triples, Victim};
use shillproof_testkit::accuracy::accuracy;
use shillproof_victims::Bpr;

fn read(path: &str, n_users: usize, n_items: usize) -> Result<Interactions, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let (users, items) = bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|pair| {
            let [a, b, c, d, e, f, g, h] = *pair;
            (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
        })
        .unzip();
    let triples = Triples { users, items, ratings: None, times: None };
    Ok(Interactions::from_triples(n_users, n_items, triples, None)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, users, items, factors, epochs, learning_rate, regularization] = &arguments[..] else {
        return Err("eight arguments, see the head of this file".into());
    };
    let (users, items) = (users.parse()?, items.parse()?);
    let (train, test) = (read(train, users, items)?, read(test, users, items)?);
    let bpr = Bpr {
        factors: factors.parse()?,
        epochs: epochs.parse()?,
        learning_rate: learning_rate.parse()?,
        regularization: regularization.parse()?,
        ..Bpr::default()
    };
    let start = Instant::now();
    let model = bpr.fit(&FitJob::new(&train), &Ctx::new(Seed::new(1)))?;
    let seconds = start.elapsed().as_secs_f64();
    let got = accuracy(&*model, &[&train], &test, 10);
    println!(
        r#"{{"draws_per_second": {:.0}, "seconds": {seconds:.3}, "hit_ratio@10": {:.4}, "ndcg@10": {:.4}}}"#,
        (train.len() * bpr.epochs) as f64 / seconds,
        got.hit_ratio,
        got.ndcg
    );
    Ok(())
}
