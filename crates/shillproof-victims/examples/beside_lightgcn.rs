//! Our half of `bench/compare_lightgcn.py`: reads commands from standard input, answers each with one line of JSON.
//!
//!     beside_lightgcn TRAIN TEST
//!
//! Both hold three little-endian u64 (users, items, interactions), then the users and the items as u32. Commands:
//!
//!     fit LAYERS LEARNING_RATE EPOCHS SEED        peak
//!     curve RECIPE HOURS EVERY K SEED             one line every so many epochs, with the test part's numbers

mod support;

use std::error::Error;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use serde_json::{Value, json};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, FitError, FitJob, Interactions, Seed};
use shillproof_testkit::accuracy::accuracy;
use shillproof_victims::{FactorModel, LightGcn, VictimSpec};
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

/// What each so many epochs reach, for so many hours. Nothing is selected: the test part decides nothing but what is printed.
fn curve(words: &[&str], train: &Interactions, test: &Interactions) -> Result<Value, Box<dyn Error>> {
    let [recipe, hours, every, k, seed] = words else {
        return Err("curve RECIPE HOURS EVERY K SEED".into());
    };
    let recipe = LightGcn { patience: usize::MAX, ..serde_json::from_str(recipe)? };
    let (seconds, every, k) = (hours.parse::<f64>()? * 3600.0, every.parse::<u32>()?, k.parse()?);
    let (start, stop) = (Now::read(), AtomicBool::new(false));
    let epochs = AtomicU32::new(0);
    let look = |model: &FactorModel| {
        let epoch = epochs.fetch_add(1, Relaxed) + 1;
        let (wall, cpu) = Now::read().since(start);
        let over = wall.as_secs_f64() > seconds;
        if over || epoch.is_multiple_of(every) {
            let got = accuracy(model, &[train], test, k);
            println!(
                "{}",
                json!({ "epoch": epoch, "wall": wall.as_secs_f64(), "cpu": cpu, "recall": got.recall, "ndcg": got.ndcg })
            );
        }
        stop.store(over, Relaxed);
        f64::from(epoch)
    };
    let ctx = Ctx { cancel: &stop, ..Ctx::new(Seed::new(seed.parse()?)) };
    match recipe.fit_by(&FitJob::new(train), &look, &ctx) {
        Ok(_) | Err(FitError::Cancelled(_)) => Ok(json!({ "epochs": epochs.into_inner() })),
        Err(error) => Err(error.into()),
    }
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
            Some(&"curve") => curve(&words[1..], &train, &test)?,
            Some(&"peak") => json!({ "mb": peak_mb()? }),
            other => return Err(format!("no command {other:?}").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
