//! How far targets got into the lists.
//!
//! Every function looks at genuine users only and at lists from which the job's exclusion set is
//! masked; fake users are not in a [`Rankings`], so no mean can count them.

use shillproof_core::{Audience, ItemId};

use super::{MetricError, PerUser, check_depth, target_number};
use crate::rankings::Rankings;

/// Hit ratio of one target: 1 for a user whose first `k` places hold it.
///
/// The population is **all** genuine users. A user whose exclusion set holds the target cannot be hit
/// and stays in the denominator. Several targets: one call each, then the mean over targets. No genuine
/// user: no mean. Source: Huang et al., NDSS 2021, section V-A.
///
/// # Errors
/// If the target was not ranked, or `k` is beyond the lists of a list-only victim.
pub fn hit_ratio(rankings: &Rankings, target: ItemId, k: usize) -> Result<PerUser, MetricError> {
    check_depth(rankings, k)?;
    let t = target_number(rankings, target)?;
    Ok(PerUser::of(rankings.n_users(), |user| Some(bit(rankings.place(user, t).within(k)))))
}

/// Hit ratio of one target over eligible users: those who do not have it in the genuine data.
///
/// Masking, several targets and errors as for [`hit_ratio`]. Everybody has the target: no mean.
///
/// # Errors
/// If the target was not ranked, or `k` is beyond the lists of a list-only victim.
pub fn hit_ratio_eligible(rankings: &Rankings, target: ItemId, k: usize) -> Result<PerUser, MetricError> {
    check_depth(rankings, k)?;
    let t = target_number(rankings, target)?;
    Ok(PerUser::of(rankings.n_users(), |user| {
        (!rankings.owns(user, t)).then(|| bit(rankings.place(user, t).within(k)))
    }))
}

/// Hit ratio of the target set: 1 for a user whose first `k` places hold **any** target.
///
/// The population is all genuine users; masking as for [`hit_ratio`]. The value of a user is 0 or 1
/// whatever the number of targets, so the mean reaches 1; with no targets it is 0. Source: Tang et
/// al., RecSys 2020 (TargetHR).
///
/// # Errors
/// If `k` is beyond the lists of a list-only victim.
pub fn hit_ratio_any(rankings: &Rankings, k: usize) -> Result<PerUser, MetricError> {
    check_depth(rankings, k)?;
    let targets = 0..rankings.targets().len();
    Ok(PerUser::of(rankings.n_users(), |user| {
        Some(bit(targets.clone().any(|t| rankings.place(user, t).within(k))))
    }))
}

/// Display rate, any form: [`hit_ratio_any`] over the users of the audience.
///
/// # Errors
/// If `k` is beyond the lists of a list-only victim, or the audience names a user who is not genuine.
pub fn display_rate_any(rankings: &Rankings, audience: &Audience, k: usize) -> Result<PerUser, MetricError> {
    hit_ratio_any(rankings, k)?.over(audience)
}

/// Display rate, pair form: the share of targets among the first `k` places of a user of the audience.
///
/// The mean is over (user, target) pairs of the audience; masking as for [`hit_ratio`]. No targets: 0.
///
/// # Errors
/// If `k` is beyond the lists of a list-only victim, or the audience names a user who is not genuine.
pub fn display_rate_pair(rankings: &Rankings, audience: &Audience, k: usize) -> Result<PerUser, MetricError> {
    check_depth(rankings, k)?;
    let n = rankings.targets().len();
    let share = PerUser::of(rankings.n_users(), |user| {
        let shown = (0..n).filter(|&t| rankings.place(user, t).within(k)).count();
        Some(shown as f64 / n.max(1) as f64)
    });
    share.over(audience)
}

/// Number of targets whose hit ratio after the attack is strictly above that before it.
///
/// # Shapes
/// One hit ratio a target in both, in the same order; each the mean over retrainings.
///
/// ```
/// use shillproof_lab::metrics::promoted_targets;
/// assert_eq!(promoted_targets(&[0.0, 0.1, 0.2], &[0.3, 0.1, 0.1]), 1);
/// ```
pub fn promoted_targets(before: &[f64], after: &[f64]) -> usize {
    assert_eq!(before.len(), after.len(), "one hit ratio a target");
    before.iter().zip(after).filter(|(before, after)| after > before).count()
}

/// Uplift as a factor: after / before. None when nothing was hit before.
pub fn uplift_factor(before: f64, after: f64) -> Option<f64> {
    (before > 0.0).then(|| after / before)
}

/// Uplift as a relative increase: (after - before) / before, one less than [`uplift_factor`]. None when
/// nothing was hit before.
pub fn uplift_increase(before: f64, after: f64) -> Option<f64> {
    uplift_factor(before, after).map(|factor| factor - 1.0)
}

fn bit(hit: bool) -> f64 {
    f64::from(u8::from(hit))
}
