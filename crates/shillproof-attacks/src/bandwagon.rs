//! The bandwagon attack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, ItemId, Knowledge, Needs,
};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Frame, Model, Scores, most_popular, tenth};

/// Random fillers, a share of them drawn from the most popular items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BandwagonAttack {
    /// Share of the catalogue that counts as popular; at least one item does.
    pub popular_fraction: Fraction,
    /// Share of the fillers drawn from the popular items.
    pub selected_fraction: Fraction,
    /// How these are rated.
    pub selected_ratings: SelectedRatings,
    /// What makes an item popular.
    pub popularity: Popularity,
    /// Fewest ratings of an item that is popular by its mean rating.
    pub min_count: u32,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

/// What makes an item popular.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Popularity {
    /// Many interactions.
    Count,
    /// A high mean rating; implicit data, which has none, goes by count.
    MeanRating,
}

/// How the popular items of a profile are rated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SelectedRatings {
    /// Like the other fillers.
    Drawn,
    /// With the highest rating.
    Highest,
}

impl Default for BandwagonAttack {
    fn default() -> Self {
        Self {
            popular_fraction: tenth(),
            selected_fraction: tenth(),
            selected_ratings: SelectedRatings::Drawn,
            popularity: Popularity::Count,
            min_count: 5,
            competitors: 10,
        }
    }
}

impl BandwagonAttack {
    fn pool(&self, known: &Knowledge<'_>, ctx: &Ctx<'_>) -> Vec<ItemId> {
        let items = known.items;
        if self.popularity == Popularity::Count || items.scale.is_none() {
            return most_popular(items, self.popular_fraction, ctx);
        }
        let mut rated = most_popular(items, Fraction::ONE, ctx);
        rated.retain(|i| items.count[i.index()] >= self.min_count);
        // Stable: equal means stay in the order of counts.
        rated.sort_by(|a, b| items.mean[b.index()].total_cmp(&items.mean[a.index()]));
        rated.truncate(self.popular_fraction.round_of(items.n_items()).max(1));
        rated
    }
}

impl Attack for BandwagonAttack {
    fn needs(&self) -> Needs {
        Needs::STATISTICS
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        let frame = Frame::new(goal, budget, known, self.competitors, ctx)?;
        let pool = frame.only_fillers(self.pool(known, ctx));
        let scores = Scores::new(known.items, Model::Global);
        frame.craft(budget, ctx, |_, rng| {
            let fillers = frame.draw_fillers(rng, &pool, self.selected_fraction)?;
            let mut rated = scores.rate(fillers, rng);
            if let (SelectedRatings::Highest, Some(scale)) = (self.selected_ratings, known.items.scale) {
                // The popular ones come first.
                let selected = self.selected_fraction.round_of(frame.room);
                rated[..selected].iter_mut().for_each(|e| e.1 = scale.max);
            }
            Ok(rated)
        })
    }
}

impl Described for BandwagonAttack {
    const CARD: Card = Card {
        name: "bandwagon",
        summary: "random fillers with a share of popular items, to be near many users",
        doc: include_str!("../../../docs/attacks/bandwagon.md"),
        reference: "B. Mobasher, R. Burke, R. Bhaumik, C. Williams: Toward trustworthy recommender systems. \
                    ACM TOIT 7(4), 2007",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }
}
