//! The probe attack.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{
    Attack, AttackError, Budget, Ctx, FakeProfiles, Fraction, Goal, Grant, ItemId, Knowledge, Needs,
    OracleError, QueryOracle, Rng, UserId, VictimAccess,
};

use crate::catalogue::{Capabilities, Described};
use crate::craft::{Frame, Model, Scores, draw_from, most_popular, tenth};

/// Fillers that the victim itself recommends, starting from a few popular items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeAttack {
    /// Popular items that a profile starts with.
    pub seed_items: usize,
    /// Share of the catalogue that they are drawn from, the most popular first; at least one item.
    pub popular_fraction: Fraction,
    /// Length of the list that one query shows; at least 1.
    pub list_length: usize,
    /// Most items that are pushed up against the targets when demoting on implicit data.
    pub competitors: usize,
}

impl Default for ProbeAttack {
    fn default() -> Self {
        Self { seed_items: 3, popular_fraction: tenth(), list_length: 10, competitors: 10 }
    }
}

impl ProbeAttack {
    /// Fillers of one fake user: seed items, then whatever the victim recommends on top of them.
    fn walk(
        &self,
        oracle: &QueryOracle<'_>,
        known: &Knowledge<'_>,
        frame: &Frame,
        pool: &[ItemId],
        rng: &mut Rng,
    ) -> Result<Vec<ItemId>, AttackError> {
        let mut fillers = draw_from(rng, pool, self.seed_items.min(frame.room).min(pool.len()))?;
        let short = |available| AttackError::TooFewItems { needed: frame.room, available };
        if known.items.users == 0 && fillers.len() < frame.room {
            return Err(short(fillers.len()));
        }
        let account = UserId(rng.random_range(0..known.items.users.max(1)) as u32);
        let own = known.sample.map_or(&[][..], |sample| sample.row(account).items());
        while fillers.len() < frame.room {
            let mut skip: Vec<ItemId> = frame.taken.iter().chain(&fillers).chain(own).copied().collect();
            skip.sort_unstable();
            skip.dedup();
            let k = self.list_length.min(frame.room - fillers.len());
            let list = oracle.top_k(account, Some(&fillers), &skip, k)?;
            if list.is_empty() {
                return Err(short(fillers.len()));
            }
            fillers.extend(list);
        }
        Ok(fillers)
    }
}

impl Attack for ProbeAttack {
    fn needs(&self) -> Needs {
        Needs { victim: Grant::Queries, ..Needs::STATISTICS }
    }

    /// Every fake user spends queries: a smaller attack has a smaller bill, and may not run out.
    fn is_incremental(&self) -> bool {
        false
    }

    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        if self.list_length == 0 {
            return Err(AttackError::Parameter {
                name: "list_length",
                got: self.list_length.to_string(),
                expected: "at least 1",
            });
        }
        let VictimAccess::Queries(oracle) = known.victim else {
            return Err(OracleError::Exhausted { budget: 0 }.into());
        };
        let frame = Frame::new(goal, budget, known, self.competitors, ctx)?;
        let pool = frame.only_fillers(most_popular(known.items, self.popular_fraction, ctx));
        let scores = Scores::new(known.items, Model::PerItem);
        frame.craft(budget, ctx, |_, rng| {
            let fillers = self.walk(oracle, known, &frame, &pool, rng)?;
            Ok(scores.rate(fillers, rng))
        })
    }
}

impl Described for ProbeAttack {
    const CARD: Card = Card {
        name: "probe",
        summary: "fillers that the victim itself recommends: coherent, genuine-looking profiles",
        doc: include_str!("../../../docs/attacks/probe.md"),
        reference: "M. P. O'Mahony, N. J. Hurley, G. C. M. Silvestre: Recommender systems: attack types and \
                    strategies. AAAI 2005",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }
}
