//! The threat model: what the attacker wants, may spend and knows, and what comes back.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::context::{Cancelled, Ctx};
use crate::ids::{ItemId, UserId};
use crate::interactions::Interactions;
use crate::oracle::{OracleError, QueryOracle};
use crate::stats::ItemStats;
use crate::victim::{FitError, Recommender, Victim};

/// What is to happen to the targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Into the lists of genuine users.
    Promote,
    /// Out of them.
    Demote,
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promote => "promote",
            Self::Demote => "demote",
        })
    }
}

/// Whose lists count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All genuine users.
    All,
    /// These users.
    Users(Vec<UserId>),
}

/// What the attacker wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Target items; every fake user takes all of them.
    pub targets: Vec<ItemId>,
    /// Promote or demote.
    pub objective: Objective,
    /// Whose lists count.
    pub audience: Audience,
}

/// What the attacker may spend. Breaking it is an error, never silently clipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Number of fake users.
    pub fake_users: usize,
    /// Most fillers a fake user; targets come on top.
    pub profile_size: usize,
    /// Counts targets within `profile_size` (the convention of the NIPS'16 attacks).
    pub targets_included: bool,
}

impl Budget {
    /// The most items in one profile that rates `targets` targets.
    pub fn max_items(&self, targets: usize) -> usize {
        self.profile_size + if self.targets_included { 0 } else { targets }
    }
}

/// How much of the victim the attacker may touch.
#[derive(Clone, Copy)]
pub enum VictimAccess<'a> {
    /// Nothing is known.
    Hidden,
    /// Top-K lists, counted.
    Queries(&'a QueryOracle<'a>),
    /// The algorithm and its hyper-parameters.
    Recipe(&'a dyn Victim),
    /// The fitted model.
    Full(&'a dyn Recommender),
}

/// The least access an attack can work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// Nothing of the victim.
    Hidden,
    /// Top-K lists.
    Queries,
    /// The algorithm and its hyper-parameters.
    Recipe,
    /// The fitted model.
    Full,
}

impl VictimAccess<'_> {
    /// Whether this access is enough for an attack that needs `need`.
    pub fn grants(&self, need: Grant) -> bool {
        match need {
            Grant::Hidden => true,
            Grant::Queries => matches!(self, Self::Queries(_)),
            Grant::Recipe => matches!(self, Self::Recipe(_)),
            Grant::Full => matches!(self, Self::Full(_)),
        }
    }
}

/// The least knowledge an attack can work with; weaker grants are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Interactions of (some) genuine users, not only item statistics.
    pub sample: bool,
    /// Rating values.
    pub ratings: bool,
    /// Access to the victim.
    pub victim: Grant,
}

impl Needs {
    /// Item statistics alone.
    pub const STATISTICS: Self = Self { sample: false, ratings: false, victim: Grant::Hidden };
}

/// The only thing an attack sees.
#[derive(Clone, Copy)]
pub struct Knowledge<'a> {
    /// Statistics of the items as far as the attacker knows the data.
    pub items: &'a ItemStats,
    /// Interactions the attacker knows.
    pub sample: Option<&'a Interactions>,
    /// Access to the victim.
    pub victim: VictimAccess<'a>,
}

/// One attack situation, made by the lab.
#[derive(Clone)]
pub struct ThreatCase<'a> {
    /// What the attacker wants.
    pub goal: Goal,
    /// What the attacker may spend.
    pub budget: Budget,
    /// What the attacker knows.
    pub known: Knowledge<'a>,
}

/// All interactions of one fake user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Items with ratings (1 for implicit data).
    pub entries: Vec<(ItemId, f32)>,
}

/// What an attack returns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FakeProfiles {
    /// One a fake user.
    pub profiles: Vec<Profile>,
    /// Whether the order within a profile matters.
    pub ordered: bool,
    /// Queries that were spent.
    pub queries: u64,
}

impl FakeProfiles {
    /// The first `n` fake users: a smaller attack is the prefix of a larger one.
    #[must_use]
    pub fn prefix(&self, n: usize) -> Self {
        Self { profiles: self.profiles[..n.min(self.profiles.len())].to_vec(), ..*self }
    }

    /// Interactions of all fake users together.
    pub fn interactions(&self) -> usize {
        self.profiles.iter().map(|p| p.entries.len()).sum()
    }
}

/// A recipe for fake users: its fields are its parameters.
pub trait Attack: Send + Sync {
    /// The least knowledge it can work with.
    fn needs(&self) -> Needs;

    /// Whether fake user `v` is the same whatever the number of fake users: then a smaller attack
    /// is a prefix of a larger one and the lab crafts once.
    fn is_incremental(&self) -> bool {
        true
    }

    /// Trainings of a copy of the victim that crafting `fake_users` fake users begins, warm ones included; an attack
    /// that stops early begins fewer.
    fn trainings(&self, fake_users: usize) -> usize {
        let _ = fake_users;
        0
    }

    /// Makes `budget.fake_users` profiles. Call it through `poison`, which checks the result.
    ///
    /// # Errors
    /// When parameters are out of range, the goal is not one of the attack's, or the catalogue is too small.
    fn craft(
        &self,
        goal: &Goal,
        budget: &Budget,
        known: &Knowledge<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<FakeProfiles, AttackError>;
}

/// Why no profiles were made. Fragments that read well after "failed to craft".
#[derive(Debug, Error)]
pub enum AttackError {
    /// Somebody asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// A parameter out of range.
    #[error("parameter `{name}` is {got}, expected {expected}")]
    Parameter {
        /// Field of the attack.
        name: &'static str,
        /// What it was.
        got: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The attack has no form for this objective on this kind of data.
    #[error("this attack cannot {objective} on this data: {reason}")]
    Objective {
        /// What was asked.
        objective: Objective,
        /// Why not.
        reason: &'static str,
    },
    /// Fewer items to choose from than a profile needs.
    #[error("a profile needs {needed} fillers, but only {available} items are left besides the targets")]
    TooFewItems {
        /// Fillers asked for.
        needed: usize,
        /// Items there.
        available: usize,
    },
    /// Something is missing that the attack cannot work without.
    #[error("this attack needs {0}, which the attacker has not been granted")]
    Ungranted(&'static str),
    /// The query budget ran out.
    #[error(transparent)]
    Oracle(#[from] OracleError),
    /// The attacker's own copy of a victim could not be fitted.
    #[error("the attacker's copy of the victim cannot be fitted: {0}")]
    Surrogate(#[from] FitError),
}
