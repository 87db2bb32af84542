//! The graph of users and items, and its transitions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::Interactions;
use shillproof_kernels::Csr;

/// Which way the transition matrix Q is read, where row x of Q holds the probabilities of the steps from x.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Orientation {
    /// p = (1 − α) Qᵀp + α e: where the walk is.
    #[default]
    Stationary,
    /// p = (1 − α) Q p + α e, as printed by Fang et al., WWW 2020, eq. 22: walks backward, and does not conserve mass.
    PaperLiteral,
}

impl Orientation {
    /// The other way: its matrix is the transpose of this one's.
    #[must_use]
    pub fn transposed(self) -> Self {
        match self {
            Self::Stationary => Self::PaperLiteral,
            Self::PaperLiteral => Self::Stationary,
        }
    }
}

/// Users and items, joined by interactions of positive weight: the rating, or 1 without ratings.
#[derive(Clone, Debug)]
pub struct WalkGraph {
    profiles: Csr,
    raters: Csr,
    /// How much each user counts among the raters of an item; 1 unless users are weighted.
    user_weight: Option<Vec<f64>>,
    /// Σ over the user's items of the rating.
    user_total: Vec<f64>,
    /// Σ over the item's users of weight times rating.
    item_total: Vec<f64>,
}

impl WalkGraph {
    /// The graph of `data`. Ratings of 0 or less are no edges. A user of weight w attracts the walk w times as
    /// strongly from each item; where the user's own steps lead does not depend on it.
    ///
    /// # Shapes
    /// `user_weight`: one weight a user, none negative.
    pub fn new(data: &Interactions, user_weight: Option<&[f32]>) -> Self {
        let positive = |rating: f32| rating > 0.0;
        let profiles = if data.rows().all(|row| row.iter().all(|(_, rating)| positive(rating))) {
            Csr::of(data)
        } else {
            Csr::of(&data.filter(|user, at, _| positive(data.row(user).rating(at))))
        };
        let raters = profiles.transpose();
        let user_weight: Option<Vec<f64>> = user_weight.map(|w| w.iter().map(|&x| f64::from(x)).collect());
        let totals = |rows: &Csr, weight: Option<&[f64]>| -> Vec<f64> {
            let total = |row| {
                let weight = |column: u32| weight.map_or(1.0, |w| w[column as usize]);
                match rows.values(row) {
                    Some(ratings) => {
                        let cells = rows.columns(row).iter().zip(ratings);
                        cells.map(|(&column, &rating)| weight(column) * f64::from(rating)).sum()
                    }
                    None => rows.columns(row).iter().map(|&column| weight(column)).sum(),
                }
            };
            (0..rows.n_rows()).map(total).collect()
        };
        let user_total = totals(&profiles, None);
        let item_total = totals(&raters, user_weight.as_deref());
        Self { profiles, raters, user_weight, user_total, item_total }
    }

    /// Number of users.
    pub fn n_users(&self) -> usize {
        self.user_total.len()
    }

    /// Number of items.
    pub fn n_items(&self) -> usize {
        self.item_total.len()
    }

    /// Items of each user, with ratings as values where there are any.
    pub fn profiles(&self) -> &Csr {
        &self.profiles
    }

    /// Users of each item, with ratings as values where there are any.
    pub(super) fn raters(&self) -> &Csr {
        &self.raters
    }

    pub(super) fn user_weight(&self, user: usize) -> f64 {
        self.user_weight.as_ref().map_or(1.0, |w| w[user])
    }

    /// Sum of the user's ratings.
    pub fn user_total(&self, user: usize) -> f64 {
        self.user_total[user]
    }

    /// Sum of the item's ratings, each times the weight of its user.
    pub fn item_total(&self, item: usize) -> f64 {
        self.item_total[item]
    }
}
