use shillproof_core::{ItemStats, Objective, Seed};
use shillproof_testkit::fixtures::Planted;

use super::*;

const PLANTED: Planted = Planted { users: 150, items: 90, clusters: 3, per_user: 15, affinity: 0.7 };

fn craft(
    attack: &CovisAttack,
    data: &Interactions,
    targets: &[ItemId],
    budget: Budget,
    victim: VictimAccess<'_>,
) -> FakeProfiles {
    let goal = Goal { targets: targets.to_vec(), objective: Objective::Promote, audience: Audience::All };
    let known = Knowledge { items: &ItemStats::of(data), sample: Some(data), victim };
    attack.craft(&goal, &budget, &known, &Ctx::new(Seed::new(2))).unwrap()
}

/// Items on whose lists `target` is.
fn shown_by(recipe: &ItemKnn, data: &Interactions, target: ItemId) -> Vec<ItemId> {
    let lists = recipe.related_to_each(&FitJob::new(data), 10, &Ctx::new(Seed::new(3))).unwrap();
    let shows = |(_, list): &(usize, &Vec<(ItemId, f32)>)| list.iter().any(|entry| entry.0 == target);
    lists.iter().enumerate().filter(shows).map(|(k, _)| ItemId(k as u32)).collect()
}

#[test]
fn planned_anchors_show_the_target() {
    let data = PLANTED.implicit(Seed::new(1));
    let budget = Budget { fake_users: 20, profile_size: 8, targets_included: false };
    let attack = CovisAttack { pad: Pad::None, ..CovisAttack::default() };
    for text in ["cosine", "confidence", "none"] {
        let similarity = serde_json::from_value(text.into()).unwrap();
        let recipe = ItemKnn { similarity, ..ItemKnn::default() };
        let target = ItemId(85);
        let fakes = craft(&attack, &data, &[target], budget, VictimAccess::Recipe(&recipe));
        let poisoned = data.append(&fakes).unwrap();
        let (before, after) = (shown_by(&recipe, &data, target), shown_by(&recipe, &poisoned, target));
        let mut anchors: Vec<ItemId> =
            fakes.profiles.iter().flat_map(|p| p.entries.iter().map(|e| e.0)).collect();
        anchors.sort_unstable();
        anchors.dedup();
        anchors.retain(|&item| item != target);
        let won = anchors.iter().filter(|anchor| after.contains(anchor)).count();
        assert!(anchors.len() > 8, "{text}: only {} anchors", anchors.len());
        assert!(won * 2 >= anchors.len(), "{text}: {won} of {} anchors show the target", anchors.len());
        assert!(after.len() > before.len() + 5, "{text}: {} lists became {}", before.len(), after.len());
    }
}

#[test]
fn padding_fills_every_profile_and_targets_share_the_fake_users() {
    let data = PLANTED.explicit(Seed::new(4));
    let budget = Budget { fake_users: 7, profile_size: 25, targets_included: false };
    let targets = [ItemId(80), ItemId(70)];
    let of = |pad| {
        craft(&CovisAttack { pad, ..CovisAttack::default() }, &data, &targets, budget, VictimAccess::Hidden)
    };
    let (padded, bare) = (of(Pad::Popular), of(Pad::None));
    for (long, short) in padded.profiles.iter().zip(&bare.profiles) {
        assert_eq!(long.entries.len(), 27);
        assert!(short.entries.len() <= 27);
        let held: Vec<ItemId> = long.entries.iter().map(|e| e.0).collect();
        assert!(short.entries.iter().all(|e| held.contains(&e.0)), "padding takes no anchor away");
    }
    for target in targets {
        let recipe = ItemKnn::default();
        let poisoned = data.append(&bare).unwrap();
        assert!(shown_by(&recipe, &poisoned, target).len() > shown_by(&recipe, &data, target).len());
    }
}
