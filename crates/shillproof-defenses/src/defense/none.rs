//! No defense, as an ordinary value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Ctx, Defended, Defense, DefenseError, DefenseJob, Victim};

use super::Described;

/// The victim is trained on everything, fake users included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoDefense {}

impl Defense for NoDefense {
    fn fit(
        &self,
        victim: &dyn Victim,
        job: &DefenseJob<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Defended, DefenseError> {
        Ok(Defended { recommender: victim.fit(&job.fit, ctx)?, removed: Vec::new() })
    }
}

impl Described for NoDefense {
    const CARD: Card = Card {
        name: "none",
        summary: "the victim is trained on everything, fake users included",
        doc: include_str!("../../../../docs/defenses/none.md"),
        reference: "-",
    };
}
