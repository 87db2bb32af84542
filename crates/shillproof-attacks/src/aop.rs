//! The average-over-popular attack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, Knowledge, Needs};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Frame, Model, Scores, most_popular};

/// Fillers uniform over the most popular items only, each rated like its own average: harder to
/// tell from genuine profiles than fillers from the whole catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AopAttack {
    /// Share of the catalogue that fillers are drawn from, the most popular first; at least one item.
    pub popular_fraction: Fraction,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

impl Default for AopAttack {
    fn default() -> Self {
        Self { popular_fraction: Fraction::new(0.2).expect("0.2 lies between 0 and 1"), competitors: 10 }
    }
}

impl Attack for AopAttack {
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
        let pool = frame.only_fillers(most_popular(known.items, self.popular_fraction, ctx));
        let scores = Scores::new(known.items, Model::PerItem);
        frame.craft(budget, ctx, |_, rng| {
            let fillers = frame.draw_fillers(rng, &pool, Fraction::ONE)?;
            Ok(scores.rate(fillers, rng))
        })
    }
}

impl Described for AopAttack {
    const CARD: Card = Card {
        name: "aop",
        summary: "the average attack with fillers from popular items only, to look genuine",
        doc: include_str!("../../../docs/attacks/aop.md"),
        reference: "N. Hurley, Z. Cheng, M. Zhang: Statistical attack detection. RecSys 2009",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }
}
