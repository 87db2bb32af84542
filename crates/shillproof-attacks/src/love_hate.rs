//! The love-hate attack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, Knowledge, Needs, Objective,
};

use crate::catalogue::{BOTH, Capabilities, Described};
use crate::craft::Frame;

/// Targets at one end of the scale, random fillers at the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoveHateAttack {}

impl Attack for LoveHateAttack {
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
        let opposite = known.items.scale.map_or(1.0, |scale| match goal.objective {
            Objective::Promote => scale.min,
            Objective::Demote => scale.max,
        });
        frame.craft(budget, ctx, |_, rng| {
            let fillers = frame.draw_fillers(rng, &[], Fraction::ZERO)?;
            Ok(fillers.into_iter().map(|item| (item, opposite)).collect())
        })
    }
}

impl Described for LoveHateAttack {
    const CARD: Card = Card {
        name: "love-hate",
        summary: "targets at one end of the scale, random fillers at the other; made to demote",
        doc: include_str!("../../../docs/attacks/love-hate.md"),
        reference: "B. Mobasher, R. Burke, R. Bhaumik, C. Williams: Toward trustworthy recommender systems. \
                    ACM TOIT 7(4), 2007",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: true, explicit: BOTH, implicit: &[] }
    }
}
