//! What an attacker believes a victim to be.

use std::fmt::{self, Display, Formatter};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::catalogue::{Catalogue, CatalogueError};
use shillproof_victims::VictimSpec;

use super::node::{Node, NodeError, Step, Value};
use crate::report::recipe;

/// One model, or several that together stand for a victim of unknown kind: `surrogate = { together = ["bpr", "fpmc"] }`. A list without that word is an axis, as
/// everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Surrogate {
    /// Models of one attacker.
    Together {
        /// At least two recipes.
        together: Vec<VictimSpec>,
    },
    /// One model.
    One(VictimSpec),
}

impl Surrogate {
    /// One model if there is one, otherwise all together; none of nothing.
    pub fn of(mut models: Vec<VictimSpec>) -> Option<Self> {
        match models.len() {
            0 => None,
            1 => models.pop().map(Self::One),
            _ => Some(Self::Together { together: models }),
        }
    }

    /// Reads `V` or `V,V,...`, each as [`Catalogue::from_inline`].
    ///
    /// # Errors
    /// If a name or a key does not exist, or a value is not of the key's type.
    pub fn from_inline(names: &[String]) -> Result<Option<Self>, CatalogueError> {
        names.iter().map(|name| VictimSpec::from_inline(name)).collect::<Result<_, _>>().map(Self::of)
    }

    /// All of them.
    pub fn models(&self) -> &[VictimSpec] {
        match self {
            Self::One(model) => std::slice::from_ref(model),
            Self::Together { together } => together,
        }
    }

    pub(super) fn read(node: &Node) -> Result<Self, NodeError> {
        let Some([(word, list)]) = node.table().filter(|table| table[0].0 == "together") else {
            return node.read().map(Self::One);
        };
        let Value::List(models) = &list.value else {
            return Err(NodeError::at(list.at, "expected a list of victims", None).within(word, list.at));
        };
        let read = |(at, model): (usize, &Node)| {
            model.read().map_err(|error| error.under(Step::Position(at), model.at).within(word, list.at))
        };
        let models = models.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let none = || NodeError::at(list.at, "names no victim", None).within(word, list.at);
        Self::of(models).ok_or_else(none)
    }
}

impl Display for Surrogate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let models: Vec<String> = self.models().iter().map(recipe).collect();
        f.write_str(&models.join(" + "))
    }
}
