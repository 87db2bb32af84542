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
