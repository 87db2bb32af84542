//! From an experiment to its cells, before anything runs.

mod cell;
mod shard;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shillproof_attacks::TargetSpec;
use shillproof_core::Size;
use shillproof_data::knowledge::KnowledgeSpec;
use thiserror::Error;

pub use cell::{Cell, DatasetFacts, Shares, Threat};
pub use shard::{Shard, ShardError};
pub use workload::{Share, Trainings};

use crate::spec::{DatasetSpec, ExperimentSpec, ThreatAxes, labels_in};
use crate::store::Key;

/// All cells of an experiment. Those that share a clean fit stand together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// What was asked for, as it is kept beside the records: the experiment file with every default written out.
    #[serde(skip)]
    pub text: String,
    /// Its cells; no two have the same key.
    pub cells: Vec<PlannedCell>,
}

/// A cell, and what is known of it before it runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedCell {
    /// Address of the cell.
    pub key: Key,
    /// Estimated work of its training in multiply-adds, for comparison within a plan.
    pub cost: f64,
    /// What it has in common with other cells.
    pub shares: Shares,
    /// The data it runs on.
    pub data: DatasetFacts,
    /// The cell.
    pub cell: Cell,
}

impl PlannedCell {
    /// The same attack on another target of the selection.
    pub(crate) fn with_target(&self, place: usize) -> Self {
        let mut out = self.clone();
        out.cell.threat.target = Some(place);
        out.shares = Shares { craft_size: self.shares.craft_size, ..out.cell.shares(&self.data) };
        out
    }
}

/// Why a selection of cells makes no sense. Fragments that read well after "failed to plan".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A key that no cell has.
    #[error("no cell of this experiment has the key {0}")]
    UnknownKey(Key),
}

impl PlanError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(
            "`shillproof plan SPEC.toml` lists the keys; they change with the file, the data and the seed"
                .into(),
        )
    }
}

impl Plan {
    /// Lays out the cells. `facts` reads a data set, or remembers what it found.
    ///
    /// # Errors
    /// What `facts` says.
    pub fn new<E>(
        spec: &ExperimentSpec,
        facts: &mut dyn FnMut(&DatasetSpec) -> Result<DatasetFacts, E>,
    ) -> Result<Self, E> {
        let threats = threats(&spec.threat);
        let mut seen = BTreeSet::new();
        let mut cells = Vec::new();
        for dataset in &spec.dataset {
            let data = facts(dataset)?;
            for cell in cells_of(spec, dataset, &threats) {
                let key = cell.key(&data.checksum);
                if seen.insert(key.clone()) {
                    let (cost, shares) = (cell.cost(&data), cell.shares(&data));
                    cells.push(PlannedCell { key, cost, shares, data: data.clone(), cell });
                }
            }
        }
        Ok(Self::of(spec.to_toml(), cells))
    }

    /// Several plans in one: what they share is done once, and so is a cell that several of them have.
    pub fn join(text: String, parts: &[Self]) -> Self {
        let mut seen = BTreeSet::new();
        let cells = parts.iter().flat_map(|part| &part.cells);
        Self::of(text, cells.filter(|planned| seen.insert(&planned.key)).cloned().collect())
    }

    fn of(text: String, mut cells: Vec<PlannedCell>) -> Self {
        let mut largest = BTreeMap::new();
        for planned in &cells {
            let size = largest.entry(planned.shares.crafted.clone()).or_insert(0);
            *size = planned.shares.craft_size.max(*size);
        }
        for planned in &mut cells {
            planned.shares.craft_size = largest[&planned.shares.crafted];
        }
        Self { text, cells }
    }

    /// The cells of one shard (all without), and of those only the ones named (all where none is).
    ///
    /// # Errors
    /// If a key is none of this plan's.
    pub fn select(&self, shard: Option<Shard>, only: &[Key]) -> Result<Vec<&PlannedCell>, PlanError> {
        let mut keys: Vec<&Key> = self.cells.iter().map(|c| &c.key).collect();
        keys.sort();
        if let Some(unknown) = only.iter().find(|key| keys.binary_search(key).is_err()) {
            return Err(PlanError::UnknownKey(unknown.clone()));
        }
        let mine = |key: &Key| {
            let place = keys.binary_search(&key).expect("invariant: the key is of this plan");
            shard.is_none_or(|shard| shard.takes(place)) && (only.is_empty() || only.contains(key))
        };
        Ok(self.cells.iter().filter(|planned| mine(&planned.key)).collect())
    }
}

/// Every combination of the threat axes.
fn threats(axes: &ThreatAxes) -> Vec<Threat> {
    let mut threats: Vec<Threat> = Vec::new();
    for targets in &axes.targets {
        for &each in &axes.each {
            let places: Vec<Option<usize>> =
                if each { (0..count(targets)).map(Some).collect() } else { vec![None] };
            threats.extend(places.into_iter().map(|target| Threat {
                targets: targets.clone(),
                target,
                objective: axes.objective[0],
                size: axes.size[0],
                profile_size: axes.profile_size[0],
                knowledge: axes.knowledge[0],
                black_box: None,
                surrogate: None,
                target_users: axes.target_users[0].clone(),
                exclude: axes.exclude[0],
                targets_clicked: axes.targets_clicked[0],
            }));
        }
    }
    cross(&mut threats, &axes.objective, |t, v| t.objective = *v);
    cross(&mut threats, &axes.target_users, |t, v| t.target_users = v.clone());
    cross(&mut threats, &axes.exclude, |t, v| t.exclude = *v);
    cross(&mut threats, &axes.profile_size, |t, v| t.profile_size = *v);
    cross(&mut threats, &axes.knowledge, |t, v| t.knowledge = *v);
    cross(&mut threats, &axes.black_box, |t, v| t.black_box = Some(*v));
    cross(&mut threats, &axes.surrogate, |t, v| t.surrogate = Some(v.clone()));
    cross(&mut threats, &axes.targets_clicked, |t, v| t.targets_clicked = *v);
    cross(&mut threats, &axes.size, |t, v| t.size = *v);
    threats
}

/// Number of targets of a selection. A file that cannot be read counts as one target, whose cell then says what is wrong.
fn count(targets: &TargetSpec) -> usize {
    match targets {
        TargetSpec::Random { count }
        | TargetSpec::Unpopular { count, .. }
        | TargetSpec::Near { count, .. }
        | TargetSpec::Band { count, .. } => *count,
        TargetSpec::Ids(labels) => labels.len(),
        TargetSpec::File(path) => labels_in(path).map_or(1, |labels| labels.len()),
    }
}

/// Replaces every threat by one for each value of an axis; an empty axis changes nothing.
fn cross<A>(threats: &mut Vec<Threat>, axis: &[A], set: impl Fn(&mut Threat, &A)) {
    if !axis.is_empty() {
        let expand = |threat: &Threat| {
            let one = |value| {
                let mut threat = threat.clone();
                set(&mut threat, value);
                threat
            };
            axis.iter().map(one).collect::<Vec<_>>()
        };
        *threats = threats.iter().flat_map(expand).collect();
    }
}

fn cells_of(spec: &ExperimentSpec, dataset: &DatasetSpec, threats: &[Threat]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for split in &spec.split {
        for victim in &spec.victim {
            for defense in &spec.defense {
                for repeat in 0..spec.repeats {
                    for attack in &spec.attack {
                        cells.extend(threats.iter().map(|threat| Cell {
                            seed: spec.seed,
                            dataset: dataset.clone(),
                            split: split.clone(),
                            victim: victim.clone(),
                            attack: attack.clone(),
                            threat: threat.clone(),
                            defense: defense.clone(),
                            measure: spec.measure.clone(),
                            repeat,
                        }));
                    }
                }
            }
        }
    }
    // Without an attacker there is nothing to spend and nothing to know: one clean cell, not one a size.
    for cell in cells.iter_mut().filter(|cell| cell.is_clean()) {
        let threat = &mut cell.threat;
        (threat.size, threat.profile_size) = (Size::Count(0), Size::Count(0));
        (threat.knowledge, threat.black_box, threat.surrogate) = (KnowledgeSpec::Full, None, None);
        threat.targets_clicked = true;
    }
    cells
}

#[cfg(test)]
pub(crate) mod tests;
