//! No attack, as an ordinary value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::Card;
use shillproof_core::{Attack, AttackError, Budget, Ctx, FakeProfiles, Goal, Knowledge, Needs};

use crate::catalogue::{BOTH, Capabilities, Described};

/// Makes no fake users: the row that every other is compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoAttack {}

impl Attack for NoAttack {
    fn needs(&self) -> Needs {
        Needs::STATISTICS
    }

    fn craft(
        &self,
        _: &Goal,
        _: &Budget,
        _: &Knowledge<'_>,
        _: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError> {
        Ok(FakeProfiles::default())
    }
}

impl Described for NoAttack {
    const CARD: Card = Card {
        name: "none",
        summary: "no fake users: the clean row of every comparison",
        doc: include_str!("../../../docs/attacks/none.md"),
        reference: "-",
    };

    fn capabilities(&self) -> Capabilities {
        Capabilities { rates_targets: false, explicit: BOTH, implicit: BOTH }
    }
}
