//! PGA and SGLD on MovieLens-100K, beside real retraining. Needs `SHILLPROOF_DATA` (a folder with `ml-100k`).
//!
//! `cargo run --release -p shillproof-attacks --example pga_ml_100k -- WHAT` with WHAT one of
//! - `cosines`: the derivative in each mode against central differences of the model's own retraining, 50 cells;
//! - `gains VARIANT ITERATIONS [FAKES] [SETTING]`: VARIANT (`implicit`, `coupled` or `paper` PGA, or `sgld`) against uniform fillers
//!   and ratings on the utility it maximises, paired over seeds, for 9 and 47 fake users (or FAKES) and for all six settings (or the
//!   one with this number, from 0);
//! - `speed`: seconds an iteration.

#![allow(clippy::unwrap_used, reason = "an example stops where it fails")]

use std::time::Instant;

use rand::RngExt;
use rand::seq::index;
use shillproof_attacks::mf::{FakeRow, Hessian, Mode, Problem, Rows, Solver, Theta, Weights};
use shillproof_attacks::pga::{Normalise, Utility};
use shillproof_attacks::{PgaAttack, SgldAttack};
use shillproof_core::{
    Audience, Budget, Ctx, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective, Seed, VictimAccess,
};
use shillproof_testkit::anchor::ml_100k;
use shillproof_victims::Als;

fn main() {
    let Some(data) = ml_100k() else { return };
    match std::env::args().nth(1).as_deref() {
        Some("cosines") => cosines(&data),
        Some("gains") => {
            let variant = std::env::args().nth(2).unwrap_or("implicit".into());
            let iterations = std::env::args().nth(3).map_or(50, |n| n.parse().unwrap());
            let number = |nth| std::env::args().nth(nth).map(|n| n.parse::<usize>().unwrap());
            gains(&data, &variant, iterations, number(4), number(5));
        }
        Some("speed") => speed(&data),
        _ => eprintln!("say one of: cosines, gains, speed"),
    }
}

fn target(data: &Interactions, seed: Seed) -> ItemId {
    let counts = data.item_counts();
    let mut rng = seed.child("target").rng();
    loop {
        let item = rng.random_range(0..data.n_items());
        if counts[item] > 10 {
            return ItemId(item as u32);
        }
    }
}

fn goal(target: ItemId, objective: Objective) -> Goal {
    Goal { targets: vec![target], objective, audience: Audience::All }
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// 9 fake users with 25 items each, the target among them; scores uniform on the scale.
fn random_fakes(data: &Interactions, target: ItemId, seed: Seed) -> Vec<FakeRow> {
    let fake = |v: u64| {
        let mut rng = seed.child("fakes").index(v).rng();
        let mut items: Vec<u32> =
            index::sample(&mut rng, data.n_items(), 25).into_iter().map(|i| i as u32).collect();
        if !items.contains(&target.0) {
            items[0] = target.0;
        }
        let scores = items.iter().map(|_| rng.random_range(1.0..5.0)).collect();
        FakeRow { items, scores }
    };
    (0..9).map(fake).collect()
}

/// The victim's own training, 50 sweeps, from given factors.
fn retrained(genuine: &Rows, items: usize, fakes: &[FakeRow], weights: Weights, from: &Theta) -> Theta {
    let mut theta = from.clone();
    Problem::new(genuine, items, fakes, weights).fit(&mut theta, 50, &Ctx::new(Seed::new(1))).unwrap();
    theta
}

fn cosines(data: &Interactions) {
    const CELLS: usize = 50;
    for ridge in [1.0, 10.0] {
        for number in 1..=2 {
            let seed = Seed::new(number);
            let weights = Weights { observed: 1.0, base: 0.0, user_ridge: ridge, item_ridge: ridge };
            let genuine = Rows::of(data, 0.0, 1.0);
            let target = target(data, seed);
            let fakes = random_fakes(data, target, seed);
            let utility = Utility::new(
                &goal(target, Objective::Promote),
                (0.0, 1.0),
                1.0,
                Normalise::PaperRaw,
                &genuine,
                data.n_items(),
            );
            let problem = Problem::new(&genuine, data.n_items(), &fakes, weights);
            let mut theta = problem.start(10, seed);
            problem.fit(&mut theta, 200, &Ctx::new(seed)).unwrap();
            let left = problem.stationarity(&theta);
            let value =
                |theta: &Theta| utility.slope(problem.by_user(), problem.by_item(), theta, theta).value;
            // The targets' own cells, then fillers at random.
            let mut cells: Vec<(usize, usize)> =
                (0..9).map(|v| (v, fakes[v].items.iter().position(|&i| i == target.0).unwrap())).collect();
            let mut rng = seed.child("cells").rng();
            while cells.len() < CELLS {
                let cell = (rng.random_range(0..9), rng.random_range(0..25));
                if !cells.contains(&cell) {
                    cells.push(cell);
                }
            }
            let h = 0.05;
            let difference = |&(v, at): &(usize, usize)| {
                let moved = |by: f64| {
                    let mut fakes = fakes.clone();
                    fakes[v].scores[at] += by;
                    value(&retrained(&genuine, data.n_items(), &fakes, weights, &theta))
                };
                (moved(h) - moved(-h)) / (2.0 * h)
            };
            let truth: Vec<f64> = cells.iter().map(difference).collect();
            let slope = utility.slope(problem.by_user(), problem.by_item(), &theta, &theta);
            let by = Theta { users: slope.users, items: slope.items };
            let blocks = problem.blocks(&theta);
            println!("regularization {ridge}, seed {number}, |gradient|/|theta| {left:.1e}");
            let report = |name: &str, s: &Theta, note: String| {
                let all = problem.cell_derivatives(&theta, s);
                let ours: Vec<f64> = cells.iter().map(|&(v, at)| all[v][at]).collect();
                let (fillers, true_fillers) = (&ours[9..], &truth[9..]);
                println!(
                    "  {name:<22} cosine {:.3}, fillers alone {:.3} {note}",
                    cosine(&ours, &truth),
                    cosine(fillers, true_fillers)
                );
            };
            for damping in [0.0, 0.1] {
                let solver = Solver { damping, tolerance: 1e-6, max_steps: 3000 };
                let hessian = Hessian::new(&problem, &theta);
                let solved =
                    solver.solve(&hessian, &blocks, &[&by], None, &Ctx::new(seed)).unwrap().remove(0);
                let note = format!(
                    "(damping {}, {} steps, residual {:.0e})",
                    solved.damping, solved.steps, solved.residual
                );
                report(&format!("implicit, from {damping}"), &solved.s, note);
            }
            for (name, mode) in [("coupled", Mode::Coupled), ("paper", Mode::Paper)] {
                report(
                    name,
                    &problem.frozen(&theta, &blocks, &by.items, mode == Mode::Coupled),
                    String::new(),
                );
            }
        }
    }
}

/// The six settings of the paper: name, μ₁, μ₂.
const SETTINGS: [(&str, f64, f64); 6] = [
    ("availability", 1.0, 0.0),
    ("availability, demote", 1.0, -1.0),
    ("promote", 0.0, 1.0),
    ("promote, light trace", -1.0, 1.0),
    ("demote", 0.0, -1.0),
    ("demote, light trace", -1.0, -1.0),
];

fn als() -> Als {
    Als { factors: 10, ..Als::default() }
}

/// Utility of real-valued profiles: the victim's objective retrained from the clean factors until it stands still.
fn judged(
    data: &Interactions,
    clean: &Theta,
    profiles: &[Vec<(ItemId, f64)>],
    goal: &Goal,
    mu: (f64, f64),
) -> f64 {
    let fakes: Vec<FakeRow> = profiles
        .iter()
        .map(|p| FakeRow {
            items: p.iter().map(|e| e.0.0).collect(),
            scores: p.iter().map(|e| e.1).collect(),
        })
        .collect();
    let weights = Weights { observed: 1.0, base: 0.0, user_ridge: 10.0, item_ridge: 10.0 };
    let genuine = Rows::of(data, 0.0, 1.0);
    let problem = Problem::new(&genuine, data.n_items(), &fakes, weights);
    let mut theta = clean.clone();
    problem.fit(&mut theta, 50, &Ctx::new(Seed::new(1))).unwrap();
    let utility = Utility::new(goal, mu, 2.0, Normalise::PerCell, &genuine, data.n_items());
    utility.slope(problem.by_user(), problem.by_item(), &theta, clean).value
}

/// Mean and half width of the 95 % interval of paired differences (Student's t).
fn interval(differences: &[f64]) -> (f64, f64) {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // The 97.5 % point of Student's t with 4 degrees of freedom.
    assert_eq!(differences.len(), 5);
    (mean, 2.776 * (variance / n).sqrt())
}

/// Repeats of a comparison.
const SEEDS: u64 = 5;

fn gains(
    data: &Interactions,
    variant: &str,
    iterations: usize,
    fakes: Option<usize>,
    setting: Option<usize>,
) {
    let grad = match variant {
        "coupled" => Mode::Coupled,
        "paper" => Mode::Paper,
        _ => Mode::Implicit,
    };
    let stats = ItemStats::of(data);
    let victim = als();
    let known = Knowledge { items: &stats, sample: Some(data), victim: VictimAccess::Recipe(&victim) };
    let weights = Weights { observed: 1.0, base: 0.0, user_ridge: 10.0, item_ridge: 10.0 };
    let clean: Vec<Theta> = (0..SEEDS)
        .map(|seed| {
            let problem = Problem::new(&Rows::of(data, 0.0, 1.0), data.n_items(), &[], weights);
            let mut clean = problem.start(10, Seed::new(seed).child("judge"));
            problem.fit(&mut clean, 200, &Ctx::new(Seed::new(1))).unwrap();
            clean
        })
        .collect();
    println!(
        "utility less that of uniform, per cell and per user; mean and 95 % interval over {SEEDS} seeds"
    );
    let settings = setting.map_or(&SETTINGS[..], |nth| &SETTINGS[nth..=nth]);
    for fakes in fakes.map_or(vec![9, 47], |n| vec![n]) {
        for &(name, mu1, mu2) in settings {
            let objective = if mu2 < 0.0 { Objective::Demote } else { Objective::Promote };
            let budget = Budget { fake_users: fakes, profile_size: 25, targets_included: true };
            let one = |seed: u64| {
                let (root, clean) = (Seed::new(seed), &clean[seed as usize]);
                let goal = goal(target(data, root), objective);
                let ctx = Ctx::new(root.child("attack"));
                let (m1, m2, normalise) = (Some(mu1), Some(mu2), Normalise::PerCell);
                // One iteration with no step to speak of: the start itself.
                let start = PgaAttack { iterations: 1, step: 1e-12, ..PgaAttack::default() };
                let uniform = start.relax(&goal, &budget, &known, &ctx).unwrap().profiles;
                let made = if variant == "sgld" {
                    let attack =
                        SgldAttack { mu1: m1, mu2: m2, normalise, iterations, ..SgldAttack::default() };
                    attack.relax(&goal, &budget, &known, &ctx).unwrap().profiles
                } else {
                    let attack =
                        PgaAttack { mu1: m1, mu2: m2, normalise, grad, iterations, ..PgaAttack::default() };
                    attack.relax(&goal, &budget, &known, &ctx).unwrap().profiles
                };
                let value =
                    |profiles: &[Vec<(ItemId, f64)>]| judged(data, clean, profiles, &goal, (mu1, mu2));
                [value(&made), value(&uniform)]
            };
            let values: Vec<[f64; 2]> = (0..SEEDS).map(one).collect();
            let differences: Vec<f64> = values.iter().map(|v| v[0] - v[1]).collect();
            let uniform = values.iter().map(|v| v[1]).sum::<f64>() / SEEDS as f64;
            let (mean, half) = interval(&differences);
            println!(
                "{fakes} fakes, {name}: uniform {uniform:.4}, {variant} {mean:+.4} [{:+.4}, {:+.4}]",
                mean - half,
                mean + half
            );
        }
    }
}

fn speed(data: &Interactions) {
    let stats = ItemStats::of(data);
    for (factors, fakes) in [(10, 188), (16, 28), (64, 28)] {
        let victim = Als { factors, ..Als::default() };
        let known = Knowledge { items: &stats, sample: Some(data), victim: VictimAccess::Recipe(&victim) };
        let budget = Budget { fake_users: fakes, profile_size: 30, targets_included: false };
        let goal = goal(target(data, Seed::new(1)), Objective::Promote);
        let ctx = Ctx::new(Seed::new(1));
        let time = |iterations: usize| {
            let start = Instant::now();
            let attack = PgaAttack { iterations, tolerance: 0.0, ..PgaAttack::default() };
            let relaxed = attack.relax(&goal, &budget, &known, &ctx).unwrap();
            (start.elapsed().as_secs_f64(), relaxed.trace)
        };
        let ((one, _), (many, trace)) = (time(1), time(11));
        let steps: Vec<usize> = trace.iter().filter_map(|s| s.solve.map(|s| s.steps)).collect();
        println!(
            "{factors} factors, {fakes} fakes: {:.3} s an iteration (clean model and first: {one:.2} s); steps {steps:?}",
            (many - one) / 10.0
        );
        let start = Instant::now();
        let attack = PgaAttack::default();
        let n = attack.relax(&goal, &budget, &known, &ctx).unwrap().trace.len();
        println!("  default attack: {:.2} s, {n} iterations", start.elapsed().as_secs_f64());
        let start = Instant::now();
        SgldAttack::default().relax(&goal, &budget, &known, &ctx).unwrap();
        println!("  default sgld: {:.2} s", start.elapsed().as_secs_f64());
    }
}
