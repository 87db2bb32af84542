//! Why nothing was injected.

use shillproof_core::{AttackError, Grant, InteractionError, ItemId, RatingScale};
use thiserror::Error;

/// Why nothing was injected. Fragments that read well after "failed to poison".
#[derive(Debug, Error)]
pub enum PoisonError {
    /// The attack itself gave up.
    #[error(transparent)]
    Attack(#[from] AttackError),
    /// Nothing to promote or demote.
    #[error("the goal names no target")]
    NoTargets,
    /// A target that is not in the catalogue.
    #[error("target {} is not one of the {n_items} items", target.0)]
    UnknownTarget {
        /// The target.
        target: ItemId,
        /// Items there are.
        n_items: usize,
    },
    /// The same target twice.
    #[error("target {} is named twice", target.0)]
    TargetTwice {
        /// The target.
        target: ItemId,
    },
    /// Knowledge about another catalogue.
    #[error("the attacker's knowledge covers {known} items, the training data {train}")]
    OtherCatalogue {
        /// Items the attacker knows.
        known: usize,
        /// Items of the training data.
        train: usize,
    },
    /// Knowledge about other ratings.
    #[error("the attacker's knowledge has the rating scale {known:?}, the training data {train:?}")]
    OtherScale {
        /// Scale the attacker knows.
        known: Option<RatingScale>,
        /// Scale of the training data.
        train: Option<RatingScale>,
    },
    /// Item statistics are not enough.
    #[error("this attack needs interactions of genuine users, and the attacker knows item statistics only")]
    NeedsSample,
    /// Implicit data is not enough.
    #[error("this attack needs rating values, and the data has none")]
    NeedsRatings,
    /// More of the victim is needed.
    #[error("this attack needs the victim's {}, which the attacker has not been granted", noun(*needed))]
    NeedsVictim {
        /// The least access it works with.
        needed: Grant,
    },
    /// More or fewer fake users than the budget.
    #[error("{made} fake users were made for a budget of {budget}")]
    FakeUsers {
        /// How many came back.
        made: usize,
        /// How many were allowed.
        budget: usize,
    },
    /// An item that is not in the catalogue.
    #[error("fake user {fake} has item {}, which is not one of the {n_items} items", item.0)]
    UnknownItem {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
        /// Items there are.
        n_items: usize,
    },
    /// The same item twice in a profile.
    #[error("fake user {fake} has item {} more than once", item.0)]
    Duplicate {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
    },
    /// More items than the profile size allows.
    #[error(
        "fake user {fake} has {counted} {}, the profile size is {budget}",
        if *targets_included { "items" } else { "fillers" }
    )]
    ProfileTooLong {
        /// Which fake user, from 0.
        fake: usize,
        /// Fillers, or all items where targets count.
        counted: usize,
        /// The profile size.
        budget: usize,
        /// Whether targets count.
        targets_included: bool,
    },
    /// NaN or infinity as a rating.
    #[error("fake user {fake} rates item {} {rating}, which is not a finite number", item.0)]
    NotFinite {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
        /// The rating.
        rating: f32,
    },
    /// A rating that no genuine user could give.
    #[error(
        "fake user {fake} rates item {} {rating}, which is not on the scale {} to {} in steps of {}",
        item.0, scale.min, scale.max, scale.step
    )]
    OffScale {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
        /// The rating.
        rating: f32,
        /// Legal ratings.
        scale: RatingScale,
    },
    /// A rating value in implicit data.
    #[error("fake user {fake} rates item {} {rating}, but implicit data knows only 1", item.0)]
    NotOne {
        /// Which fake user, from 0.
        fake: usize,
        /// The item.
        item: ItemId,
        /// The rating.
        rating: f32,
    },
    /// The matrix refused the rows.
    #[error(transparent)]
    Append(#[from] InteractionError),
}

fn noun(grant: Grant) -> &'static str {
    match grant {
        Grant::Hidden => "existence",
        Grant::Queries => "recommendation lists",
        Grant::Recipe => "algorithm and hyper-parameters",
        Grant::Full => "fitted model",
    }
}

impl PoisonError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Attack(AttackError::TooFewItems { .. }) => "choose a smaller profile size",
            Self::Attack(AttackError::Oracle(_)) => "grant more queries, or craft fewer fake users",
            Self::Attack(AttackError::Objective { .. }) => {
                "`shillproof explain ATTACK` says what an attack can do"
            }
            Self::Attack(AttackError::Ungranted(_)) => "grant it, for example with `--knowledge users:0.3`",
            Self::Attack(_) | Self::Append(_) => return None,
            Self::NoTargets => "name one with `--targets`, for example `--targets unpopular:10`",
            Self::UnknownTarget { .. } | Self::TargetTwice { .. } => "select targets from the same data set",
            Self::OtherCatalogue { .. } | Self::OtherScale { .. } => {
                "sample the attacker's knowledge from the data that the victim trains on"
            }
            Self::NeedsSample => "grant a sample, for example `--knowledge users:0.3`",
            Self::NeedsRatings => "use data with ratings, or an attack for implicit data such as `random`",
            Self::NeedsVictim { needed: Grant::Queries } => {
                "grant queries, for example `--black-box wrmf --queries 1%`"
            }
            Self::NeedsVictim { .. } => "grant it with `--surrogate`",
            Self::FakeUsers { .. }
            | Self::UnknownItem { .. }
            | Self::Duplicate { .. }
            | Self::ProfileTooLong { .. }
            | Self::NotFinite { .. }
            | Self::OffScale { .. }
            | Self::NotOne { .. } => {
                "the attack broke its rules: this is a bug of the attack, not of your data"
            }
        };
        Some(text.into())
    }
}
