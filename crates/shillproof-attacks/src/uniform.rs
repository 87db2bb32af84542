//! The uniform attack.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, Knowledge, Needs, Objective,
};

use crate::catalogue::{BOTH, Capabilities, Described};
use crate::craft::Frame;

/// Items uniform over the catalogue with uniform legal ratings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UniformAttack {
    /// Whether every fake user also rates the targets, at the end of the scale that serves the objective.
    pub force_targets: bool,
}

impl Attack for UniformAttack {
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
        let frame = if !self.force_targets {
            Frame::free(budget, known)?
        } else if self.capabilities().can(goal.objective, known.items.scale.is_some()) {
            Frame::new(goal, budget, known, 0, ctx)?
        } else {
            return Err(AttackError::Objective {
                objective: goal.objective,
                reason: "forcing targets into profiles without ratings promotes them",
            });
        };
        let levels: Vec<f32> = known.items.scale.map_or_else(|| vec![1.0], |scale| scale.levels().collect());
        frame.craft(budget, ctx, |_, rng| {
            let fillers = frame.draw_fillers(rng, &[], Fraction::ZERO)?;
            Ok(fillers.into_iter().map(|item| (item, levels[rng.random_range(0..levels.len())])).collect())
        })
    }
}

impl Described for UniformAttack {
    const CARD: Card = Card {
        name: "uniform",
        summary: "noise: random items with random ratings; targets only by chance",
        doc: include_str!("../../../docs/attacks/uniform.md"),
        reference: "B. Li, Y. Wang, A. Singh, Y. Vorobeychik: Data poisoning attacks on factorization-based \
                    collaborative filtering. NIPS 2016 (baseline)",
    };

    fn capabilities(&self) -> Capabilities {
        let implicit = if self.force_targets { &[Objective::Promote][..] } else { BOTH };
        Capabilities { rates_targets: self.force_targets, explicit: BOTH, implicit }
    }
}
