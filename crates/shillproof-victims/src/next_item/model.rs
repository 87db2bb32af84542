//! A fitted next-item recommender: a history becomes a query, and a query meets every item.

use rayon::prelude::*;
use shillproof_core::{Interactions, ItemId, Recommender, Scorer, UserId};
use shillproof_kernels::{ItemPanels, Matrix};

/// Histories encoded at a time.
const BLOCK: usize = 64;

/// How a history becomes a query.
pub trait Encoder: Send + Sync {
    /// Length of a query.
    fn width(&self) -> usize;

    /// The query of a user with this history, oldest first; an empty one is allowed.
    ///
    /// # Shapes
    /// `out`: [`Encoder::width`] cells, zeros at first.
    fn encode(&self, user: UserId, history: &[ItemId], out: &mut [f32]);

    /// The queries of several users with these histories, row after row.
    ///
    /// # Shapes
    /// `out`: `histories.len()` rows of [`Encoder::width`] cells, zeros at first.
    fn encode_all(&self, histories: &[(UserId, &[ItemId])], out: &mut [f32]) {
        for (&(user, history), out) in histories.iter().zip(out.chunks_exact_mut(self.width().max(1))) {
            self.encode(user, history, out);
        }
    }

    /// Turns inner products of a query with all items into scores.
    ///
    /// # Shapes
    /// `scores`: one cell an item.
    fn finish(&self, query: &[f32], scores: &mut [f32]) {
        let _ = (query, scores);
    }
}

/// A fitted next-item recommender: `score(u, h → i)` is the inner product of the query of user and history with the item's vector, or follows from it.
pub struct NextItemModel<E> {
    encoder: E,
    /// The query of each user after the own history in the training data.
    own: Matrix,
    items: ItemPanels,
}

impl<E: Encoder> NextItemModel<E> {
    /// A model that knows the histories of its training data.
    ///
    /// # Shapes
    /// `items`: one row an item, as long as a query. `train`: one row a user.
    pub(crate) fn new(encoder: E, items: &Matrix, train: &Interactions) -> Self {
        let mut own = Matrix::zeros(train.n_users(), encoder.width());
        let users: Vec<(UserId, &[ItemId])> =
            train.users().map(|user| (user, train.row(user).items())).collect();
        let rows = own.as_mut_slice().par_chunks_mut((BLOCK * encoder.width()).max(1));
        rows.zip(users.par_chunks(BLOCK)).for_each(|(out, users)| encoder.encode_all(users, out));
        Self { encoder, own, items: ItemPanels::new(items) }
    }

    /// What turns histories into queries.
    pub fn encoder(&self) -> &E {
        &self.encoder
    }

    fn scores(&self, queries: &[&[f32]], out: &mut [f32]) {
        self.items.score_block(queries, out);
        for (query, row) in queries.iter().zip(out.chunks_exact_mut(self.items.items().max(1))) {
            self.encoder.finish(query, row);
        }
    }
}

impl<E: Encoder> Recommender for NextItemModel<E> {
    fn scorer(&self) -> Option<&dyn Scorer> {
        Some(self)
    }
}

impl<E: Encoder> Scorer for NextItemModel<E> {
    fn n_items(&self) -> usize {
        self.items.items()
    }

    fn reads_history(&self) -> bool {
        true
    }

    fn score(&self, user: UserId, history: Option<&[ItemId]>, out: &mut [f32]) {
        match history {
            None => self.scores(&[self.own.row(user.index())], out),
            Some(history) => self.score_after(&[(user, history)], out),
        }
    }

    fn score_block(&self, users: &[UserId], out: &mut [f32]) {
        let queries: Vec<&[f32]> = users.iter().map(|user| self.own.row(user.index())).collect();
        self.scores(&queries, out);
    }

    fn score_after(&self, histories: &[(UserId, &[ItemId])], out: &mut [f32]) {
        let mut queries = Matrix::zeros(histories.len(), self.encoder.width());
        self.encoder.encode_all(histories, queries.as_mut_slice());
        let rows: Vec<&[f32]> = (0..histories.len()).map(|at| queries.row(at)).collect();
        self.scores(&rows, out);
    }
}
