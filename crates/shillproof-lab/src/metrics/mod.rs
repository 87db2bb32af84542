//! Metrics: pure functions of [`Rankings`]. Values a user come first, means later, so that clean and
//! attacked can be compared user by user.

mod accuracy;
mod card;
mod detection;
mod displacement;
mod per_user;
mod reached;
mod shift;
mod targets;

pub use accuracy::{Protocol, accuracy_hit_ratio, mae, mrr, ndcg, recall, rmse};
pub use card::{METRICS, MetricCard};
pub(crate) use detection::auroc;
pub use detection::{Detection, FALSE_ALARM_SHARES};
pub use displacement::{Displacement, UnseenCells, rmse_shift};
pub use per_user::PerUser;
pub use reached::{CHARACTERISTICS, Characteristic, reached};
pub use shift::{average_predicted_rating, prediction_shift, rank_shift};
pub use targets::{
    display_rate_any, display_rate_pair, hit_ratio, hit_ratio_any, hit_ratio_eligible, promoted_targets,
    uplift_factor, uplift_increase,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{ItemId, UserId};
use thiserror::Error;

use crate::rankings::Rankings;

/// One measured number: a row of every table and export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Name of the metric, as in [`METRICS`].
    pub metric: String,
    /// Length of the list it looks at, if it looks at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<usize>,
    /// Label of the target item, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The number.
    pub value: f64,
}

/// Why a metric has no value. Fragments that read well after "failed to measure".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetricError {
    /// The lists are shorter than the metric looks.
    #[error("the first {k} places: the victim gave lists of {depth}")]
    Depth {
        /// Places the metric looks at.
        k: usize,
        /// Length of the lists.
        depth: usize,
    },
    /// An item that was not among the targets of the job.
    #[error("item {}: it is not one of the targets that were ranked", .0.0)]
    UnknownTarget(ItemId),
    /// The victim or the job lacks what the metric is made of.
    #[error("{metric}: it needs {needs}")]
    NotAvailable {
        /// Name of the metric.
        metric: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// Two results of different populations.
    #[error("a difference between {left} and {right} genuine users")]
    Unpaired {
        /// Users of the first.
        left: usize,
        /// Users of the second.
        right: usize,
    },
    /// A user of the audience that is not a genuine one.
    #[error("user {} of the audience: the genuine users are 0 to {}", user.0, n_genuine.saturating_sub(1))]
    Audience {
        /// The user.
        user: UserId,
        /// Number of genuine users.
        n_genuine: usize,
    },
}

impl MetricError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Depth { k, .. } => Some(format!("ask the victim for lists of at least {k}")),
            Self::NotAvailable { metric, .. } => {
                Some(format!("`shillproof explain {metric}` says what the metric is made of"))
            }
            _ => None,
        }
    }
}

/// The number of `target` among the targets of the job.
fn target_number(rankings: &Rankings, target: ItemId) -> Result<usize, MetricError> {
    rankings.targets().iter().position(|&t| t == target).ok_or(MetricError::UnknownTarget(target))
}

fn check_depth(rankings: &Rankings, k: usize) -> Result<(), MetricError> {
    let depth = rankings.depth();
    if k <= depth { Ok(()) } else { Err(MetricError::Depth { k, depth }) }
}

fn check_paired(left: &Rankings, right: &Rankings) -> Result<(), MetricError> {
    let (left, right) = (left.n_users(), right.n_users());
    if left == right { Ok(()) } else { Err(MetricError::Unpaired { left, right }) }
}

#[cfg(test)]
mod tests;
