//! The random attack.

use rand::seq::SliceRandom;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, Knowledge, Needs};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Frame, Model, Scores, Sequences, draw_without};

/// Fillers uniform over the catalogue, rated by one normal distribution fitted to all ratings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RandomAttack {
    /// Shape of a profile.
    pub shape: Shape,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

/// Shape of a random profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A set: all targets, and fillers.
    #[default]
    Set,
    /// A sequence: targets and as many random items in random order, cut to the profile size.
    Sequence,
}

impl Default for RandomAttack {
    fn default() -> Self {
        Self { shape: Shape::Set, competitors: 10 }
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
        if self.shape == Shape::Sequence {
            let sequences = Sequences::new(goal, budget, known, Model::Global)?;
            let mut taken = goal.targets.clone();
            taken.sort_unstable();
            let n_items = known.items.n_items();
            return sequences.craft(budget, ctx, |_, rng| {
                let others = sequences.length.min(n_items - taken.len());
                let mut items = draw_without(rng, n_items, &taken, others)?;
                items.extend(&taken);
                items.shuffle(rng);
                Ok(items)
            });
        }
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
        match self.shape {
            Shape::Set => Capabilities::ALL,
            Shape::Sequence => Capabilities::SEQUENCES,
        }
    }
}
