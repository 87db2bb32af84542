//! Our half of `bench/compare_lightgcn.py`: reads commands from standard input, answers each with one line of JSON.
//!
//!     beside_lightgcn TRAIN TEST
//!
//! Both hold three little-endian u64 (users, items, interactions), then the users and the items as u32. Commands:
//!
//!     fit LAYERS LEARNING_RATE EPOCHS SEED        peak

mod support;

use std::error::Error;
use std::io::{BufRead, Write};

use serde_json::{Value, json};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, FitJob, Interactions, Seed};
use shillproof_testkit::accuracy::accuracy;
use shillproof_victims::VictimSpec;
use support::{Now, Stamps, peak_mb, read};

/// Time of an epoch (the first one left out), and accuracy after the last.
fn fit(words: &[&str], train: &Interactions, test: &Interactions) -> Result<Value, Box<dyn Error>> {
    let [layers, learning_rate, epochs, seed] = words else {
        return Err("fit LAYERS LEARNING_RATE EPOCHS SEED".into());
    };
    let recipe =
        format!("lightgcn:layers={layers},learning_rate={learning_rate},epochs={epochs},selection=none");
    let recipe = VictimSpec::from_inline(&recipe)?;
    let stamps = Stamps::default();
    let ctx = Ctx { observer: &stamps, ..Ctx::new(Seed::new(seed.parse()?)) };
    let start = Now::read();
    let model = recipe.victim().fit(&FitJob::new(train), &ctx)?;
    let (whole, _) = Now::read().since(start);
    let (wall, cpu) = stamps.per_step()?;
    let got = accuracy(&*model, &[train], test, 10);
    Ok(json!({
        "wall": wall, "cpu": cpu, "whole": whole.as_secs_f64(),
        "hit_ratio": got.hit_ratio, "ndcg": got.ndcg, "recall": got.recall
    }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, test] = &arguments[..] else { return Err("usage: beside_lightgcn TRAIN TEST".into()) };
    let (train, test) = (read(train)?, read(test)?);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.first() {
            Some(&"fit") => fit(&words[1..], &train, &test)?,
            Some(&"peak") => json!({ "mb": peak_mb()? }),
            other => return Err(format!("no command {other:?}").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
