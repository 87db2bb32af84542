//! PGA climbs what it says it climbs.

use shillproof_attacks::mf::{FakeRow, Problem, Rows, Theta, Weights};
use shillproof_attacks::pga::{Normalise, Utility};
use shillproof_attacks::{PgaAttack, SgldAttack};
use shillproof_core::{Ctx, Goal, ItemId, ItemStats, Knowledge, Objective, Seed, VictimAccess};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::Als;

use crate::{budget, goal};

/// μ₁ and μ₂ of the six settings of the paper.
const SETTINGS: [(f64, f64); 6] =
    [(1.0, 0.0), (1.0, -1.0), (0.0, 1.0), (-1.0, 1.0), (0.0, -1.0), (-1.0, -1.0)];

#[test]
fn it_beats_the_random_start_on_the_utility_of_every_setting() {
    let data =
        Planted { users: 80, items: 60, clusters: 3, per_user: 15, affinity: 0.8 }.explicit(Seed::new(2));
    let items = ItemStats::of(&data);
    let ridge = 5.0;
    let victim = Als { factors: 4, regularization: 5.0, ..Als::default() };
    let known = Knowledge { items: &items, sample: Some(&data), victim: VictimAccess::Recipe(&victim) };
    let budget = budget(4, 10);
    // Retraining from scratch, by other eyes than the attack's: another start, to a minimum.
    let genuine = Rows::of(&data, 0.0, 1.0);
    let weights = Weights { observed: 1.0, base: 0.0, user_ridge: ridge, item_ridge: ridge };
    let ctx = Ctx::new(Seed::new(77));
    let clean = {
        let problem = Problem::new(&genuine, data.n_items(), &[], weights);
        let mut clean = problem.start(4, ctx.seed);
        problem.fit(&mut clean, 300, &ctx).unwrap();
        clean
    };
    let utility = |profiles: &[Vec<(ItemId, f64)>], goal: &Goal, mu| {
        let row = |p: &Vec<(ItemId, f64)>| FakeRow {
            items: p.iter().map(|e| e.0.0).collect(),
            scores: p.iter().map(|e| e.1).collect(),
        };
        let fakes: Vec<FakeRow> = profiles.iter().map(row).collect();
        let problem = Problem::new(&genuine, data.n_items(), &fakes, weights);
        let mut theta: Theta = clean.clone();
        problem.fit(&mut theta, 300, &ctx).unwrap();
        Utility::new(goal, mu, 2.0, Normalise::PerCell, &genuine, data.n_items())
            .slope(problem.by_user(), problem.by_item(), &theta, &clean)
            .value
    };
    for (mu1, mu2) in SETTINGS {
        let goal = goal(&[20], if mu2 < 0.0 { Objective::Demote } else { Objective::Promote });
        let mut gains = Vec::new();
        for seed in 0..5 {
            let ctx = Ctx::new(Seed::new(seed));
            let attack = PgaAttack {
                mu1: Some(mu1),
                mu2: Some(mu2),
                normalise: Normalise::PerCell,
                iterations: 20,
                ..PgaAttack::default()
            };
            let start = PgaAttack { iterations: 1, step: 1e-12, ..attack.clone() };
            let [climbed, uniform] =
                [&attack, &start].map(|a| a.relax(&goal, &budget, &known, &ctx).unwrap().profiles);
            let (climbed, uniform) =
                (utility(&climbed, &goal, (mu1, mu2)), utility(&uniform, &goal, (mu1, mu2)));
            gains.push(climbed - uniform);
        }
        // The judge has a minimum of its own, so a seed may fail; four of five and their sum may not.
        println!("({mu1}, {mu2}): {gains:?}");
        let better = gains.iter().filter(|&&gain| gain > 0.0).count();
        assert!(better >= 4 && gains.iter().sum::<f64>() > 0.0, "({mu1}, {mu2}): {gains:?}");
    }
}

#[test]
fn parameters_out_of_range_are_refused_by_name() {
    let data =
        Planted { users: 20, items: 30, clusters: 3, per_user: 5, affinity: 0.8 }.explicit(Seed::new(2));
    let items = ItemStats::of(&data);
    let victim = Als { factors: 2, ..Als::default() };
    let known = Knowledge { items: &items, sample: Some(&data), victim: VictimAccess::Recipe(&victim) };
    let (goal, budget, ctx) = (goal(&[3], Objective::Promote), budget(1, 3), Ctx::new(Seed::new(1)));
    let pga = PgaAttack::default();
    for (name, attack) in [
        ("mu1", PgaAttack { mu1: Some(f64::NAN), ..pga.clone() }),
        ("mu2", PgaAttack { mu2: Some(f64::INFINITY), ..pga.clone() }),
        ("target_weight", PgaAttack { target_weight: f64::NAN, ..pga.clone() }),
        ("damping", PgaAttack { damping: -1.0, ..pga.clone() }),
        ("tolerance", PgaAttack { tolerance: f64::NAN, ..pga.clone() }),
        ("step", PgaAttack { step: 0.0, ..pga.clone() }),
        ("iterations", PgaAttack { iterations: 0, ..pga.clone() }),
        ("candidates", PgaAttack { candidates: 0, ..pga.clone() }),
    ] {
        let text = attack.relax(&goal, &budget, &known, &ctx).unwrap_err().to_string();
        assert!(text.starts_with(&format!("parameter `{name}` is ")), "{text}");
    }
    let sgld = SgldAttack::default();
    for (name, attack) in [
        ("beta", SgldAttack { beta: f64::NAN, ..sgld.clone() }),
        ("step", SgldAttack { step: 1.5, ..sgld.clone() }),
        ("damping", SgldAttack { damping: f64::NAN, ..sgld.clone() }),
    ] {
        let text = attack.relax(&goal, &budget, &known, &ctx).unwrap_err().to_string();
        assert!(text.starts_with(&format!("parameter `{name}` is ")), "{text}");
    }
}
