//! Who is reached: what users with a target in their list have in common, beside those without.

use shillproof_core::{Audience, Interactions, UserId};

use super::{MetricError, PerUser, hit_ratio_any};
use crate::rankings::Rankings;
use crate::stats::{Divisor, std};

/// Characteristics of users, by name.
pub const CHARACTERISTICS: [&str; 3] = ["items", "popularity", "targets"];

/// One characteristic of the users whose first `k` places hold any target, or of those whose do not.
#[derive(Clone, Debug, PartialEq)]
pub struct Characteristic {
    /// One of [`CHARACTERISTICS`].
    pub name: &'static str,
    /// Whether these are the users who are reached.
    pub reached: bool,
    /// Mean over these users; none of nobody.
    pub mean: Option<f64>,
    /// Standard deviation over these users (divisor n); none of nobody.
    pub std: Option<f64>,
}

/// Users of the audience apart by whether any target is among their first `k` places, in genuine data `train`: how many items they have, how many
/// users have such an item (mean over their items; users without any are left out), and how many targets they have already.
///
/// Source: Zhang et al., WWW 2020, Table 2.
///
/// # Errors
/// If `k` is beyond the lists of a list-only victim, or the audience names a user who is not genuine.
pub fn reached(
    rankings: &Rankings,
    audience: &Audience,
    train: &Interactions,
    k: usize,
) -> Result<Vec<Characteristic>, MetricError> {
    let hit = hit_ratio_any(rankings, k)?.over(audience)?;
    let counts = train.item_counts();
    let value = |name: &str, user: UserId| -> Option<f64> {
        let items = train.row(user).items();
        let targets = || items.iter().filter(|item| rankings.targets().contains(item)).count();
        let taken = || items.iter().map(|item| f64::from(counts[item.index()])).sum::<f64>();
        match name {
            "items" => Some(items.len() as f64),
            "popularity" => (!items.is_empty()).then(|| taken() / items.len() as f64),
            _ => Some(targets() as f64),
        }
    };
    let of = |name: &'static str, reached: bool| {
        let group = PerUser::of(rankings.n_users(), |user| {
            hit.get(user).filter(|&h| (h > 0.0) == reached).and_then(|_| value(name, user))
        });
        let values: Vec<f64> = group.iter().map(|entry| entry.1).collect();
        Characteristic { name, reached, mean: group.mean(), std: std(&values, Divisor::Population) }
    };
    Ok(CHARACTERISTICS.into_iter().flat_map(|name| [of(name, true), of(name, false)]).collect())
}
