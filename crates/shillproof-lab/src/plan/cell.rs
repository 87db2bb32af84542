//! One cell of a grid: everything that one training and its measurement depend on.

use serde::{Deserialize, Serialize};
use shillproof_attacks::{AttackSpec, AudienceSpec, TargetSpec};
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Grant, Objective, Seed, Size};
use shillproof_data::Dataset;
use shillproof_data::knowledge::KnowledgeSpec;
use shillproof_data::split::SplitSpec;
use shillproof_defenses::DefenseSpec;

use crate::command::VictimChoice;
use crate::rankings::Exclude;
use crate::spec::{BlackBox, DatasetSpec, MeasureSpec, Surrogate};
use crate::store::{FORMAT, Key};

/// One training of one victim under one attack, and what is measured on it. Plain data: it can be
/// sent anywhere and run there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Root of all randomness, the same in all cells of an experiment.
    pub seed: u64,
    /// Data set.
    pub dataset: DatasetSpec,
    /// What is held out.
    pub split: SplitSpec,
    /// Recommender under attack.
    pub victim: VictimChoice,
    /// Attack.
    pub attack: AttackSpec,
    /// What the attacker wants, knows and may spend.
    pub threat: Threat,
    /// Defense.
    pub defense: DefenseSpec,
    /// What is measured.
    pub measure: MeasureSpec,
    /// Which training of the victim, from 0. Repeats change only the victim's seed.
    pub repeat: u64,
}

/// One point of the threat model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threat {
    /// Selection of target items.
    pub targets: TargetSpec,
    /// The one target of this cell, by its place in the selection; none when all are attacked at once.
    pub target: Option<usize>,
    /// Promote or demote.
    pub objective: Objective,
    /// Fake users, of the genuine ones.
    pub size: Size,
    /// Most fillers a fake user, of the items; targets come on top.
    pub profile_size: Size,
    /// What part of the training data the attacker knows.
    pub knowledge: KnowledgeSpec,
    /// Lists of the victim that the attacker may see.
    pub black_box: Option<BlackBox>,
    /// What the attacker believes the victim to be.
    pub surrogate: Option<Surrogate>,
    /// Whose lists count.
    pub target_users: AudienceSpec,
    /// Which of a user's own items are no candidates for the user's list.
    pub exclude: Exclude,
    /// Whether fake users rate the targets.
    pub targets_clicked: bool,
}

impl Threat {
    /// Somebody who knows all the data and promotes with `size` fake users of 30 fillers; the rest is that of an
    /// experiment that says nothing.
    pub fn promoting(size: Size) -> Self {
        Self {
            targets: TargetSpec::default(),
            target: None,
            objective: Objective::Promote,
            size,
            profile_size: Size::Count(30),
            knowledge: KnowledgeSpec::Full,
            black_box: None,
            surrogate: None,
            target_users: AudienceSpec::All,
            exclude: Exclude::default(),
            targets_clicked: true,
        }
    }
}

/// The data set that a cell runs on, as it was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatasetFacts {
    /// Its name.
    pub name: String,
    /// Checksum of its canonical content, after filters.
    pub checksum: String,
    /// Genuine users.
    pub users: usize,
    /// Items.
    pub items: usize,
    /// Interactions.
    pub interactions: usize,
}

impl DatasetFacts {
    /// The facts of a data set that was read.
    pub fn of(data: &Dataset) -> Self {
        Self {
            name: data.name.clone(),
            checksum: data.checksum.clone(),
            users: data.interactions.n_users(),
            items: data.interactions.n_items(),
            interactions: data.interactions.len(),
        }
    }
}

/// Work that cells have in common. Cells with the same key here can share its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// The data, read and split.
    pub data: Key,
    /// The victim fitted on clean data, with this repeat's seed.
    pub clean_fit: Key,
    /// The fake users; none for the attack `none`.
    pub crafted: Option<Key>,
    /// Fake users to craft at once: the most that a cell of the plan with the same `crafted` takes.
    /// The others take the first of them.
    pub craft_size: usize,
}

impl Cell {
    /// The cell's address, given the checksum of its data.
    pub fn key(&self, checksum: &str) -> Key {
        Key::of(&(FORMAT, checksum, self))
    }

    /// The root of the seed tree.
    pub fn root(&self) -> Seed {
        Seed::new(self.seed)
    }

    /// Whether this is the clean reference: the attack `none`.
    pub fn is_clean(&self) -> bool {
        matches!(self.attack, AttackSpec::None(_))
    }

    /// The attack as a table names it.
    pub fn attack_name(&self) -> &'static str {
        self.attack.card().name
    }

    /// Number of fake users among `users` genuine ones.
    pub fn fake_users(&self, users: usize) -> usize {
        if self.is_clean() { 0 } else { self.threat.size.of(users) }
    }

    /// What this cell has in common with others, all by itself.
    pub(super) fn shares(&self, data: &DatasetFacts) -> Shares {
        let fakes = self.fake_users(data.users);
        let split = Key::of(&(&data.checksum, &self.split, self.seed));
        let clean_fit = Key::of(&(&split, &self.victim, &self.defense, self.repeat));
        let crafted = (!self.is_clean()).then(|| {
            let attack = self.attack.attack();
            // Neither the size of an incremental attack nor whose lists are looked at afterwards shows in the fakes.
            let threat = Threat {
                size: Size::Count(if attack.is_incremental() { 0 } else { fakes }),
                exclude: Exclude::default(),
                ..self.threat.clone()
            };
            // What the attacker may touch of the victim does.
            let touched = match (attack.needs().victim, self.threat.black_box) {
                (Grant::Hidden, None) => None,
                (Grant::Recipe, _) if self.threat.surrogate.is_some() => None,
                (Grant::Recipe, None) => Some((&self.victim, 0)),
                _ => Some((&self.victim, self.repeat)),
            };
            Key::of(&(&split, &self.attack, threat, touched))
        });
        Shares { data: split, clean_fit, crafted, craft_size: fakes }
    }

    /// Work of one training in this cell, in multiply-adds: interactions x passes x factors, as far
    /// as the victim's parameters name them. Only good for comparing cells of one plan.
    pub(super) fn cost(&self, data: &DatasetFacts) -> f64 {
        let parameters = self.victim.parameters();
        let number = |name: &str| parameters.get(name).and_then(serde_json::Value::as_f64);
        let passes = number("iterations").into_iter().chain(number("epochs")).fold(1.0, f64::max);
        let fakes = self.fake_users(data.users) * self.threat.profile_size.of(data.items);
        (data.interactions + fakes) as f64 * passes * number("factors").unwrap_or(1.0).max(1.0)
    }
}
