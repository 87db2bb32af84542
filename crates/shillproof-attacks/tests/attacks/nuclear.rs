//! PGA and SGLD on nuclear-norm completion, judged by the victim itself.

use shillproof_attacks::pga::{ModelChoice, Normalise};
use shillproof_attacks::{PgaAttack, SgldAttack, UniformAttack, poison};
use shillproof_core::{
    Attack, Audience, Budget, Ctx, FitJob, Goal, Interactions, ItemId, ItemStats, Knowledge, Objective,
    Recommender, Seed, ThreatCase, UserId, Victim, VictimAccess,
};
use shillproof_testkit::fixtures::Planted;
use shillproof_victims::{Als, NuclearNorm};

const USERS: usize = 60;
const ITEMS: usize = 45;

/// The settings of the paper: μ₁ and μ₂.
const SETTINGS: [(f64, f64); 6] =
    [(1.0, 0.0), (1.0, -1.0), (0.0, 1.0), (-1.0, 1.0), (0.0, -1.0), (-1.0, -1.0)];

fn victim() -> NuclearNorm {
    NuclearNorm { regularization: 3.0, ..NuclearNorm::default() }
}

fn data(seed: u64) -> Interactions {
    Planted { users: USERS, items: ITEMS, clusters: 3, per_user: 12, affinity: 0.8 }.explicit(Seed::new(seed))
}

fn fit(train: &Interactions) -> Box<dyn Recommender> {
    victim().fit(&FitJob::new(train), &Ctx::new(Seed::new(9))).expect("the toy can be fitted")
}

/// The utility of the attack's fake users for the victim trained on them: availability a cell, integrity a user, w = 2.
fn utility(attack: &dyn Attack, victim: &dyn Victim, (mu1, mu2): (f64, f64), seed: u64) -> f64 {
    let (train, target) = (data(seed), ItemId(7 + seed as u32));
    let objective = if mu2 < 0.0 { Objective::Demote } else { Objective::Promote };
    let items = ItemStats::of(&train);
    let case = ThreatCase {
        goal: Goal { targets: vec![target], objective, audience: Audience::All },
        budget: Budget { fake_users: 6, profile_size: 10, targets_included: false },
        known: Knowledge { items: &items, sample: Some(&train), victim: VictimAccess::Recipe(victim) },
    };
    let poisoned = poison(attack, &train, &case, &Ctx::new(Seed::new(seed)))
        .expect("the attack is granted all it needs");
    let (clean, now) = (fit(&train), fit(&poisoned.train));
    let rating =
        |model: &dyn Recommender, u: UserId, i: ItemId| f64::from(model.rating(u, i).expect("ratings"));
    let (mut shift, mut unseen, mut targets) = (0.0, 0.0, 0.0);
    for u in train.users() {
        for i in (0..ITEMS as u32).map(ItemId) {
            if !train.row(u).contains(i) {
                shift += (rating(&*now, u, i) - rating(&*clean, u, i)).powi(2);
                unseen += 1.0;
            }
        }
        targets += 2.0 * rating(&*now, u, target);
    }
    mu1 * shift / unseen + mu2 * targets / USERS as f64
}

#[test]
fn pga_lifts_its_uniform_start_on_every_utility_it_maximises() {
    for mu in SETTINGS {
        let climb = |iterations: usize, step: f64| PgaAttack {
            mu1: Some(mu.0),
            mu2: Some(mu.1),
            normalise: Normalise::PerCell,
            iterations,
            step,
            ..PgaAttack::default()
        };
        for seed in 1..=2 {
            let climbed = utility(&climb(20, 0.2), &victim(), mu, seed);
            // No step to speak of: uniform fillers with uniform scores, and the target.
            let uniform = utility(&climb(1, 1e-9), &victim(), mu, seed);
            assert!(climbed > uniform, "{mu:?}, seed {seed}: {climbed} against {uniform}");
        }
    }
}

#[test]
fn sgld_beats_uniform_where_it_promotes() {
    let uniform = UniformAttack { force_targets: true };
    let sgld = SgldAttack { beta: 5.0, iterations: 30, ..SgldAttack::default() };
    for seed in 1..=2 {
        let (sampled, noise) =
            (utility(&sgld, &victim(), (0.0, 1.0), seed), utility(&uniform, &victim(), (0.0, 1.0), seed));
        assert!(sampled > noise, "seed {seed}: {sampled} against {noise}");
    }
}

#[test]
fn the_model_can_be_named_and_is_read_from_the_recipe() {
    let train = data(1);
    let (items, als) = (ItemStats::of(&train), Als::default());
    let goal = Goal { targets: vec![ItemId(3)], objective: Objective::Promote, audience: Audience::All };
    let budget = Budget { fake_users: 2, profile_size: 5, targets_included: false };
    let relax = |model: ModelChoice, victim: &dyn Victim| {
        let known = Knowledge { items: &items, sample: Some(&train), victim: VictimAccess::Recipe(victim) };
        let attack = PgaAttack { model, iterations: 3, ..PgaAttack::default() };
        attack
            .relax(&goal, &budget, &known, &Ctx::new(Seed::new(1)))
            .expect("the attack is granted all it needs")
    };
    let default = NuclearNorm::default();
    let read = relax(ModelChoice::Recipe, &default);
    assert_eq!(read, relax(ModelChoice::NuclearNorm, &als));
    assert_eq!(relax(ModelChoice::Als, &default), relax(ModelChoice::Recipe, &als));
    assert_ne!(read, relax(ModelChoice::Recipe, &als));
}
