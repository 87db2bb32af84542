//! The closed list of defenses.

mod none;
mod remove_flagged;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::Defense;
use shillproof_core::catalogue::{Card, Catalogue};

pub use none::NoDefense;
pub use remove_flagged::RemoveFlagged;

/// A defense by its catalogue name, with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DefenseSpec {
    /// Training on everything.
    None(NoDefense),
    /// Training without suspicious users.
    RemoveFlagged(RemoveFlagged),
}

impl Default for DefenseSpec {
    fn default() -> Self {
        Self::None(NoDefense::default())
    }
}

/// What the file of a defense says about it.
trait Described: Defense {
    const CARD: Card;
}

impl DefenseSpec {
    /// The defense itself.
    pub fn defense(&self) -> &dyn Defense {
        self.parts().0
    }

    fn parts(&self) -> (&dyn Defense, Card) {
        fn of<D: Described>(defense: &D) -> (&dyn Defense, Card) {
            (defense, D::CARD)
        }
        match self {
            Self::None(d) => of(d),
            Self::RemoveFlagged(d) => of(d),
        }
    }
}

impl Catalogue for DefenseSpec {
    const KIND: &'static str = "defense";

    fn all() -> Vec<Self> {
        vec![Self::None(NoDefense::default()), Self::RemoveFlagged(RemoveFlagged::default())]
    }

    fn card(&self) -> Card {
        self.parts().1
    }
}
