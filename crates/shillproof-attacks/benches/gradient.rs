//! What the gradient attacks cost, on generated data of real sizes.

#![allow(clippy::unwrap_used, reason = "a bench stops where it fails")]

use divan::Bencher;
use rand::RngExt;
use shillproof_attacks::mf::{FakeRow, Hessian, Problem, Rows, Solver, Theta, Weights};
use shillproof_attacks::{PgaAttack, SgldAttack};
use shillproof_core::{
    Audience, Budget, Ctx, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective, Seed, VictimAccess,
};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::Als;

fn main() {
    divan::main();
}

/// The shape of the Yelp data of Fang et al. (WWW 2020): one refit of 2 sweeps and one solve for a batch of 10 fake users whose
/// relaxed rows rate every item, as one step of an attack does them.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn refit_and_solve_16239_x_14284(bencher: Bencher<'_, '_>) {
    const ITEMS: u32 = 14_284;
    let seed = Seed::new(1);
    let planted = Planted { users: 16_239, items: ITEMS as usize, clusters: 20, per_user: 12, affinity: 0.6 };
    let genuine = Rows::of(&planted.explicit(seed), 0.0, 1.0);
    let fake = |v: u64| {
        let mut rng = seed.index(v).rng();
        FakeRow {
            items: (0..ITEMS).collect(),
            scores: (0..ITEMS).map(|_| 5.0 * rng.random::<f64>()).collect(),
        }
    };
    let fakes: Vec<FakeRow> = (0..10).map(fake).collect();
    let weights = Weights { observed: 1.0, base: 0.0, user_ridge: 1.0, item_ridge: 1.0 };
    let ctx = Ctx::new(seed);
    let problem = Problem::new(&genuine, ITEMS as usize, &fakes, weights);
    let mut theta = problem.start(64, seed);
    problem.fit(&mut theta, 5, &ctx).unwrap();
    let mut slope = Theta::zeros(problem.n_users(), problem.n_items(), 64);
    for u in 0..400 {
        slope.users.row_mut(u).copy_from_slice(theta.items.row(7));
        for (cell, x) in slope.items.row_mut(7).iter_mut().zip(theta.users.row(u)) {
            *cell += x;
        }
    }
    let solver = Solver { tolerance: 1e-2, ..Solver::default() };
    let mut last: Option<Theta> = None;
    bencher.bench_local(|| {
        let problem = Problem::new(&genuine, ITEMS as usize, &fakes, weights);
        problem.fit(&mut theta, 2, &ctx).unwrap();
        let (hessian, blocks) = (Hessian::new(&problem, &theta), problem.blocks(&theta));
        let start = last.as_ref().map(|s| [s]);
        let solved = solver
            .solve(&hessian, &blocks, &[&slope], start.as_ref().map(|s| &s[..]), &ctx)
            .unwrap()
            .remove(0);
        let steps = solved.steps;
        last = Some(solved.s);
        steps
    });
}

/// The shape of MovieLens 100K.
fn ratings() -> Interactions {
    Planted { users: 943, items: 1682, clusters: 8, per_user: 106, affinity: 0.6 }.explicit(Seed::new(1))
}

/// Calls `attack` in a case with as many fake users.
fn in_case(fake_users: usize, attack: impl Fn(&Goal, &Budget, &Knowledge<'_>, &Ctx<'_>) -> usize) -> usize {
    let data = ratings();
    let items = ItemStats::of(&data);
    let victim = Als::default();
    let known = Knowledge { items: &items, sample: Some(&data), victim: VictimAccess::Recipe(&victim) };
    let goal = Goal { targets: vec![ItemId(700)], objective: Objective::Promote, audience: Audience::All };
    let budget = Budget { fake_users, profile_size: 30, targets_included: false };
    attack(&goal, &budget, &known, &Ctx::new(Seed::new(1)))
}

#[divan::bench(args = [28, 188], sample_count = 3, sample_size = 1)]
fn pga_943_x_1682(fake_users: usize) -> usize {
    let attack = PgaAttack::default();
    in_case(fake_users, |goal, budget, known, ctx| {
        attack.relax(goal, budget, known, ctx).unwrap().trace.len()
    })
}

#[divan::bench(args = [28], sample_count = 3, sample_size = 1)]
fn sgld_943_x_1682(fake_users: usize) -> usize {
    let attack = SgldAttack::default();
    in_case(fake_users, |goal, budget, known, ctx| {
        attack.relax(goal, budget, known, ctx).unwrap().trace.len()
    })
}
