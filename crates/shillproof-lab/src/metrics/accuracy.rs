//! How good the lists and ratings are for genuine users: what an attack or a defense costs.
//!
//! The population of every list metric is the genuine users with at least one held-out item. Held-out
//! items are ranked among all candidates (or among the sampled negatives); the job's exclusion set is
//! masked, held-out items never are. Nothing here chooses an epoch or a parameter: these numbers are
//! for reporting, selection has the validation part.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MetricError, PerUser, check_depth};
use crate::rankings::{HeldOut, Rankings};

/// What a held-out item is ranked against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// All candidates.
    #[default]
    Full,
    /// Items drawn for the user: He et al., WWW 2017, with 99 of them. The draw depends on the seed and the
    /// user alone, so it is the same for every attack.
    Sampled,
}

/// Hit ratio: 1 for a user with any held-out item among the first `k`. With one held-out item a user
/// this is the leave-one-out HR@K.
///
/// # Errors
/// If nothing was held out, `k` is beyond the lists, or the sampled ranks are missing.
pub fn accuracy_hit_ratio(rankings: &Rankings, k: usize, protocol: Protocol) -> Result<PerUser, MetricError> {
    per_user(rankings, k, protocol, |ranks, _| if ranks.is_empty() { 0.0 } else { 1.0 })
}

/// Recall: the share of a user's held-out items among the first `k`.
///
/// # Errors
/// If nothing was held out, `k` is beyond the lists, or the sampled ranks are missing.
pub fn recall(rankings: &Rankings, k: usize, protocol: Protocol) -> Result<PerUser, MetricError> {
    per_user(rankings, k, protocol, |ranks, held_out| ranks.len() as f64 / held_out as f64)
}

/// NDCG with binary relevance: the sum of 1 / log2(1 + rank) over the held-out items among the first
/// `k`, divided by that of a list that begins with the held-out items.
///
/// # Errors
/// If nothing was held out, `k` is beyond the lists, or the sampled ranks are missing.
pub fn ndcg(rankings: &Rankings, k: usize, protocol: Protocol) -> Result<PerUser, MetricError> {
    let gain = |rank: u32| 1.0 / (1.0 + f64::from(rank)).log2();
    per_user(rankings, k, protocol, |ranks, held_out| {
        let ideal: f64 = (1..=held_out.min(k) as u32).map(gain).sum();
        if ideal > 0.0 { ranks.iter().map(|&rank| gain(rank)).sum::<f64>() / ideal } else { 0.0 }
    })
}

/// Reciprocal rank of a user's best held-out item, 0 when it is not among the first `k`.
///
/// # Errors
/// If nothing was held out, `k` is beyond the lists, or the sampled ranks are missing.
pub fn mrr(rankings: &Rankings, k: usize, protocol: Protocol) -> Result<PerUser, MetricError> {
    per_user(rankings, k, protocol, |ranks, _| ranks.iter().min().map_or(0.0, |&rank| 1.0 / f64::from(rank)))
}

/// Root mean squared error over all held-out ratings of genuine users.
///
/// # Errors
/// If nothing was held out, or the victim predicts no ratings.
pub fn rmse(rankings: &Rankings) -> Result<f64, MetricError> {
    mean_error(rankings, "rmse", |error| error * error).map(f64::sqrt)
}

/// Mean absolute error over all held-out ratings of genuine users.
///
/// # Errors
/// If nothing was held out, or the victim predicts no ratings.
pub fn mae(rankings: &Rankings) -> Result<f64, MetricError> {
    mean_error(rankings, "mae", f64::abs)
}

fn held_out(rankings: &Rankings) -> impl Iterator<Item = &HeldOut> {
    rankings.users().flat_map(|user| rankings.held_out(user))
}

/// `value(ranks within k, number of held-out items)` for every user with held-out items.
fn per_user(
    rankings: &Rankings,
    k: usize,
    protocol: Protocol,
    value: impl Fn(&[u32], usize) -> f64,
) -> Result<PerUser, MetricError> {
    let missing = |needs| Err(MetricError::NotAvailable { metric: "accuracy", needs });
    if held_out(rankings).next().is_none() {
        return missing("held-out items of at least one genuine user");
    }
    match protocol {
        Protocol::Full => check_depth(rankings, k)?,
        Protocol::Sampled if held_out(rankings).any(|held| held.sampled_rank.is_none()) => {
            return missing("ranks among sampled items: ask for them, of a victim that scores every item");
        }
        Protocol::Sampled => {}
    }
    let mut ranks = Vec::new();
    Ok(PerUser::of(rankings.n_users(), |user| {
        let held_out = rankings.held_out(user);
        ranks.clear();
        ranks.extend(held_out.iter().filter_map(|held| match protocol {
            Protocol::Full => held.place.rank(),
            Protocol::Sampled => held.sampled_rank,
        }));
        ranks.retain(|&rank| rank as usize <= k);
        (!held_out.is_empty()).then(|| value(&ranks, held_out.len()))
    }))
}

fn mean_error(
    rankings: &Rankings,
    metric: &'static str,
    loss: impl Fn(f64) -> f64,
) -> Result<f64, MetricError> {
    let (mut sum, mut n) = (0.0, 0usize);
    for held in held_out(rankings) {
        let predicted = held
            .predicted
            .ok_or(MetricError::NotAvailable { metric, needs: "a victim that predicts ratings" })?;
        sum += loss(f64::from(predicted) - f64::from(held.rating));
        n += 1;
    }
    match n {
        0 => {
            Err(MetricError::NotAvailable { metric, needs: "held-out ratings of at least one genuine user" })
        }
        n => Ok(sum / n as f64),
    }
}
