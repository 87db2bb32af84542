//! LOKI's estimator on real data: its predictions against real training, and how long either takes.
//!
//! ```sh
//! cargo run --release -p shillproof-lab --example loki_estimator -- correlation ml-100k bpr:factors=16 300 120
//! cargo run --release -p shillproof-lab --example loki_estimator -- many amazon-2014-5core-seq/beauty bpr
//! cargo run --release -p shillproof-lab --example loki_estimator -- time amazon-2014-5core-seq/beauty fpmc:epochs=100
//! ```
//!
//! `correlation DATA MODEL USERS HISTORIES [LENGTH]`: a local model of the first USERS users is fitted, and trained on to the end of its loss with five negatives a sample.
//! Fake histories of LENGTH actions (default 2), each a target with probability 1/3 and any item otherwise, are added one at a time, and the model is trained on
//! with their samples to the end of its loss, the attack's damping in it and the fake user's own vector held. Predicted changes of the mean score of 20 targets for 20 users are compared with real ones. GRU4Rec is
//! trained by a fixed number of full gradient steps with and without the history.
//!
//! `many DATA MODEL`: 3 % fake users of 15 actions, 1 to 14 of them targets and the rest any items, popular ones or such as the audience has. What all of them are predicted to do to the
//! mean score of 20 targets for 20 users is compared with what they do to the fitted model: how many deviations targets rise among all items, and how often they are shown.
//!
//! `time DATA MODEL [LENGTH]`: seconds of processor time of the estimator, and of fitting the model again, for 1 to 40 targets with one candidate history (default: of 15 actions) each.

mod correlation;
mod many;
mod recurrent;
mod time;

type Failure = Box<dyn std::error::Error>;

use rand::seq::index;
use shillproof_core::{FakeProfiles, Interactions, ItemId, Profile, Rng, Seed, UserId};

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["correlation", data, model, users, histories] => {
            correlation::run(data, model, users.parse()?, histories.parse()?, 2)
        }
        ["correlation", data, model, users, histories, length] => {
            correlation::run(data, model, users.parse()?, histories.parse()?, length.parse()?)
        }
        ["many", data, model] => many::run(data, model),
        ["time", data, model] => time::run(data, model, 15),
        ["time", data, model, length] => time::run(data, model, length.parse()?),
        _ => {
            Err("say `correlation DATA MODEL USERS HISTORIES [LENGTH]`, `many DATA MODEL` or `time DATA MODEL [LENGTH]`".into())
        }
    }
}

/// Users and items, `n` each, drawn among those with any interaction.
fn pairs(data: &Interactions, n: usize) -> (Vec<UserId>, Vec<ItemId>) {
    let mut rng = Seed::new(2).rng();
    let users: Vec<UserId> = data.users().filter(|&u| !data.row(u).is_empty()).collect();
    let counts = data.item_counts();
    let items: Vec<usize> = (0..counts.len()).filter(|&i| counts[i] > 0).collect();
    let mut draw = |of: usize| index::sample(&mut rng, of, n.min(of)).into_vec();
    let users = draw(users.len()).into_iter().map(|at| users[at]).collect();
    let items = draw(items.len()).into_iter().map(|at| ItemId(items[at] as u32)).collect();
    (users, items)
}

/// Distinct items, each a target with probability 1/3.
fn history(targets: &[ItemId], n_items: usize, length: usize, rng: &mut Rng) -> Vec<ItemId> {
    use rand::RngExt;
    let mut out: Vec<ItemId> = Vec::new();
    while out.len() < length.min(n_items) {
        let item = if rng.random::<f64>() < 1.0 / 3.0 {
            targets[rng.random_range(0..targets.len() as u64) as usize]
        } else {
            ItemId(rng.random_range(0..n_items as u32))
        };
        if !out.contains(&item) {
            out.push(item);
        }
    }
    out
}

/// The data with a fake user for each history.
fn with(data: &Interactions, histories: &[Vec<ItemId>]) -> Result<Interactions, Failure> {
    let profile = |h: &Vec<ItemId>| Profile { entries: h.iter().map(|&item| (item, 1.0)).collect() };
    let profiles = histories.iter().map(profile).collect();
    Ok(data.append(&FakeProfiles { profiles, ordered: true, ..FakeProfiles::default() })?)
}
