//! What part of the genuine data an attacker knows.
//!
//! Knowledge is taken from the training data before the attacker sees it; the victim always
//! trains on all of it. A sample carries no labels and no held-out interaction.
//!
//! **Rows of a sample.** With `full`, `ratings` and `noisy` the attacker knows every user to exist,
//! and row `u` is user `u` of the training data, possibly empty. With `users` and `bfs` users of
//! whom nothing is known do not exist for the attacker: the known ones, in their old order, are
//! rows `0..` of the sample, so that neither a mean over users nor a random user ever meets an
//! empty row. Items keep their ids always.

mod bfs;
mod graph;
mod noisy;
mod spec;
mod uniform;
mod walk;

use shillproof_core::{Fraction, Interactions, ItemId, Seed, Triples, UserId};
use thiserror::Error;

pub use spec::{Generator, KnowledgeSpec, KnowledgeTextError, Noisy, QueryBudget};

impl KnowledgeSpec {
    /// The part of `train` that the attacker knows; the same for the same seed.
    ///
    /// `targets` is where `bfs` starts (from all of them at once); the others do not look at it.
    ///
    /// # Errors
    /// If nothing would be known, a target is not an item of `train`, or there is no room for the false pairs.
    pub fn sample(
        &self,
        train: &Interactions,
        targets: &[ItemId],
        seed: Seed,
    ) -> Result<Interactions, KnowledgeError> {
        let mut rng = seed.child("knowledge").rng();
        let sample = match *self {
            Self::Full => train.clone(),
            Self::Ratings(share) => uniform::ratings(train, share, &mut rng),
            Self::Users(share) => uniform::users(train, share, &mut rng),
            Self::Bfs(share) => bfs::sample(train, targets, share, &mut rng)?,
            Self::Noisy(noisy) => noisy::sample(train, noisy, &mut rng)?,
        };
        if sample.is_empty() {
            return Err(KnowledgeError::Nothing { knowledge: *self, interactions: train.len() });
        }
        Ok(sample)
    }
}

/// Why an attacker could not be given this knowledge. Fragments that read well after "failed to sample the attacker's knowledge".
#[derive(Clone, Debug, PartialEq, Error)]
pub enum KnowledgeError {
    /// The quota rounds to nothing.
    #[error("`{knowledge}` of {interactions} interactions leaves the attacker nothing")]
    Nothing {
        /// The knowledge asked for.
        knowledge: KnowledgeSpec,
        /// Interactions there are.
        interactions: usize,
    },
    /// `bfs` starts at an item that is not there.
    #[error("target {target} is not one of the {items} items")]
    Target {
        /// The target.
        target: u32,
        /// Items there are.
        items: usize,
    },
    /// `bfs` starts nowhere.
    #[error("`bfs` has no target to start from")]
    NoTarget,
    /// More false pairs than pairs that did not happen.
    #[error("{quota} false pairs were asked for, but only {free} pairs did not happen")]
    TooDense {
        /// False pairs asked for.
        quota: usize,
        /// User-item pairs without an interaction.
        free: usize,
    },
}

impl KnowledgeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Nothing { .. } => "raise the fraction, or use data with more interactions".into(),
            Self::Target { .. } | Self::NoTarget => {
                "choose the targets first; `bfs` explores the data from them".into()
            }
            Self::TooDense { .. } => "lower `perturb`".into(),
        })
    }
}

/// The interactions that `keep` accepts by their place in the flat order of rows.
fn chosen(train: &Interactions, mut keep: impl FnMut(usize) -> bool) -> Interactions {
    let starts = train.row_starts();
    train.filter(|user, at, _| keep(starts[user.index()] + at))
}

/// The sample without the rows that `keep` refuses; the others close ranks.
fn keep_rows(sample: &Interactions, keep: impl Fn(UserId) -> bool) -> Interactions {
    let mut new_id = vec![0u32; sample.n_users()];
    let mut n_users = 0;
    for user in sample.users() {
        new_id[user.index()] = n_users;
        n_users += u32::from(keep(user));
    }
    let mut triples: Triples = sample.filter(|user, _, _| keep(user)).to_triples();
    for user in &mut triples.users {
        *user = new_id[*user as usize];
    }
    Interactions::from_triples(n_users as usize, sample.n_items(), triples, sample.scale())
        .expect("rows of valid interactions are valid")
}

/// Chooses exactly `quota` of `n` things uniformly, one answer a call in their order
/// (selection sampling, Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
struct Quota {
    left: usize,
    wanted: usize,
}

impl Quota {
    fn new(share: Fraction, n: usize) -> Self {
        Self { left: n, wanted: share.round_of(n) }
    }

    fn take(&mut self, rng: &mut impl rand::Rng) -> bool {
        let yes = rand::RngExt::random_range(rng, 0..self.left as u64) < self.wanted as u64;
        self.left -= 1;
        self.wanted -= usize::from(yes);
        yes
    }
}

#[cfg(test)]
mod tests;
