//! Which items leave the candidates of a user's list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{Interactions, ItemId, UserId};

/// Which of a user's own items are no candidates for the user's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exclude {
    /// The items of the training part; held-out items stay candidates.
    #[default]
    Train,
    /// Everything the user has in the genuine data, held out or not.
    AllRated,
    /// None: items the user has may be recommended again.
    None,
}

/// The exclusion set of every genuine user. It is made from genuine data, so that poisoning cannot change it.
#[derive(Clone, Copy)]
pub struct Exclusion<'a> {
    mode: Exclude,
    train: &'a Interactions,
    held_out: &'a [&'a Interactions],
}

impl<'a> Exclusion<'a> {
    /// Exclusion sets from the genuine training part and the parts held out from it.
    ///
    /// # Shapes
    /// Every matrix: one row a genuine user, all with the same number of items.
    pub fn new(mode: Exclude, train: &'a Interactions, held_out: &'a [&'a Interactions]) -> Self {
        Self { mode, train, held_out }
    }

    /// Which items leave.
    pub fn mode(&self) -> Exclude {
        self.mode
    }

    /// Number of items of the catalogue.
    pub fn n_items(&self) -> usize {
        self.train.n_items()
    }

    /// The matrices it is made from.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'a Interactions> {
        std::iter::once(self.train).chain(self.held_out.iter().copied())
    }

    /// Whether `user` already has `item`: in the training part, or anywhere under [`Exclude::AllRated`].
    pub(super) fn owns(&self, user: UserId, item: ItemId) -> bool {
        let everywhere = self.mode == Exclude::AllRated;
        let parts = if everywhere { 1 + self.held_out.len() } else { 1 };
        self.parts().take(parts).any(|part| part.row(user).contains(item))
    }

    /// The items that leave the candidates of `user`, ascending, into `out` (cleared first).
    pub(super) fn fill(&self, user: UserId, out: &mut Vec<ItemId>) {
        out.clear();
        match self.mode {
            Exclude::None => {}
            Exclude::Train => out.extend_from_slice(self.train.row(user).sorted()),
            Exclude::AllRated => {
                for part in self.parts() {
                    out.extend_from_slice(part.row(user).sorted());
                }
                out.sort_unstable();
                out.dedup();
            }
        }
    }
}
