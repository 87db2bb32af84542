//! Attacks on graphs: influence of all edges on data and twice as much data, and the fake users of one target.

use divan::Bencher;
use shillproof_attacks::{AttackSpec, WalkInfluence};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{
    Audience, Budget, Ctx, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective, Seed, VictimAccess,
};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::RandomWalk;
use shillproof_victims::random_walk::WalkGraph;

fn main() {
    divan::main();
}

/// The shape of MovieLens 100K, and twice as many users.
fn data(users: usize) -> Interactions {
    Planted { users, items: 1682, clusters: 8, per_user: 106, affinity: 0.6 }.explicit(Seed::new(1))
}

#[divan::bench(args = [943, 1886], sample_count = 20)]
fn influence_of_all_edges(bencher: Bencher<'_, '_>, users: usize) {
    let graph = WalkGraph::new(&data(users), None);
    bencher.bench(|| WalkInfluence::new(&graph, &RandomWalk::default(), &[ItemId(800)], None).users(false));
}

#[divan::bench(args = ["srwa", "s-graph", "covis"], sample_count = 3)]
fn nine_fake_users(bencher: Bencher<'_, '_>, name: &str) {
    let data = data(943);
    let items = ItemStats::of(&data);
    let attack = AttackSpec::from_inline(name).expect("a name of the catalogue");
    let goal = Goal { targets: vec![ItemId(800)], objective: Objective::Promote, audience: Audience::All };
    let budget = Budget { fake_users: 9, profile_size: 30, targets_included: false };
    let known = Knowledge { items: &items, sample: Some(&data), victim: VictimAccess::Hidden };
    let ctx = Ctx::new(Seed::new(1));
    bencher.bench(|| attack.attack().craft(&goal, &budget, &known, &ctx).map(|fakes| fakes.interactions()));
}
