//! The popular attack.

use rand::RngExt;
use rand_distr::Exp1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, ItemId, ItemStats, Knowledge, Needs, Rng,
};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Frame, Model, Scores, Sequences, in_turns, most_popular, tenth};

/// Popular items beside the targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PopularAttack {
    /// Shape of a profile.
    pub variant: Variant,
    /// Share of the catalogue that counts as popular; at least one item does.
    pub popular_fraction: Fraction,
    /// Share of the fillers drawn from the popular items (`proxies`).
    pub selected_fraction: Fraction,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

/// Shape of a popular profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// A set: a share of popular fillers, the rest uniform.
    Proxies,
    /// A sequence: popular item, target, popular item, target, …; popular items by their counts.
    Alternating,
    /// The same, cut to the profile size, targets included; targets in random order.
    Pairs,
}

impl Default for PopularAttack {
    fn default() -> Self {
        Self {
            variant: Variant::Proxies,
            popular_fraction: tenth(),
            selected_fraction: tenth(),
            competitors: 10,
        }
    }
}

impl Attack for PopularAttack {
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
        if self.variant == Variant::Pairs {
            let sequences = Sequences::new(goal, budget, known, Model::Global)?;
            let popular = most_popular(known.items, self.popular_fraction, ctx);
            let pool = sequences.others(popular.into_iter(), &[]);
            return sequences.craft(budget, ctx, |_, rng| {
                let fillers = by_count(known.items, &pool, sequences.length, rng);
                Ok(in_turns(&fillers, &sequences.targets(rng)))
            });
        }
        let frame = Frame::new(goal, budget, known, self.competitors, ctx)?;
        let pool = frame.only_fillers(most_popular(known.items, self.popular_fraction, ctx));
        let scores = Scores::new(known.items, Model::Global);
        match self.variant {
            Variant::Proxies => frame.craft(budget, ctx, |_, rng| {
                let fillers = frame.draw_fillers(rng, &pool, self.selected_fraction)?;
                Ok(scores.rate(fillers, rng))
            }),
            Variant::Alternating | Variant::Pairs => {
                if frame.room > pool.len() {
                    return Err(AttackError::TooFewItems { needed: frame.room, available: pool.len() });
                }
                frame.craft_sequences(budget, ctx, |_, rng| {
                    let fillers = by_count(known.items, &pool, frame.room, rng);
                    Ok(scores.rate(fillers, rng))
                })
            }
        }
    }
}

/// `k` distinct items of `pool`, one after another, each with probability proportional to its count among those left.
fn by_count(items: &ItemStats, pool: &[ItemId], k: usize, rng: &mut Rng) -> Vec<ItemId> {
    // Exponential clocks whose rates are the counts ring in just this order; those of items that nobody has never ring
    // and come last, by the rest of the draw.
    let mut clocks: Vec<(f64, f64, ItemId)> = pool
        .iter()
        .map(|&item| {
            let wait: f64 = rng.sample(Exp1);
            (wait / f64::from(items.count[item.index()]), wait, item)
        })
        .collect();
    clocks.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    clocks.into_iter().take(k).map(|(_, _, item)| item).collect()
}

impl Described for PopularAttack {
    const CARD: Card = Card {
        name: "popular",
        summary: "popular items beside the targets, as a set or as an alternating sequence",
        doc: include_str!("../../../docs/attacks/popular.md"),
        reference: "H. Zhang et al.: Data poisoning attack against recommender system using incomplete and \
                    perturbed data. KDD 2021 (baseline)",
    };

    fn capabilities(&self) -> Capabilities {
        match self.variant {
            Variant::Pairs => Capabilities::SEQUENCES,
            Variant::Proxies | Variant::Alternating => Capabilities::ALL,
        }
    }
}
