use shillproof_core::{Audience, Checkpoint, ItemStats, Seed, VictimAccess};
use shillproof_testkit::fixtures::{Memory, Planted};
use shillproof_victims::NeuMf;

use super::*;

fn victim() -> NeuMf {
    NeuMf {
        factors: 4,
        layers: vec![8, 4],
        epochs: 3,
        batch_size: 64,
        learning_rate: 0.01,
        ..NeuMf::default()
    }
}

fn craft(attack: &PoisonModelAttack, fake_users: usize, checkpoint: Option<&dyn Checkpoint>) -> FakeProfiles {
    let data =
        Planted { users: 40, items: 60, clusters: 4, per_user: 8, affinity: 0.8 }.implicit(Seed::new(1));
    let (items, victim) = (ItemStats::of(&data), victim());
    let known = Knowledge { items: &items, sample: Some(&data), victim: VictimAccess::Recipe(&victim) };
    let goal = Goal { targets: vec![ItemId(7)], objective: Objective::Promote, audience: Audience::All };
    let budget = Budget { fake_users, profile_size: 6, targets_included: false };
    let ctx = Ctx { checkpoint, ..Ctx::new(Seed::new(2)) };
    attack.craft(&goal, &budget, &known, &ctx).unwrap()
}

#[test]
fn a_stopped_attack_goes_on_and_a_smaller_one_is_the_beginning_of_a_larger() {
    for batch in [1, 3] {
        let attack = PoisonModelAttack { batch, rounds: 1, ..PoisonModelAttack::default() };
        let whole = craft(&attack, 5, None);
        let memory = Memory::default();
        let some = craft(&attack, 2, Some(&memory));
        assert_eq!(some, whole.prefix(2));
        // With batches of 3 it stopped within one.
        assert_eq!(craft(&attack, 5, Some(&memory)), whole);
        // What cannot be read is as nothing.
        memory.save(b"{");
        assert_eq!(craft(&attack, 1, Some(&memory)), whole.prefix(1));
    }
}

#[test]
fn both_trainings_and_free_profiles_keep_the_budget() {
    for training in [PoisonTraining::Alternating, PoisonTraining::Joint] {
        for force_targets in [true, false] {
            let attack =
                PoisonModelAttack { training, force_targets, rounds: 2, ..PoisonModelAttack::default() };
            for profile in craft(&attack, 2, None).profiles {
                assert_eq!(profile.entries.len(), 6 + usize::from(force_targets));
                assert!(!force_targets || profile.entries[0].0 == ItemId(7));
            }
        }
    }
}

#[test]
fn poisoning_shows_the_target_to_more_users_than_training_alone() {
    let data =
        Planted { users: 60, items: 80, clusters: 4, per_user: 10, affinity: 0.8 }.implicit(Seed::new(3));
    let goal = Goal { targets: vec![ItemId(9)], objective: Objective::Promote, audience: Audience::All };
    let attack = PoisonModelAttack { rounds: 3, list_length: 5, ..PoisonModelAttack::default() };
    let recipe = victim();
    let ctx = Ctx::new(Seed::new(4));
    let held = [(ItemId(9), 1.0)];
    let mut model = PoisonModel::new(&attack, &recipe, &data, &[], &goal, &held, ctx.seed);
    let [before, after] = model.hits_before_and_after(&ctx);
    assert!(after > before + 5, "{before} lists before, {after} after");
}
