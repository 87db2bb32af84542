//! Experiment files: what is crossed with what.
//!
//! Every key of an experiment file takes one value or a list of them; so does every parameter of a
//! data set, split, victim, attack or defense that is not a list by nature. Each list is an axis,
//! and the [plan](crate::plan) holds every combination.

mod dataset;
mod deserialize;
mod error;
mod node;
mod read;
mod schema;
mod surrogate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_attacks::{AttackSpec, AudienceSpec, TargetSpec};
use shillproof_core::{Fraction, Objective, Size};
use shillproof_data::knowledge::{KnowledgeSpec, QueryBudget};
use shillproof_data::split::SplitSpec;
use shillproof_defenses::{DefenseSpec, DetectorSpec, RemoveFlagged};

use crate::command::VictimChoice;
use crate::rankings::{Exclude, TargetTies};
use crate::stealth::Stealth;

pub use dataset::{DatasetSpec, Source};
pub use error::{Place, SpecError};
pub(crate) use read::labels_in;
pub use schema::schema;
pub use surrogate::Surrogate;

/// A whole experiment, defaults filled in. Lists are axes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExperimentSpec {
    /// Root of all randomness.
    pub seed: u64,
    /// Trainings of each victim, with other seeds; at least 1.
    pub repeats: u64,
    /// Data sets.
    pub dataset: Vec<DatasetSpec>,
    /// What is held out to measure accuracy on.
    pub split: Vec<SplitSpec>,
    /// Recommenders under attack.
    pub victim: Vec<VictimChoice>,
    /// Attacks. `none` is the clean reference that differences are taken to.
    pub attack: Vec<AttackSpec>,
    /// What the attacker wants, knows and may spend.
    pub threat: ThreatAxes,
    /// Defenses.
    pub defense: Vec<DefenseSpec>,
    /// What is measured.
    pub measure: MeasureSpec,
}

/// The axes of the threat model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ThreatAxes {
    /// Selections of target items.
    pub targets: Vec<TargetSpec>,
    /// One attack and one retraining per target; otherwise one for the whole selection.
    pub each: Vec<bool>,
    /// Promote or demote.
    pub objective: Vec<Objective>,
    /// Fake users, of the genuine ones.
    pub size: Vec<Size>,
    /// Most fillers a fake user, of the items; targets come on top.
    pub profile_size: Vec<Size>,
    /// What part of the training data the attacker knows.
    pub knowledge: Vec<KnowledgeSpec>,
    /// Lists of the victim that the attacker may see. Empty: none.
    pub black_box: Vec<BlackBox>,
    /// What the attacker believes the victim to be, instead of the attack's own default. Empty: that default.
    pub surrogate: Vec<Surrogate>,
    /// Whose lists count.
    pub target_users: Vec<AudienceSpec>,
    /// Which of a user's own items are no candidates for the user's list.
    pub exclude: Vec<Exclude>,
    /// Whether fake users rate the targets.
    pub targets_clicked: Vec<bool>,
}

impl Default for ThreatAxes {
    fn default() -> Self {
        Self {
            targets: vec![TargetSpec::default()],
            each: vec![true],
            objective: vec![Objective::Promote],
            size: vec![Size::Fraction(Fraction::new(0.01).expect("invariant: a share of the whole"))],
            profile_size: vec![Size::Count(30)],
            knowledge: vec![KnowledgeSpec::Full],
            black_box: Vec::new(),
            surrogate: Vec::new(),
            target_users: vec![AudienceSpec::All],
            exclude: vec![Exclude::Train],
            targets_clicked: vec![true],
        }
    }
}

/// Access to a victim's lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlackBox {
    /// Lists that may be asked for, as a share of the training interactions.
    pub queries: QueryBudget,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MeasureSpec {
    /// List lengths at which targets and accuracy are measured; each at least 1.
    pub hit_ratio: Vec<usize>,
    /// Also measures accuracy against this many sampled items instead of all (99 is customary).
    pub sampled: Option<usize>,
    /// Where targets stand among candidates of exactly their score.
    pub ties: TargetTies,
    /// Also measures how far predictions of unseen cells moved: one pass over all cells for each training.
    pub rmse_shift: bool,
    /// Detectors that look at the attacked data, beside whatever the defense does.
    pub detectors: Vec<DetectorSpec>,
    /// Attacks that detectors which learn get examples of: `NAME` or `NAME:key=value,...`, `same` for the attack of the cell, or `others` for the fake users
    /// that it makes for the other targets of the selection, which are crafted anyway.
    pub train_attack: Vec<String>,
    /// How unlike genuine users the fake ones are, as a group.
    pub stealth: Vec<Stealth>,
}

impl Default for MeasureSpec {
    fn default() -> Self {
        Self {
            hit_ratio: vec![10, 50],
            sampled: None,
            ties: TargetTies::default(),
            rmse_shift: false,
            detectors: Vec::new(),
            train_attack: RemoveFlagged::default().train_attack,
            stealth: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
