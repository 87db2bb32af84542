//! What every factor model comes to: one vector a user, one an item, and their inner product.

use shillproof_core::{FitError, ItemId, Recommender, Scorer, UserId};
use shillproof_kernels::{ItemPanels, Matrix, dot};

/// A fitted factor model: `score(u, i) = x_uᵀy_i`.
#[derive(Clone, Debug)]
pub struct FactorModel {
    users: Matrix,
    items: Matrix,
    panels: ItemPanels,
    rating_offset: Option<f32>,
}

impl FactorModel {
    /// A model that ranks.
    ///
    /// # Shapes
    /// `users`: one row a user. `items`: one row an item, of the same width.
    pub(crate) fn ranking(users: Matrix, items: Matrix) -> Self {
        debug_assert_eq!(users.columns(), items.columns());
        Self { panels: ItemPanels::new(&items), users, items, rating_offset: None }
    }

    /// A model that predicts ratings: `offset + x_uᵀy_i`.
    pub(crate) fn rating(users: Matrix, items: Matrix, offset: f32) -> Self {
        Self { rating_offset: Some(offset), ..Self::ranking(users, items) }
    }

    /// User factors, one row a user.
    pub fn users(&self) -> &Matrix {
        &self.users
    }

    /// Item factors, one row an item.
    pub fn items(&self) -> &Matrix {
        &self.items
    }
}

impl Recommender for FactorModel {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }

    fn rating(&self, user: UserId, item: ItemId) -> Option<f32> {
        self.rating_offset
            .map(|offset| offset + dot(self.users.row(user.index()), self.items.row(item.index())))
    }
}

impl Scorer for FactorModel {
    fn n_items(&self) -> usize {
        self.items.rows()
    }

    fn score(&self, user: UserId, _: Option<&[ItemId]>, out: &mut [f32]) {
        self.panels.score(self.users.row(user.index()), out);
    }

    fn score_block(&self, users: &[UserId], out: &mut [f32]) {
        let rows: Vec<&[f32]> = users.iter().map(|u| self.users.row(u.index())).collect();
        self.panels.score_block(&rows, out);
    }
}

/// Refuses factors that are no longer numbers.
pub(crate) fn check_finite(factors: &[&Matrix], iteration: usize) -> Result<(), FitError> {
    if factors.iter().all(|m| m.is_finite()) { Ok(()) } else { Err(FitError::Diverged { iteration }) }
}
