//! Where users and items are, and what that scores.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Interactions, ItemId, UserId};
use shillproof_kernels::Matrix;

use crate::next_item::{Encoder, NextItemModel};

/// How far apart two places are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// The square of the Euclidean distance.
    #[default]
    L2Squared,
    /// The Euclidean distance.
    L2,
    /// The sum of absolute differences.
    L1,
}

impl Distance {
    /// The distance of two places.
    ///
    /// # Shapes
    /// Of one length.
    // Within vector code, which inlines it.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    pub fn between(self, a: &[f32], b: &[f32]) -> f32 {
        let pairs = a.iter().zip(b);
        match self {
            Self::L1 => pairs.map(|(a, b)| (a - b).abs()).sum(),
            Self::L2Squared => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
            Self::L2 => pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt(),
        }
    }
}

/// `score(u, l → i) = β_i − D(γ_l + τ + τ_u, γ_i)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// τ_u, one row a user.
    pub users: Matrix,
    /// τ, the direction of everybody.
    pub everybody: Vec<f32>,
    /// γ_i, one row an item.
    pub items: Matrix,
    /// β_i, one an item.
    pub bias: Vec<f32>,
    /// D.
    pub distance: Distance,
}

impl Space {
    /// Where a user is looked for after `last`, into `out`.
    ///
    /// # Shapes
    /// `out`: one cell a dimension.
    pub fn expected(&self, user: UserId, last: Option<ItemId>, out: &mut [f32]) {
        let own = self.users.row(user.index());
        for (k, out) in out.iter_mut().enumerate() {
            *out = self.everybody[k] + own[k] + last.map_or(0.0, |item| self.items.row(item.index())[k]);
        }
    }

    /// These places with the users' histories.
    pub(super) fn model(self, histories: &Interactions) -> NextItemModel<Self> {
        // Against a query [2q, 1, −‖q‖²]: for the square of the Euclidean distance the inner product is the score.
        let d = self.items.columns();
        let mut items = Matrix::zeros(self.items.rows(), d + 2);
        for (i, bias) in self.bias.iter().enumerate() {
            let (from, to) = (self.items.row(i), items.row_mut(i));
            to[..d].copy_from_slice(from);
            to[d] = bias - from.iter().map(|x| x * x).sum::<f32>();
            to[d + 1] = 1.0;
        }
        NextItemModel::new(self, &items, histories)
    }
}

impl Encoder for Space {
    fn width(&self) -> usize {
        self.everybody.len() + 2
    }

    fn encode(&self, user: UserId, history: &[ItemId], out: &mut [f32]) {
        let (query, rest) = out.split_at_mut(self.everybody.len());
        self.expected(user, history.last().copied(), query);
        rest.copy_from_slice(&[1.0, -query.iter().map(|x| x * x).sum::<f32>()]);
        for x in query {
            *x *= 2.0;
        }
    }

    fn finish(&self, query: &[f32], scores: &mut [f32]) {
        if self.distance == Distance::L2Squared {
            return;
        }
        let query: Vec<f32> = query[..self.everybody.len()].iter().map(|x| x / 2.0).collect();
        for (i, score) in scores.iter_mut().enumerate() {
            *score = self.bias[i] - self.distance.between(&query, self.items.row(i));
        }
    }
}
