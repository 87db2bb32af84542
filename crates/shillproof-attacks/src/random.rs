//! The random attack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, Knowledge, Needs};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Frame, Model, Scores};

/// Fillers uniform over the catalogue, rated by one normal distribution fitted to all ratings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RandomAttack {
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

impl Default for RandomAttack {
    fn default() -> Self {
        Self { competitors: 10 }
    }
}

impl Attack for RandomAttack {
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
        let scores = Scores::new(known.items, Model::Global);
        frame.craft(budget, ctx, |_, rng| {
            let fillers = frame.draw_fillers(rng, &[], Fraction::ZERO)?;
            Ok(scores.rate(fillers, rng))
        })
    }
}

impl Described for RandomAttack {
    const CARD: Card = Card {
        name: "random",
        summary: "random fillers around the targets, rated like the average rating",
        doc: include_str!("../../../docs/attacks/random.md"),
        reference: "S. K. Lam, J. Riedl: Shilling recommender systems for fun and profit. WWW 2004",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }
}
