//! The average attack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, Knowledge, Needs};

use crate::catalogue::{BOTH, Capabilities, Described};
use crate::craft::{Frame, Model, Scores};

/// Fillers uniform over the catalogue, each rated by a normal distribution fitted to its own ratings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AverageAttack {}

impl Attack for AverageAttack {
    fn needs(&self) -> Needs {
        Needs { ratings: true, ..Needs::STATISTICS }
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        let frame = Frame::new(goal, budget, known, 0, ctx)?;
        let scores = Scores::new(known.items, Model::PerItem);
        frame.craft(budget, ctx, |_, rng| {
            let fillers = frame.draw_fillers(rng, &[], Fraction::ZERO)?;
            Ok(scores.rate(fillers, rng))
        })
    }
}

impl Described for AverageAttack {
    const CARD: Card = Card {
        name: "average",
        summary: "random fillers around the targets, each rated like its own average",
        doc: include_str!("../../../docs/attacks/average.md"),
        reference: "S. K. Lam, J. Riedl: Shilling recommender systems for fun and profit. WWW 2004",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: true, explicit: BOTH, implicit: &[] }
    }
}
