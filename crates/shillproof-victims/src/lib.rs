//! Recommenders under attack: one file or folder each, and the catalogue of them.

mod als;
mod bpr;
mod epochs;
mod factors;
pub mod fpmc;
mod free;
pub mod gru4rec;
mod held_out;
mod input;
mod item_knn;
pub mod lightgcn;
pub mod neumf;
pub mod next_item;
mod nuclear_norm;
mod popularity;
pub mod random_walk;
pub mod sasrec;
pub mod transrec;
mod wrmf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::Victim;
use shillproof_core::catalogue::{Card, Catalogue};

pub use als::{Als, Center};
pub use bpr::Bpr;
pub use factors::FactorModel;
pub use fpmc::Fpmc;
pub use gru4rec::Gru4Rec;
pub use item_knn::{ItemKnn, Similarity};
pub use lightgcn::LightGcn;
pub use neumf::{Gmf, Mlp, NeuMf};
pub use nuclear_norm::{Completion, NuclearNorm, Observed};
pub use popularity::Popularity;
pub use random_walk::RandomWalk;
pub use sasrec::SasRec;
pub use transrec::TransRec;
pub use wrmf::{InnerSolver, Wrmf, WrmfSolver};

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
    /// Explicit matrix factorisation by alternating least squares.
    Als(Als),
    /// Explicit matrix completion by the nuclear norm.
    NuclearNorm(NuclearNorm),
    /// Item neighbourhood.
    ItemKnn(ItemKnn),
    /// Weighted matrix factorisation of implicit feedback.
    Wrmf(Wrmf),
    /// Bayesian personalised ranking.
    Bpr(Bpr),
    /// Neural matrix factorisation.
    #[serde(rename = "neumf")]
    NeuMf(NeuMf),
    /// Generalised matrix factorisation.
    Gmf(Gmf),
    /// A perceptron.
    Mlp(Mlp),
    /// Light graph convolution.
    #[serde(rename = "lightgcn")]
    LightGcn(LightGcn),
    /// Random walk with restart.
    RandomWalk(RandomWalk),
    /// Factorised personalised Markov chains.
    Fpmc(Fpmc),
    /// Translations from item to item.
    #[serde(rename = "transrec")]
    TransRec(TransRec),
    /// A recurrent network.
    #[serde(rename = "gru4rec")]
    Gru4Rec(Gru4Rec),
    /// Self-attention.
    #[serde(rename = "sasrec")]
    SasRec(SasRec),
}

impl VictimSpec {
    /// The customary victim for data with (`explicit`) or without ratings: `als` or `wrmf`.
    pub fn default_for(explicit: bool) -> Self {
        if explicit { Self::Als(Als::default()) } else { Self::Wrmf(Wrmf::default()) }
    }

    /// The recipe itself.
    pub fn victim(&self) -> &dyn Victim {
        match self {
            Self::Popularity(victim) => victim,
            Self::Als(victim) => victim,
            Self::NuclearNorm(victim) => victim,
            Self::ItemKnn(victim) => victim,
            Self::Wrmf(victim) => victim,
            Self::Bpr(victim) => victim,
            Self::NeuMf(victim) => victim,
            Self::Gmf(victim) => victim,
            Self::Mlp(victim) => victim,
            Self::LightGcn(victim) => victim,
            Self::RandomWalk(victim) => victim,
            Self::Fpmc(victim) => victim,
            Self::TransRec(victim) => victim,
            Self::Gru4Rec(victim) => victim,
            Self::SasRec(victim) => victim,
        }
    }
}

impl Catalogue for VictimSpec {
    const KIND: &'static str = "victim";

    fn all() -> Vec<Self> {
        vec![
            Self::Popularity(Popularity::default()),
            Self::Als(Als::default()),
            Self::NuclearNorm(NuclearNorm::default()),
            Self::ItemKnn(ItemKnn::default()),
            Self::Wrmf(Wrmf::default()),
            Self::Bpr(Bpr::default()),
            Self::NeuMf(NeuMf::default()),
            Self::Gmf(Gmf::default()),
            Self::Mlp(Mlp::default()),
            Self::LightGcn(LightGcn::default()),
            Self::RandomWalk(RandomWalk::default()),
            Self::Fpmc(Fpmc::default()),
            Self::TransRec(TransRec::default()),
            Self::Gru4Rec(Gru4Rec::default()),
            Self::SasRec(SasRec::default()),
        ]
    }

    fn card(&self) -> Card {
        match self {
            Self::Popularity(_) => popularity::CARD,
            Self::Als(_) => als::CARD,
            Self::NuclearNorm(_) => nuclear_norm::CARD,
            Self::ItemKnn(_) => item_knn::CARD,
            Self::Wrmf(_) => wrmf::CARD,
            Self::Bpr(_) => bpr::CARD,
            Self::NeuMf(_) => neumf::CARD,
            Self::Gmf(_) => neumf::GMF_CARD,
            Self::Mlp(_) => neumf::MLP_CARD,
            Self::LightGcn(_) => lightgcn::CARD,
            Self::RandomWalk(_) => random_walk::CARD,
            Self::Fpmc(_) => fpmc::CARD,
            Self::TransRec(_) => transrec::CARD,
            Self::Gru4Rec(_) => gru4rec::CARD,
            Self::SasRec(_) => sasrec::CARD,
        }
    }
}
