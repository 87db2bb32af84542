//! How knowledge is written: on the command line and in experiment files.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use shillproof_core::catalogue::nearest;
use shillproof_core::fraction::FractionError;
use shillproof_core::{Fraction, Interactions};
use thiserror::Error;

use crate::text_or_table;

const FORMS: &str = "full, ratings:F, users:F, bfs:F or noisy:KEEP:PERTURB[:walk-jump]";

/// What part of the genuine training data an attacker knows.
///
/// ```
/// use shillproof_data::knowledge::KnowledgeSpec;
/// let known: KnowledgeSpec = "noisy:0.9:10%:walk-jump".parse()?;
/// assert_eq!(known.to_string(), "noisy:0.9:0.1:walk-jump");
/// # Ok::<(), shillproof_data::knowledge::KnowledgeTextError>(())
/// ```
/// A file has the same text or a table: `"full"`, `{ bfs = 0.2 }`, `{ noisy = { keep = 0.9, perturb = 0.1 } }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KnowledgeSpec {
    /// All of it.
    #[default]
    Full,
    /// This uniform share of the interactions; every user keeps a row.
    Ratings(Fraction),
    /// This uniform share of the users with all their interactions.
    Users(Fraction),
    /// This share of the interactions, by distance from the targets.
    Bfs(Fraction),
    /// A share of the interactions, and false ones among them.
    Noisy(Noisy),
}

/// Incomplete and perturbed knowledge (Zhang et al., KDD 2021, appendix A.6).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Noisy {
    /// True pairs known, as a share of all interactions.
    pub keep: Fraction,
    /// False pairs believed, as a share of all interactions.
    pub perturb: Fraction,
    /// How pairs are drawn.
    pub generator: Generator,
}

impl Default for Noisy {
    fn default() -> Self {
        let tenth = |n: f64| Fraction::new(n / 10.0).expect("tenths up to ten are fractions");
        Self { keep: tenth(9.0), perturb: tenth(1.0), generator: Generator::default() }
    }
}

/// How `noisy` draws pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// Every pair from a uniformly drawn user (the paper).
    #[default]
    PerUser,
    /// Random walkers that now and then jump to what is not a neighbor (the authors' public code); favors active users and popular items.
    WalkJump,
}

/// How many top-K lists an attacker may see, as a share of the training interactions; one list is one query.
///
/// ```
/// use shillproof_core::{Interactions, Triples};
/// use shillproof_data::knowledge::QueryBudget;
/// let columns = Triples { users: (0..250).collect(), items: vec![0; 250], ratings: None, times: None };
/// let train = Interactions::from_triples(250, 1, columns, None)?;
/// let budget: QueryBudget = "1%".parse()?;
/// assert_eq!(budget.lists(&train), 3); // 2.5, halves up
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct QueryBudget(pub Fraction);

impl QueryBudget {
    /// The budget of a `shillproof_core::QueryOracle` over a victim fitted on `train`.
    pub fn lists(self, train: &Interactions) -> u64 {
        self.0.round_of(train.len()) as u64
    }
}

impl Default for QueryBudget {
    /// 1 % of the training interactions.
    fn default() -> Self {
        Self(Fraction::new(0.01).expect("one percent is a fraction"))
    }
}

impl FromStr for QueryBudget {
    type Err = FractionError;

    fn from_str(text: &str) -> Result<Self, FractionError> {
        text.parse().map(Self)
    }
}

/// Text that says no knowledge. Fragments that read well after "failed to read the knowledge".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KnowledgeTextError {
    /// No knowledge is called so.
    #[error("no knowledge is called `{name}`, expected {FORMS}")]
    Name {
        /// What was asked for.
        name: String,
    },
    /// Too many or too few parts between colons.
    #[error("`{text}` has {got} numbers after the name, expected {expected}")]
    Parts {
        /// The whole text.
        text: String,
        /// Parts found.
        got: usize,
        /// Parts expected.
        expected: usize,
    },
    /// A part that is not a fraction.
    #[error("in `{text}`, {source}")]
    Fraction {
        /// The whole text.
        text: String,
        /// What was wrong.
        source: FractionError,
    },
    /// An unknown way to draw pairs.
    #[error("`{name}` is not a generator of noisy knowledge, expected per-user or walk-jump")]
    Generator {
        /// What was asked for.
        name: String,
    },
}

impl KnowledgeTextError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let near = |name: &str, names: &[&str]| nearest(name, names).map(|n| format!("did you mean `{n}`?"));
        match self {
            Self::Name { name } => near(name, &["full", "ratings", "users", "bfs", "noisy"]),
            Self::Generator { name } => near(name, &["per-user", "walk-jump"]),
            Self::Parts { .. } | Self::Fraction { .. } => Some(format!("write {FORMS}, e.g. bfs:0.2")),
        }
    }
}

impl FromStr for KnowledgeSpec {
    type Err = KnowledgeTextError;

    fn from_str(text: &str) -> Result<Self, KnowledgeTextError> {
        let text = text.trim();
        let (name, rest) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let mut parts: Vec<&str> = rest.map(|r| r.split(':').collect()).unwrap_or_default();
        let mut generator = Generator::default();
        if name == "noisy"
            && let Some(&last) = parts.get(2)
        {
            generator = match last {
                "per-user" => Generator::PerUser,
                "walk-jump" => Generator::WalkJump,
                other => return Err(KnowledgeTextError::Generator { name: other.into() }),
            };
            parts.remove(2);
        }
        let expected = match name {
            "full" => 0,
            "ratings" | "users" | "bfs" => 1,
            "noisy" => 2,
            other => return Err(KnowledgeTextError::Name { name: other.into() }),
        };
        if parts.len() != expected {
            return Err(KnowledgeTextError::Parts { text: text.into(), got: parts.len(), expected });
        }
        let share = |at: usize| -> Result<Fraction, KnowledgeTextError> {
            parts[at].parse().map_err(|source| KnowledgeTextError::Fraction { text: text.into(), source })
        };
        Ok(match name {
            "full" => Self::Full,
            "ratings" => Self::Ratings(share(0)?),
            "users" => Self::Users(share(0)?),
            "bfs" => Self::Bfs(share(0)?),
            _ => Self::Noisy(Noisy { keep: share(0)?, perturb: share(1)?, generator }),
        })
    }
}

impl fmt::Display for KnowledgeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Ratings(share) => write!(f, "ratings:{share}"),
            Self::Users(share) => write!(f, "users:{share}"),
            Self::Bfs(share) => write!(f, "bfs:{share}"),
            Self::Noisy(Noisy { keep, perturb, generator }) => {
                write!(f, "noisy:{keep}:{perturb}")?;
                if *generator == Generator::WalkJump { f.write_str(":walk-jump") } else { Ok(()) }
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Table {
    Full {},
    Ratings(Fraction),
    Users(Fraction),
    Bfs(Fraction),
    Noisy(Noisy),
}

impl From<Table> for KnowledgeSpec {
    fn from(table: Table) -> Self {
        match table {
            Table::Full {} => Self::Full,
            Table::Ratings(share) => Self::Ratings(share),
            Table::Users(share) => Self::Users(share),
            Table::Bfs(share) => Self::Bfs(share),
            Table::Noisy(noisy) => Self::Noisy(noisy),
        }
    }
}

impl<'de> Deserialize<'de> for KnowledgeSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_table::deserialize::<D, Self, Table>(deserializer, FORMS)
    }
}
