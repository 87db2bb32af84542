//! Recommenders under attack: one file or folder each, and the catalogue of them.

mod input;
mod item_knn;
mod popularity;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::Victim;
use shillproof_core::catalogue::{Card, Catalogue};

pub use item_knn::{ItemKnn, Similarity};
pub use popularity::Popularity;

/// A victim by name, with its parameters.
///
/// ```
/// use shillproof_core::catalogue::Catalogue;
/// use shillproof_victims::VictimSpec;
/// let spec = VictimSpec::from_inline("popularity")?;
/// assert_eq!(spec.card().name, "popularity");
/// # Ok::<(), shillproof_core::catalogue::CatalogueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum VictimSpec {
    /// The most popular items.
    Popularity(Popularity),
    /// Item neighbourhood.
    ItemKnn(ItemKnn),
}

impl VictimSpec {
    /// The recipe itself.
    pub fn victim(&self) -> &dyn Victim {
        match self {
            Self::Popularity(victim) => victim,
            Self::ItemKnn(victim) => victim,
        }
    }
}

impl Catalogue for VictimSpec {
    const KIND: &'static str = "victim";

    fn all() -> Vec<Self> {
        vec![Self::Popularity(Popularity::default()), Self::ItemKnn(ItemKnn::default())]
    }

    fn card(&self) -> Card {
        match self {
            Self::Popularity(_) => popularity::CARD,
            Self::ItemKnn(_) => item_knn::CARD,
        }
    }
}
