//! Influence by orders 0 and 1, and ten fake users of the S-attack, at the size of MovieLens 100K.

use divan::{Bencher, black_box};
use shillproof_attacks::influence::{InfluenceOrder, edge_influence};
use shillproof_attacks::mf::{Mode, Problem, Rows, Solver, Theta, Weights};
use shillproof_attacks::{SAttack, poison};
use shillproof_core::{
    Audience, Budget, Ctx, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective, Seed, ThreatCase,
    VictimAccess,
};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::Als;

fn main() {
    divan::main();
}

fn data() -> Interactions {
    Planted { users: 943, items: 1682, clusters: 8, per_user: 106, affinity: 0.7 }.explicit(Seed::new(1))
}

#[divan::bench(args = [InfluenceOrder::BlockDiagonal, InfluenceOrder::Neumann], sample_count = 3, sample_size = 1)]
fn all_edges(bencher: Bencher<'_, '_>, order: InfluenceOrder) {
    let weights = Weights { observed: 1.0, base: 0.0, user_ridge: 10.0, item_ridge: 10.0 };
    let problem = Problem::new(&Rows::of(&data(), 0.0, 1.0), 1682, &[], weights);
    let ctx = Ctx::new(Seed::new(1));
    let mut theta: Theta = problem.start(16, ctx.seed);
    problem.fit(&mut theta, 5, &ctx).expect("planted ratings can be factorised");
    bencher.bench_local(|| {
        black_box(edge_influence(&problem, &theta, 40, order, &Solver::default(), &ctx)).is_ok()
    });
}

#[divan::bench(args = [Mode::Implicit, Mode::Coupled, Mode::Paper], sample_count = 3, sample_size = 1)]
fn ten_fake_users(bencher: Bencher<'_, '_>, grad: Mode) {
    let data = data();
    let (items, recipe) = (ItemStats::of(&data), Als::default());
    let case = ThreatCase {
        goal: Goal { targets: vec![ItemId(900)], objective: Objective::Promote, audience: Audience::All },
        budget: Budget { fake_users: 10, profile_size: 30, targets_included: false },
        known: Knowledge { items: &items, sample: Some(&data), victim: VictimAccess::Recipe(&recipe) },
    };
    let attack = SAttack { grad, ..SAttack::default() };
    bencher.bench_local(|| black_box(poison(&attack, &data, &case, &Ctx::new(Seed::new(1)))).is_ok());
}
