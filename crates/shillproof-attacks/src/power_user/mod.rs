//! The power-user attack.

mod influence;

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Interactions, Knowledge, Needs, UserId,
};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Frame, draw_from};

/// Copies of the most influential genuine users, with the targets added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PowerUserAttack {
    /// What makes a user influential.
    pub selection: Selection,
    /// Neighbors of a user that its most similar users are counted among (`in-degree`); at least 1.
    pub neighbors: usize,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

/// What makes a user influential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Many ratings.
    NumRatings,
    /// Being a near neighbor of many users.
    InDegree,
    /// The sum of the similarities to all users.
    AggregatedSimilarity,
}

impl Default for PowerUserAttack {
    fn default() -> Self {
        Self { selection: Selection::NumRatings, neighbors: 50, competitors: 10 }
    }
}

impl PowerUserAttack {
    /// Users with interactions, most influential first; ties go to more ratings, then to an order drawn from the seed.
    fn ranked(&self, sample: &Interactions, ctx: &Ctx<'_>) -> Result<Vec<UserId>, AttackError> {
        let influence = match self.selection {
            Selection::NumRatings => vec![0.0; sample.n_users()],
            Selection::InDegree => influence::in_degree(sample, self.neighbors, ctx)?,
            Selection::AggregatedSimilarity => influence::aggregated_similarity(sample, ctx)?,
        };
        let ties = ctx.seed.child("ties");
        let mut users: Vec<UserId> = sample.users().filter(|&u| !sample.row(u).is_empty()).collect();
        users.sort_by_cached_key(|&u| (Reverse(sample.row(u).len()), ties.index(u64::from(u.0)).value()));
        users.sort_by(|a, b| influence[b.index()].total_cmp(&influence[a.index()]));
        Ok(users)
    }
}

impl Attack for PowerUserAttack {
    fn needs(&self) -> Needs {
        Needs { sample: true, ..Needs::STATISTICS }
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        if self.neighbors == 0 {
            return Err(AttackError::Parameter {
                name: "neighbors",
                got: self.neighbors.to_string(),
                expected: "at least 1",
            });
        }
        let sample = known.sample.ok_or(AttackError::Ungranted("interactions of genuine users"))?;
        let frame = Frame::new(goal, budget, known, self.competitors, ctx)?;
        let models = self.ranked(sample, ctx)?;
        if models.is_empty() && frame.room > 0 {
            return Err(AttackError::TooFewItems { needed: frame.room, available: 0 });
        }
        frame.craft(budget, ctx, |v, rng| {
            if models.is_empty() {
                return Ok(Vec::new());
            }
            let row = sample.row(models[v % models.len()]);
            let mut copied: Vec<_> = row.iter().filter(|e| frame.is_filler(e.0)).collect();
            if copied.len() > frame.room {
                copied = draw_from(rng, &copied, frame.room)?;
            }
            Ok(copied)
        })
    }
}

impl Described for PowerUserAttack {
    const CARD: Card = Card {
        name: "power-user",
        summary: "copies of the most influential genuine users, with the targets added",
        doc: include_str!("../../../../docs/attacks/power-user.md"),
        reference: "D. C. Wilson, C. E. Seminario: When power users attack: assessing impacts in collaborative \
                    recommender systems. RecSys 2013",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }
}
