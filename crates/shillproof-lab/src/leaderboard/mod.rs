//! Equal terms: attacks, defenses and detectors side by side, at one budget and one knowledge.
//!
//! A board is what has a data set, a victim, a kind of target and a threat in common: attacks of another size or knowledge stand on a board of their own.
//! Neighbours that paired tests cannot tell apart share a place.

mod board;
mod page;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

pub use board::{Board, Cost, Guard, Standing, Watch};
pub use page::Behind;

use crate::report::{ReportError, Setting, target_of};
use crate::stats::Grouped;
use crate::store::{Record, Status};

/// The experiment file of the leaderboard that is run where none is named.
pub const QUICK: &str = include_str!("quick.toml");

/// All boards of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leaderboard {
    /// In order of data, victim and threat.
    pub boards: Vec<Board>,
    /// Cells that were skipped or failed: what they would have shown is missing.
    pub unsettled: usize,
}

/// Values by metric at the longest list or without one, by target and repeat.
type Values = BTreeMap<(Setting, String), Grouped>;

impl Leaderboard {
    /// The boards of these records.
    ///
    /// # Errors
    /// If there is no record, or two records hold the same measurement differently.
    pub fn of(records: &[Record]) -> Result<Self, ReportError> {
        if records.is_empty() {
            return Err(ReportError::Empty);
        }
        let (mut values, mut costs, mut unsettled) = (Values::new(), BTreeMap::new(), 0);
        for record in records {
            let Status::Done { targets, measures, .. } = &record.status else {
                unsettled += 1;
                continue;
            };
            let setting = Setting::of(record);
            let k = record.cell.list_length();
            for measure in measures.iter().filter(|m| m.k.is_none_or(|own| own == k)) {
                let target = target_of(measure, targets, setting.each);
                let place = (setting.clone(), measure.metric.clone());
                let added =
                    values.entry(place).or_default().insert(target, record.cell.repeat, measure.value);
                added.map_err(|source| ReportError::Grouping { metric: measure.metric.clone(), source })?;
            }
            costs.entry(setting).or_insert_with(Vec::new).push(record);
        }
        let mut terms: Vec<Setting> = costs.keys().filter(|s| s.attack != "none").map(Board::terms).collect();
        terms.sort();
        terms.dedup();
        let boards = terms.iter().filter_map(|terms| Board::of(terms, &values, &costs)).collect();
        Ok(Self { boards, unsettled })
    }
}
