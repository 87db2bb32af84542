//! Balanced examples with their features.

use rand::seq::SliceRandom;
use shillproof_core::{Ctx, DetectError, LabelledProfiles, UserId};

use super::{Statistics, SvmDetector};

/// Features and labels of examples.
pub(super) struct Labelled {
    /// One row an example.
    pub(super) rows: Vec<Vec<f64>>,
    /// Whether it is fake.
    pub(super) fake: Vec<bool>,
}

/// Every block is looked at among all genuine users, and gives its fake users and as many genuine ones. The
/// genuine users are drawn without replacement until all were drawn, then anew.
pub(super) fn gather(
    recipe: &SvmDetector,
    examples: &LabelledProfiles<'_>,
    ctx: &Ctx<'_>,
) -> Result<Labelled, DetectError> {
    let genuine = examples.genuine;
    let mut order: Vec<UserId> = genuine.users().filter(|&u| !genuine.row(u).is_empty()).collect();
    order.shuffle(&mut ctx.seed.child("genuine-examples").rng());
    let mut drawn = order.iter().cycle();
    let mut labelled = Labelled { rows: Vec::new(), fake: Vec::new() };
    let (mut wanted, total) = (recipe.examples, recipe.examples as u64);
    // Large blocks give a part of their fake users each, so that every attack is heard.
    let quota = recipe.examples.div_ceil(examples.blocks.len().max(1));
    for block in examples.blocks {
        if wanted == 0 || order.is_empty() {
            break;
        }
        ctx.check()?;
        ctx.observer.progress("features of examples", total - wanted as u64, total);
        let log = genuine.append(block)?;
        let reference = if recipe.statistics == Statistics::Genuine { genuine } else { &log };
        let features = recipe.profile_features().of(&log, reference)?;
        let first_fake = genuine.n_users();
        let fakes: Vec<usize> = (first_fake..log.n_users())
            .filter(|&user| features[user].is_some())
            .take(quota.min(wanted))
            .collect();
        let matched: Vec<usize> = drawn.by_ref().take(fakes.len()).map(|user| user.index()).collect();
        for user in fakes.iter().chain(&matched) {
            let row = features[*user].expect("invariant: examples have ratings");
            labelled.rows.push(row[..recipe.features.width()].to_vec());
            labelled.fake.push(*user >= first_fake);
        }
        wanted -= fakes.len();
    }
    let fake = labelled.fake.iter().filter(|&&fake| fake).count();
    if fake < 5 {
        return Err(DetectError::NeedsExamples { genuine: labelled.fake.len() - fake, fake });
    }
    Ok(labelled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{FakeProfiles, ItemId, Profile, Seed};
    use shillproof_testkit::fixtures::Planted;

    #[test]
    fn bug_11_genuine_examples_are_drawn_from_all_users_and_each_once() {
        let planted = Planted { users: 40, items: 60, clusters: 3, per_user: 12, affinity: 0.8 };
        let genuine = planted.explicit(Seed::new(1));
        let fake = Profile { entries: vec![(ItemId(3), 5.0), (ItemId(8), 2.0)] };
        let blocks = vec![FakeProfiles { profiles: vec![fake; 5], ..FakeProfiles::default() }; 8];
        let labelled = LabelledProfiles { genuine: &genuine, blocks: &blocks };
        let rows = |examples, seed| {
            let recipe = SvmDetector { examples, statistics: Statistics::Genuine, ..SvmDetector::default() };
            let found = gather(&recipe, &labelled, &Ctx::new(Seed::new(seed))).unwrap();
            let genuine = found.rows.iter().zip(&found.fake).filter(|(_, fake)| !**fake);
            genuine.map(|(row, _)| row.clone()).collect::<Vec<_>>()
        };
        assert_ne!(rows(10, 1), rows(10, 2), "the same users whatever the seed");
        // Forty examples of forty users: everybody once, whatever the order.
        let sorted = |mut all: Vec<Vec<f64>>| {
            all.sort_by(|a, b| a.partial_cmp(b).unwrap());
            all
        };
        let (one, other) = (sorted(rows(40, 1)), sorted(rows(40, 2)));
        assert_eq!(one.len(), 40);
        assert!(one.iter().zip(&other).all(|(a, b)| a[0] == b[0] && a[3] == b[3] && a[4] == b[4]));
    }
}
