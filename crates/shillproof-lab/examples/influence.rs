//! Influence in matrix factorisation on real data: against training without an edge, and how long it takes.
//!
//! ```sh
//! cargo run --release -p shillproof-lab --example influence -- orders ml-100k 200
//! cargo run --release -p shillproof-lab --example influence -- time ratings.csv 64
//! cargo run --release -p shillproof-lab --example influence -- overlap ml-100k 10
//! ```
//!
//! `orders DATA EDGES [REGULARIZATION]`: Spearman's correlation of every order with Σ_o |change of r̂_ot| when the victim
//! (`als`) is trained on without the edge, over edges drawn half from the target's raters, half from everybody, with a
//! bootstrap interval over edges. `time DATA FACTORS [RATERS]`: seconds and peak memory of order 1 for all edges, for the item
//! with about that many raters (default: the most). `overlap DATA TARGETS`: Jaccard similarity of the 400 users that each order
//! chooses with those of the exact one, over targets drawn at random, beside users chosen by activity and by chance.

use std::time::Instant;

use rand::RngExt;
use rand::seq::index;
use shillproof_attacks::influence::{InfluenceOrder, edge_influence, most_influential, user_influence};
use shillproof_attacks::mf::{Problem, Rows, Solver, Theta, Weights};
use shillproof_core::{Ctx, Interactions, ItemId, Seed, UserId};
use shillproof_data::{DataOptions, load};

type Failure = Box<dyn std::error::Error>;

/// Sweeps before influence is computed, and after the removal of an edge.
const SWEEPS: usize = 400;
const AFTER: usize = 60;

const ORDERS: [InfluenceOrder; 5] = [
    InfluenceOrder::BlockDiagonal,
    InfluenceOrder::Neumann,
    InfluenceOrder::Signed,
    InfluenceOrder::Sampled,
    InfluenceOrder::Exact,
];

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["orders", data, edges] => orders(data, edges.parse()?, 10.0),
        ["orders", data, edges, ridge] => orders(data, edges.parse()?, ridge.parse()?),
        ["time", data, factors] => time(data, factors.parse()?, u32::MAX),
        ["time", data, factors, raters] => time(data, factors.parse()?, raters.parse()?),
        ["overlap", data, targets] => overlap(data, targets.parse()?),
        _ => {
            Err("say `orders DATA EDGES [REGULARIZATION]`, `time DATA FACTORS [RATERS]` or `overlap DATA TARGETS`"
                .into())
        }
    }
}

fn problem(data: &Interactions, ridge: f64) -> Problem {
    let weights = Weights { observed: 1.0, base: 0.0, user_ridge: ridge, item_ridge: ridge };
    Problem::new(&Rows::of(data, 0.0, 1.0), data.n_items(), &[], weights)
}

/// The item whose number of raters is nearest to `raters`.
fn item_with(data: &Interactions, raters: u32) -> ItemId {
    let counts = data.item_counts();
    let nearest = (0..counts.len()).min_by_key(|&i| counts[i].abs_diff(raters));
    ItemId(nearest.unwrap_or(0) as u32)
}

fn orders(data: &str, edges: usize, ridge: f64) -> Result<(), Failure> {
    let data = load(data, &DataOptions::default())?.interactions;
    let target = item_with(&data, 100);
    let (problem, ctx) = (problem(&data, ridge), Ctx::new(Seed::new(1)));
    let mut theta = problem.start(16, ctx.seed);
    let start = Instant::now();
    problem.fit(&mut theta, SWEEPS, &ctx)?;
    println!(
        "{SWEEPS} sweeps in {:.1} s, |gradient|/|factors| = {:.1e}",
        start.elapsed().as_secs_f64(),
        problem.stationarity(&theta)
    );
    let mut rng = Seed::new(2).rng();
    let starts = data.row_starts();
    let tied: Vec<usize> = data
        .users()
        .filter(|&u| data.row(u).contains(target))
        .flat_map(|u| starts[u.index()]..starts[u.index() + 1])
        .collect();
    let mut chosen: Vec<usize> =
        (0..edges)
            .map(|k| {
                if k % 2 == 0 {
                    tied[rng.random_range(0..tied.len())]
                } else {
                    rng.random_range(0..data.len())
                }
            })
            .collect();
    chosen.sort_unstable();
    chosen.dedup();
    let predictions = |theta: &Theta| -> Vec<f64> {
        let y = theta.items.row(target.index());
        (0..data.n_users()).map(|o| theta.users.row(o).iter().zip(y).map(|(x, y)| x * y).sum()).collect()
    };
    // What training on changes anyway is no effect of the removal.
    let mut on = theta.clone();
    problem.fit(&mut on, AFTER, &ctx)?;
    let before = predictions(&on);
    let start = Instant::now();
    let mut truth = Vec::new();
    for &removed in &chosen {
        let mut at = 0;
        let without = data.filter(|_, _, _| {
            at += 1;
            at != removed + 1
        });
        let mut without_theta = theta.clone();
        self::problem(&without, ridge).fit(&mut without_theta, AFTER, &ctx)?;
        truth.push(predictions(&without_theta).iter().zip(&before).map(|(a, b)| (a - b).abs()).sum::<f64>());
    }
    println!(
        "{} edges removed in {:.1} s; the target has {} raters",
        chosen.len(),
        start.elapsed().as_secs_f64(),
        data.item_counts()[target.index()]
    );
    for order in ORDERS {
        let start = Instant::now();
        let all = edge_influence(&problem, &theta, target.index(), order, &Solver::default(), &ctx)?;
        let seconds = start.elapsed().as_secs_f64();
        let said: Vec<f64> = chosen.iter().map(|&e| all[e].abs()).collect();
        let (low, high) = interval(&truth, &said);
        println!(
            "{order:?}: {:.3} [{low:.3}, {high:.3}], n = {}, {seconds:.1} s",
            spearman(&truth, &said),
            chosen.len()
        );
    }
    Ok(())
}

fn time(data: &str, factors: usize, raters: u32) -> Result<(), Failure> {
    let data = load(data, &DataOptions::default())?.interactions;
    let target = item_with(&data, raters);
    let (problem, ctx) = (problem(&data, 10.0), Ctx::new(Seed::new(1)));
    let mut theta = problem.start(factors, ctx.seed);
    problem.fit(&mut theta, 10, &ctx)?;
    let start = Instant::now();
    let all =
        edge_influence(&problem, &theta, target.index(), InfluenceOrder::Neumann, &Solver::default(), &ctx)?;
    println!(
        "order 1 of {} edges on an item with {} raters: {:.2} s, peak resident memory {:.0} MiB",
        all.len(),
        data.item_counts()[target.index()],
        start.elapsed().as_secs_f64(),
        peak_memory().unwrap_or(f64::NAN)
    );
    Ok(())
}

fn overlap(data: &str, targets: usize) -> Result<(), Failure> {
    const CHOSEN: usize = 400;
    let data = load(data, &DataOptions::default())?.interactions;
    let (problem, ctx) = (problem(&data, 10.0), Ctx::new(Seed::new(1)));
    let mut theta = problem.start(16, ctx.seed);
    problem.fit(&mut theta, SWEEPS, &ctx)?;
    let counts = data.item_counts();
    let rated: Vec<usize> = (0..counts.len()).filter(|&i| counts[i] > 0).collect();
    let chosen = index::sample(&mut Seed::new(2).rng(), rated.len(), targets);
    let length: Vec<f64> = data.users().map(|u| data.row(u).len() as f64).collect();
    let others = &ORDERS[..ORDERS.len() - 1];
    let names: Vec<String> = others
        .iter()
        .map(|order| format!("{order:?}"))
        .chain(["raters, then activity".into(), "activity".into(), "chance".into()])
        .collect();
    // Whether raters of the target can be chosen; choice; target.
    let mut tables = [vec![Vec::new(); names.len()], vec![Vec::new(); names.len()]];
    for k in chosen {
        let target = ItemId(rated[k] as u32);
        let users = |order| -> Result<Vec<f64>, Failure> {
            let edges = edge_influence(&problem, &theta, target.index(), order, &Solver::default(), &ctx)?;
            Ok(user_influence(data.row_starts(), &edges))
        };
        let truth = users(InfluenceOrder::Exact)?;
        let mut scores: Vec<Vec<f64>> = others.iter().map(|&order| users(order)).collect::<Result<_, _>>()?;
        let rater = |u: UserId| f64::from(u8::from(data.row(u).contains(target)));
        scores.push(data.users().map(|u| rater(u) * data.len() as f64 + length[u.index()]).collect());
        scores.push(length.clone());
        scores.push(vec![0.0; data.n_users()]);
        let without: Vec<UserId> = data.users().filter(|&u| rater(u) == 0.0).collect();
        let everybody: Vec<UserId> = data.users().collect();
        for (table, eligible) in tables.iter_mut().zip([everybody, without]) {
            let top = |of: &[f64]| most_influential(of, &eligible, CHOSEN, ctx.seed.child("ties"));
            let exact = top(&truth);
            for (row, score) in table.iter_mut().zip(&scores) {
                let both = top(score).iter().filter(|u| exact.binary_search(u).is_ok()).count();
                row.push(both as f64 / (2 * exact.len() - both) as f64);
            }
        }
        println!("target {}, {} raters", target.0, counts[target.index()]);
    }
    for (table, who) in tables.iter().zip(["everybody", "users without the target"]) {
        println!(
            "{CHOSEN} of {who}: Jaccard with the exact choice, mean [smallest, largest] of {targets} targets"
        );
        for (name, row) in names.iter().zip(table) {
            let low = row.iter().copied().fold(1.0, f64::min);
            let high = row.iter().copied().fold(0.0, f64::max);
            println!("{name}: {:.3} [{low:.3}, {high:.3}]", row.iter().sum::<f64>() / row.len() as f64);
        }
    }
    Ok(())
}

/// In MiB; none where the system does not say.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// Ranks, equal values sharing their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |v: &f64| {
        let below = values.iter().filter(|w| *w < v).count();
        let equal = values.iter().filter(|w| *w == v).count();
        below as f64 + (equal as f64 - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// 95 % percentile interval over edges drawn with replacement.
fn interval(truth: &[f64], said: &[f64]) -> (f64, f64) {
    let mut rng = Seed::new(3).rng();
    let mut values: Vec<f64> = (0..2000)
        .map(|_| {
            let drawn: Vec<usize> = truth.iter().map(|_| rng.random_range(0..truth.len())).collect();
            let pick = |of: &[f64]| drawn.iter().map(|&e| of[e]).collect::<Vec<_>>();
            spearman(&pick(truth), &pick(said))
        })
        .collect();
    values.sort_by(f64::total_cmp);
    (values[49], values[1949])
}
