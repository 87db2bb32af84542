//! The score that an attack wants to move: that of its targets, the mean over whom it wants to reach.

use shillproof_core::{Interactions, ItemId, UserId};

use super::margin::Margins;

/// Whose lists, and which items.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    /// The histories that users stand at the end of.
    pub data: &'a Interactions,
    /// Genuine users.
    pub audience: &'a [UserId],
    /// What they should be shown.
    pub targets: &'a [ItemId],
}

impl<'a> Aim<'a> {
    /// (user, last item, target), all pairs.
    fn pairs(&self) -> impl Iterator<Item = (UserId, Option<ItemId>, ItemId)> + use<'a> {
        let Self { data, audience, targets } = *self;
        audience.iter().flat_map(move |&user| {
            let last = data.row(user).items().last().copied();
            targets.iter().map(move |&target| (user, last, target))
        })
    }

    fn share(&self) -> f64 {
        1.0 / (self.audience.len() * self.targets.len()).max(1) as f64
    }

    /// The histories of the audience, of those who have any.
    pub(super) fn histories(&self) -> Vec<&'a [ItemId]> {
        let Self { data, audience, .. } = *self;
        audience.iter().map(|&u| data.row(u).items()).filter(|h| !h.is_empty()).collect()
    }
}

impl Margins {
    /// The mean score of the targets.
    pub fn mean_score(&self, aim: &Aim<'_>) -> f64 {
        aim.pairs().map(|(user, last, target)| self.score(user, last, target)).sum::<f64>() * aim.share()
    }

    /// Its gradient.
    pub fn mean_score_gradient(&self, aim: &Aim<'_>) -> Vec<f64> {
        let mut out = vec![0.0; self.len()];
        for (user, last, target) in aim.pairs() {
            self.add_score_gradient(user, last, target, aim.share(), &mut out);
        }
        out
    }
}
