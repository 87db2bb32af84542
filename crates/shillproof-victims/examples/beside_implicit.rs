//! Our half of `bench/compare_implicit.py`: reads commands from standard input, answers each with one line of JSON.
//!
//!     beside_implicit TRAIN [TEST]
//!
//! Files hold three little-endian u64 (users, items, interactions), then the users and the items as u32. Commands:
//!
//!     als INNER FACTORS REGULARIZATION WEIGHT ITERATIONS      bpr FACTORS EPOCHS
//!     rank K                                                  accuracy          peak

mod support;

use std::error::Error;
use std::io::{BufRead, Write};

use rayon::prelude::*;
use serde_json::{Value, json};
use shillproof_core::{
    Ctx, FitJob, Interactions, ItemId, Recommender, Seed, Ties, UserId, Victim, select_top_k,
};
use shillproof_kernels::{Csr, FullCells};
use shillproof_victims::{Bpr, FactorModel, InnerSolver, Wrmf};
use support::{Now, Stamps, peak_mb, read};

/// Users scored at a time: their scores stay in the cache.
const BLOCK: usize = 16;

fn als(words: &[&str], train: &Interactions) -> Result<(Value, FactorModel), Box<dyn Error>> {
    let inner = if words[0] == "cg" { InnerSolver::Cg } else { InnerSolver::Cholesky };
    let wrmf = Wrmf {
        factors: words[1].parse()?,
        regularization: words[2].parse()?,
        weight: words[3].parse()?,
        iterations: words[4].parse()?,
        inner,
        ..Wrmf::default()
    };
    let stamps = Stamps::default();
    let ctx = Ctx { observer: &stamps, ..Ctx::new(Seed::new(1)) };
    let model = wrmf.fit_model(&FitJob::new(train), &ctx)?;
    let (wall, cpu) = stamps.per_step()?;
    let (users, items) = (model.users(), model.items());
    let cells = FullCells::new(Csr::of(train), wrmf.weight, None);
    let penalty = f64::from(wrmf.regularization) * (users.squared_norm() + items.squared_norm());
    Ok((json!({ "wall": wall, "cpu": cpu, "loss": cells.loss(users, items) + penalty }), model))
}

/// Lists of all users, training items left out.
fn lists(model: &dyn Recommender, seen: &Interactions, k: usize) -> Vec<Vec<ItemId>> {
    let Some(scorer) = model.scorer() else { return Vec::new() };
    let (n, ties) = (scorer.n_items(), Ties::hashed(Seed::new(1)));
    let users: Vec<UserId> = seen.users().collect();
    users
        .par_chunks(BLOCK)
        .map_init(
            || (vec![0.0; BLOCK * n], Vec::new()),
            |(scores, list), block| {
                let scores = &mut scores[..block.len() * n];
                scorer.score_block(block, scores);
                let rows = block.iter().zip(scores.chunks_exact(n));
                rows.map(|(&user, row)| {
                    select_top_k(user, row, seen.row(user).sorted(), k, ties, list);
                    list.iter().map(|entry| entry.0).collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
            },
        )
        .flatten_iter()
        .collect()
}

fn accuracy(lists: &[Vec<ItemId>], test: &Interactions) -> Value {
    let (mut hits, mut ndcg, mut users) = (0.0, 0.0, 0.0);
    let gain = |at: usize| 1.0 / (at as f64 + 2.0).log2();
    for (list, truth) in lists.iter().zip(test.rows()).filter(|(_, truth)| !truth.is_empty()) {
        let found: Vec<usize> = (0..list.len()).filter(|&at| truth.contains(list[at])).collect();
        users += 1.0;
        hits += f64::from(!found.is_empty());
        ndcg += found.iter().map(|&at| gain(at)).sum::<f64>()
            / (0..list.len().min(truth.len())).map(gain).sum::<f64>();
    }
    json!({ "hit_ratio": hits / users, "ndcg": ndcg / users })
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let train = read(arguments.get(1).ok_or("usage: beside_implicit TRAIN [TEST]")?)?;
    let test = arguments.get(2).map(|path| read(path)).transpose()?;
    let mut model: Option<Box<dyn Recommender>> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let fitted = model.as_deref().ok_or("fit a model first");
        let answer = match words[0] {
            "als" => {
                let (answer, fitted) = als(&words[1..], &train)?;
                model = Some(Box::new(fitted));
                answer
            }
            "bpr" => {
                let stamps = Stamps::default();
                let ctx = Ctx { observer: &stamps, ..Ctx::new(Seed::new(1)) };
                let bpr = Bpr { factors: words[1].parse()?, epochs: words[2].parse()?, ..Bpr::default() };
                model = Some(bpr.fit(&FitJob::new(&train), &ctx)?);
                let (wall, cpu) = stamps.per_step()?;
                json!({ "wall": wall, "cpu": cpu })
            }
            "rank" => {
                let start = Now::read();
                let lists = lists(fitted?, &train, words[1].parse()?);
                let (wall, cpu) = Now::read().since(start);
                json!({ "wall": wall.as_secs_f64(), "cpu": cpu, "lists": lists.len() })
            }
            "accuracy" => accuracy(&lists(fitted?, &train, 10), test.as_ref().ok_or("no test part")?),
            "peak" => json!({ "mb": peak_mb()? }),
            other => return Err(format!("no command `{other}`").into()),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
