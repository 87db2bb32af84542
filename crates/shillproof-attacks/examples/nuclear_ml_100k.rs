//! PGA on nuclear-norm completion of MovieLens-100K, beside real retraining. Needs `SHILLPROOF_DATA` (a folder with `ml-100k`).
//!
//! `cargo run --release -p shillproof-attacks --example nuclear_ml_100k -- WHAT` with WHAT one of
//! - `gains [FAKES] [SETTING] [SEEDS]`: PGA against its own start (uniform fillers, uniform scores, the target rated) on the utility it maximises, paired
//!   over seeds, for all six settings at 1 % and 5 % fake users;
//! - `speed`: seconds a fit and a derivative in each mode, and the cosine of each mode with the exact derivative.

#![allow(clippy::unwrap_used, reason = "an example stops where it fails")]

use std::time::Instant;

use rand::RngExt;
use shillproof_attacks::PgaAttack;
use shillproof_attacks::mf::{FakeRow, Mode, Rows, Solver, Theta};
use shillproof_attacks::nuclear::{Gradient, Nuclear, Printed, SigmaGrad};
use shillproof_attacks::pga::{Normalise, Utility};
use shillproof_core::{
    Audience, Budget, Ctx, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective, Seed, VictimAccess,
};
use shillproof_testkit::anchor::ml_100k;
use shillproof_victims::NuclearNorm;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// λ, larger than the victim's default: the rank is 9 instead of 120, so all six settings take minutes.
const REGULARIZATION: f32 = 25.0;
const ITERATIONS: usize = 25;
const SEEDS: u64 = 5;

/// The settings of the paper: name, μ₁, μ₂.
const SETTINGS: [(&str, f64, f64); 6] = [
    ("availability", 1.0, 0.0),
    ("availability, demote", 1.0, -1.0),
    ("promote", 0.0, 1.0),
    ("promote, light trace", -1.0, 1.0),
    ("demote", 0.0, -1.0),
    ("demote, light trace", -1.0, -1.0),
];

type Profiles = Vec<Vec<(ItemId, f64)>>;

fn main() {
    let Some(data) = ml_100k() else { return };
    match std::env::args().nth(1).as_deref() {
        Some("gains") => gains(&data),
        Some("speed") => speed(&data),
        _ => eprintln!("say one of: gains, speed"),
    }
}

fn recipe(tolerance: f64) -> NuclearNorm {
    NuclearNorm { regularization: REGULARIZATION, tolerance, ..NuclearNorm::default() }
}

/// An item with more than 10 ratings.
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

/// Fake users before and after PGA: the same items.
fn craft(
    data: &Interactions,
    seed: Seed,
    fakes: usize,
    (mu1, mu2): (f64, f64),
    iterations: usize,
) -> (Goal, Profiles, Profiles) {
    let (stats, victim) = (ItemStats::of(data), recipe(1e-5));
    let known = Knowledge { items: &stats, sample: Some(data), victim: VictimAccess::Recipe(&victim) };
    let objective = if mu2 < 0.0 { Objective::Demote } else { Objective::Promote };
    let goal = Goal { targets: vec![target(data, seed)], objective, audience: Audience::All };
    let budget = Budget { fake_users: fakes, profile_size: 25, targets_included: true };
    let run = |iterations: usize, step: f64| {
        let attack = PgaAttack {
            mu1: Some(mu1),
            mu2: Some(mu2),
            normalise: Normalise::PerCell,
            iterations,
            step,
            ..PgaAttack::default()
        };
        attack.relax(&goal, &budget, &known, &Ctx::new(seed.child("attack"))).unwrap().profiles
    };
    let (start, made) = (run(1, 1e-12), run(iterations, 0.2));
    (goal, start, made)
}

fn rows(profiles: &Profiles, offset: f64) -> Vec<FakeRow> {
    let row = |profile: &Vec<(ItemId, f64)>| FakeRow {
        items: profile.iter().map(|e| e.0.0).collect(),
        scores: profile.iter().map(|e| e.1 - offset).collect(),
    };
    profiles.iter().map(row).collect()
}

fn gains(data: &Interactions) {
    let (ctx, offset) = (Ctx::new(Seed::new(1)), ItemStats::of(data).global_mean);
    let genuine = Rows::of(data, offset, 1.0);
    let mut clean = Nuclear::new(recipe(1e-7), genuine.clone(), data.n_items());
    clean.fit(&[], &ctx).unwrap();
    println!(
        "utility (availability a cell, integrity a user) less that of the uniform start, real-valued scores"
    );
    let number = |nth| std::env::args().nth(nth).and_then(|n| n.parse::<usize>().ok());
    let (only, setting) = (number(2), number(3));
    let seeds = number(4).map_or(SEEDS, |n| n as u64);
    println!(
        "mean and 95 % interval, {seeds} seeds with a target and a start each, {ITERATIONS} iterations at most"
    );
    let student = StudentsT::new(0.0, 1.0, (seeds - 1) as f64).unwrap().inverse_cdf(0.975);
    let settings = setting.map_or(&SETTINGS[..], |nth| &SETTINGS[nth..=nth]);
    for fakes in only.map_or(vec![9, 47], |n| vec![n]) {
        for &(name, mu1, mu2) in settings {
            let one = |seed: u64| {
                let (goal, start, made) = craft(data, Seed::new(seed), fakes, (mu1, mu2), ITERATIONS);
                let utility =
                    Utility::new(&goal, (mu1, mu2), 2.0, Normalise::PerCell, &genuine, data.n_items());
                let value = |profiles: &Profiles| {
                    let mut judge = clean.clone();
                    judge.fit(&rows(profiles, offset), &ctx).unwrap();
                    let (problem, now) = (judge.problem(), judge.theta());
                    utility.slope(problem.by_user(), problem.by_item(), now, clean.theta()).value
                };
                value(&made) - value(&start)
            };
            let differences: Vec<f64> = (0..seeds).map(one).collect();
            let n = seeds as f64;
            let mean = differences.iter().sum::<f64>() / n;
            let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
            let half = student * (variance / n).sqrt();
            println!("{fakes} fakes, {name}: {mean:+.3e} [{:+.3e}, {:+.3e}]", mean - half, mean + half);
        }
    }
}

fn speed(data: &Interactions) {
    let (ctx, offset) = (Ctx::new(Seed::new(1)), ItemStats::of(data).global_mean);
    for regularization in [REGULARIZATION, NuclearNorm::default().regularization] {
        let recipe = NuclearNorm { regularization, ..NuclearNorm::default() };
        let genuine = Rows::of(data, offset, 1.0);
        let mut model = Nuclear::new(recipe, genuine.clone(), data.n_items());
        let start = Instant::now();
        model.fit(&[], &ctx).unwrap();
        let (clean, cold) = (model.theta().clone(), start.elapsed().as_secs_f64());
        let (goal, fakes, _) = craft(data, Seed::new(1), 28, (0.0, 1.0), 1);
        let start = Instant::now();
        model.fit(&rows(&fakes, offset), &ctx).unwrap();
        let (theta, warm) = (model.theta(), start.elapsed().as_secs_f64());
        println!(
            "λ {regularization}: rank {}, clean fit {cold:.2} s, with 28 fake users {warm:.2} s",
            theta.items.width()
        );
        for (mu, what) in [((0.0, 1.0), "promote"), ((1.0, 0.0), "availability")] {
            let utility = Utility::new(&goal, mu, 2.0, Normalise::PerCell, &genuine, data.n_items());
            let slope = utility.slope(model.problem().by_user(), model.problem().by_item(), theta, &clean);
            let by = Theta { users: slope.users, items: slope.items };
            let derivative = |mode: Mode, sigma_grad: SigmaGrad, solver: Solver| {
                let how = Gradient { mode, printed: Printed { sigma_grad, ..Printed::default() }, solver };
                let start = Instant::now();
                let cells = model.cell_derivatives(&by, &how, None, &ctx).unwrap().0.concat();
                (cells, start.elapsed().as_secs_f64())
            };
            let (mu_zero, quick) = (
                Solver { damping: 0.0, ..Solver::default() },
                Solver { tolerance: 1e-3, ..Solver::default() },
            );
            let exact = Solver { tolerance: 1e-7, max_steps: 1000, ..mu_zero };
            let (exact, _) = derivative(Mode::Implicit, SigmaGrad::None, exact);
            for (name, mode, sigma_grad, solver) in [
                (
                    "implicit, no damping",
                    Mode::Implicit,
                    SigmaGrad::None,
                    Solver { tolerance: 1e-3, ..mu_zero },
                ),
                ("implicit", Mode::Implicit, SigmaGrad::None, quick),
                ("coupled", Mode::Coupled, SigmaGrad::None, quick),
                ("paper, none", Mode::Paper, SigmaGrad::None, quick),
                ("paper, perturbation", Mode::Paper, SigmaGrad::Perturbation, quick),
                ("paper, paper-clipped", Mode::Paper, SigmaGrad::PaperClipped, quick),
            ] {
                let (cells, seconds) = derivative(mode, sigma_grad, solver);
                println!("  {what}, {name}: cosine {:.3}, {seconds:.2} s", cosine(&cells, &exact));
            }
        }
    }
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
