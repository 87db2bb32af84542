//! What the attack moved: ranks and predicted ratings of a target, attacked against clean.

use shillproof_core::ItemId;

use super::{MetricError, PerUser, check_paired, target_number};
use crate::rankings::{Place, Rankings};

/// Places that the target gained: its rank on clean data minus its rank under attack.
///
/// The population is the eligible users: those who do not have the target in the genuine data. Ranks
/// are among all candidates, exclusion set masked. Positive means up the list. Several targets: one
/// call each. Everybody has the target: no mean.
///
/// # Errors
/// If the target was not ranked in both, the populations differ, or a victim gives lists only.
pub fn rank_shift(clean: &Rankings, attacked: &Rankings, target: ItemId) -> Result<PerUser, MetricError> {
    check_paired(clean, attacked)?;
    let (before, after) = (target_number(clean, target)?, target_number(attacked, target)?);
    if clean.depth() < clean.n_items() || attacked.depth() < attacked.n_items() {
        return Err(MetricError::NotAvailable {
            metric: "rank_shift",
            needs: "a victim that scores every item",
        });
    }
    Ok(PerUser::of(clean.n_users(), |user| match (clean.place(user, before), attacked.place(user, after)) {
        _ if clean.owns(user, before) => None,
        (Place::Rank(before), Place::Rank(after)) => Some(f64::from(before) - f64::from(after)),
        _ => None,
    }))
}

/// Average predicted rating of a target: its mean over all genuine users, whether or not they rated it;
/// none without users. Source: Li et al., NIPS 2016, section 5.
///
/// # Errors
/// If the target was not ranked, or the victim predicts no ratings.
pub fn average_predicted_rating(rankings: &Rankings, target: ItemId) -> Result<Option<f64>, MetricError> {
    Ok(ratings(rankings, target, "average_predicted_rating")?.mean())
}

/// Prediction shift of a target: predicted rating under attack minus that on clean data.
///
/// The population is all genuine users, so its mean is the difference of the average predicted
/// ratings. Nothing is masked. Several targets: one call each. Source: O'Mahony et al., ACM TOIT 2004.
///
/// # Errors
/// If the target was not ranked in both, the populations differ, or a victim predicts no ratings.
pub fn prediction_shift(
    clean: &Rankings,
    attacked: &Rankings,
    target: ItemId,
) -> Result<PerUser, MetricError> {
    check_paired(clean, attacked)?;
    let before = ratings(clean, target, "prediction_shift")?;
    let after = ratings(attacked, target, "prediction_shift")?;
    Ok(PerUser::of(clean.n_users(), |user| Some(after.get(user)? - before.get(user)?)))
}

fn ratings(rankings: &Rankings, target: ItemId, metric: &'static str) -> Result<PerUser, MetricError> {
    let t = target_number(rankings, target)?;
    if rankings.users().any(|user| rankings.rating(user, t).is_none()) {
        return Err(MetricError::NotAvailable { metric, needs: "a victim that predicts ratings" });
    }
    Ok(PerUser::of(rankings.n_users(), |user| rankings.rating(user, t).map(f64::from)))
}
