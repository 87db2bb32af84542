//! Black-box access to a victim: top-K lists, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use crate::ids::{ItemId, UserId};
use crate::ranking::Ties;
use crate::victim::{Query, Recommender};

/// A query that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OracleError {
    /// The budget is used up.
    #[error("all {budget} queries are used up")]
    Exhausted {
        /// Lists that were allowed.
        budget: u64,
    },
}

/// A victim seen through its recommendation lists only. One list is one query.
pub struct QueryOracle<'a> {
    recommender: &'a dyn Recommender,
    ties: Ties,
    budget: u64,
    used: AtomicU64,
}

impl<'a> QueryOracle<'a> {
    /// An oracle that answers `budget` queries.
    pub fn new(recommender: &'a dyn Recommender, ties: Ties, budget: u64) -> Self {
        Self { recommender, ties, budget, used: AtomicU64::new(0) }
    }

    /// The list of `user`, best first, `skip` (sorted) left out; `history` replaces the user's own
    /// last actions in next-item models.
    ///
    /// # Errors
    /// [`OracleError::Exhausted`] when the budget is used up.
    pub fn top_k(
        &self,
        user: UserId,
        history: Option<&[ItemId]>,
        skip: &[ItemId],
        k: usize,
    ) -> Result<Vec<ItemId>, OracleError> {
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < self.budget).then_some(n + 1));
        taken.map_err(|_| OracleError::Exhausted { budget: self.budget })?;
        let mut out = Vec::new();
        self.recommender.top_k(&Query { user, history, skip, k, ties: self.ties }, &mut out);
        Ok(out.into_iter().map(|(item, _)| item).collect())
    }

    /// Queries answered so far.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Queries that may still be asked.
    pub fn left(&self) -> u64 {
        self.budget - self.used()
    }
}
