//! Our half of `bench/compare_torch.py`: reads commands from standard input, answers each with one line of JSON.
//!
//!     beside_torch TRAIN LABELLED
//!
//! TRAIN holds three little-endian u64 (users, items, interactions), then the users and the items as u32; LABELLED the same with
//! the labels behind. Commands:
//!
//!     neumf ADAM BATCH_SIZE EPOCHS        ranked EPOCHS SEED        grid FITS        peak
//!
//! For `ranked`, LABELLED holds the candidates of one user after another: an item held out and 99 others.

mod support;

use std::error::Error;
use std::io::{BufRead, Write};

use rayon::prelude::*;
use serde_json::{Value, json};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Ctx, FitJob, Interactions, Seed};
use shillproof_kernels::nn::binary_cross_entropy;
use shillproof_victims::neumf::{NeuralModel, Sample};
use shillproof_victims::{NeuMf, VictimSpec};
use support::{Now, Stamps, peak_mb, read};

fn labelled(path: &str) -> Result<Vec<Sample>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let ids: Vec<u32> = bytes[24..].as_chunks::<4>().0.iter().map(|&b| u32::from_le_bytes(b)).collect();
    let n = ids.len() / 3;
    Ok((0..n).map(|at| Sample::new(ids[at], ids[n + at], ids[2 * n + at] == 1)).collect())
}

/// The mean loss on samples that nobody trained on.
fn loss(model: &NeuralModel, samples: &[Sample]) -> f64 {
    let one = |sample: &Sample| {
        let mut logit = [0.0];
        model.score_items(sample.user(), &[sample.item()], &mut logit);
        f64::from(binary_cross_entropy(logit[0], sample.label()).loss)
    };
    samples.iter().map(one).sum::<f64>() / samples.len() as f64
}

fn recipe(words: &[&str]) -> Result<NeuMf, Box<dyn Error>> {
    let text = format!("neumf:adam={},batch_size={},epochs={},selection=none", words[0], words[1], words[2]);
    match VictimSpec::from_inline(&text)? {
        VictimSpec::NeuMf(recipe) => Ok(recipe),
        _ => Err("not neumf".into()),
    }
}

fn neumf(words: &[&str], train: &Interactions, held_out: &[Sample]) -> Result<Value, Box<dyn Error>> {
    let recipe = recipe(words)?;
    let stamps = Stamps::default();
    let ctx = Ctx { observer: &stamps, ..Ctx::new(Seed::new(1)) };
    let model = recipe.fit_model(&FitJob::new(train), &ctx)?;
    let (wall, cpu) = stamps.per_step()?;
    let samples = (train.len() * (1 + recipe.negatives)) as f64;
    Ok(json!({ "wall": samples / wall, "cpu": samples / cpu, "loss": loss(&model, held_out) }))
}

/// Where the held-out item stands among its user's candidates, as means over users.
fn ranked(words: &[&str], train: &Interactions, held_out: &[Sample]) -> Result<Value, Box<dyn Error>> {
    const CANDIDATES: usize = 100;
    const K: usize = 10;
    let recipe = recipe(&["dense", "256", words[0]])?;
    let model = recipe.fit_model(&FitJob::new(train), &Ctx::new(Seed::new(words[1].parse()?)))?;
    let (mut hits, mut gain) = (0.0, 0.0);
    for candidates in held_out.chunks_exact(CANDIDATES) {
        let items: Vec<_> = candidates.iter().map(|sample| sample.item()).collect();
        let mut scores = [0.0; CANDIDATES];
        model.score_items(candidates[0].user(), &items, &mut scores);
        let rank = scores[1..].iter().filter(|&&other| other >= scores[0]).count();
        if rank < K {
            hits += 1.0;
            gain += 1.0 / (rank as f64 + 2.0).log2();
        }
    }
    let users = (held_out.len() / CANDIDATES) as f64;
    Ok(json!({ "hit_ratio": hits / users, "ndcg": gain / users }))
}

/// Fits side by side, as in a grid: samples a second over all of them.
fn grid(fits: u64, train: &Interactions) -> Result<Value, Box<dyn Error>> {
    let recipe = recipe(&["dense", "256", "2"])?;
    let start = Now::read();
    (0..fits)
        .into_par_iter()
        .map(|fit| recipe.fit_model(&FitJob::new(train), &Ctx::new(Seed::new(fit))).map(|_| ()))
        .collect::<Result<(), _>>()?;
    let (wall, cpu) = Now::read().since(start);
    let samples = (train.len() * (1 + recipe.negatives) * recipe.epochs) as f64 * fits as f64;
    Ok(json!({ "wall": samples / wall.as_secs_f64(), "cpu": samples / cpu }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, held_out] = &arguments[..] else { return Err("usage: beside_torch TRAIN LABELLED".into()) };
    let (train, held_out) = (read(train)?, labelled(held_out)?);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words[0] {
            "neumf" => neumf(&words[1..], &train, &held_out)?,
            "ranked" => ranked(&words[1..], &train, &held_out)?,
            "grid" => grid(words[1].parse()?, &train)?,
            "peak" => json!({ "mb": peak_mb()? }),
            other => return Err(format!("no command `{other}`").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
