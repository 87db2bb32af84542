//! What a paper says about a table, judged by paired differences.

use serde::{Deserialize, Serialize};

use super::Entry;
use super::text::number;
use crate::stats::compare;

/// A statement that numbers can contradict.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The statement.
    pub text: String,
    /// The columns it is about; all if empty.
    #[serde(default)]
    pub columns: Vec<String>,
    /// What it says.
    pub test: Test,
}

/// What a claim says of rows. Every part of it must hold, in every block and column.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Test {
    /// The first row is larger than each of the others.
    Larger {
        /// The larger one.
        row: String,
        /// The smaller ones.
        than: Vec<String>,
    },
    /// Each row grows from column to column.
    Growing {
        /// The rows.
        rows: Vec<String>,
    },
    /// Each row falls from column to column.
    Falling {
        /// The rows.
        rows: Vec<String>,
    },
    /// Each row lies above a value.
    Above {
        /// The rows.
        rows: Vec<String>,
        /// The value.
        value: f64,
    },
    /// Each row lies below a value.
    Below {
        /// The rows.
        rows: Vec<String>,
        /// The value.
        value: f64,
    },
    /// Two rows differ by less than a value.
    Close {
        /// The rows, each compared with the first.
        rows: Vec<String>,
        /// The value.
        within: f64,
    },
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every interval lies on the claimed side.
    Holds,
    /// Some interval lies on the other side.
    Fails,
    /// Neither, at this n.
    Undecided,
}

/// A claim with its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The statement.
    pub claim: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// The numbers that say so.
    pub evidence: String,
}

/// Fewest independent units (targets, or repeats of the only one) that decide anything: the interval of
/// fewer is too narrow to be trusted.
const DECISIVE: usize = 5;

/// One part of a claim: a number that should be positive.
struct Part {
    place: String,
    mean: f64,
    ci95: Option<[f64; 2]>,
    n: usize,
    units: usize,
}

impl Part {
    fn verdict(&self) -> Verdict {
        match self.ci95.filter(|_| self.units >= DECISIVE) {
            Some([low, _]) if low > 0.0 => Verdict::Holds,
            Some([_, high]) if high < 0.0 => Verdict::Fails,
            _ => Verdict::Undecided,
        }
    }

    fn shown(&self) -> String {
        let signed = |x: f64| format!("{}{}", if x < 0.0 { "" } else { "+" }, number(x));
        let interval =
            self.ci95.map_or_else(String::new, |[low, high]| format!(" [{}, {}]", signed(low), signed(high)));
        format!("{}: {}{interval}, n = {}", self.place, signed(self.mean), self.n)
    }
}

impl Claim {
    /// All rows that the claim names.
    pub(super) fn rows(&self) -> Vec<String> {
        match &self.test {
            Test::Larger { row, than } => [std::slice::from_ref(row), than].concat(),
            Test::Growing { rows }
            | Test::Falling { rows }
            | Test::Above { rows, .. }
            | Test::Below { rows, .. }
            | Test::Close { rows, .. } => rows.clone(),
        }
    }

    /// Judges the claim. A part holds if the 95 % interval of its paired difference lies on the claimed
    /// side and at least five units are behind it; the claim holds if all parts do, and fails if one
    /// contradicts it.
    pub(super) fn judge(&self, entries: &[Entry]) -> Judgement {
        let parts = self.parts(entries);
        let of = |verdict| parts.iter().filter(move |p| p.verdict() == verdict);
        let verdict = if parts.is_empty() {
            Verdict::Undecided
        } else if of(Verdict::Fails).next().is_some() {
            Verdict::Fails
        } else if of(Verdict::Undecided).next().is_some() {
            Verdict::Undecided
        } else {
            Verdict::Holds
        };
        let weakest = of(verdict).min_by(|a, b| a.mean.total_cmp(&b.mean));
        let evidence = weakest.map_or_else(
            || "nothing to compare at this scale".to_owned(),
            |part| {
                format!(
                    "{} of {} comparisons hold; {}",
                    of(Verdict::Holds).count(),
                    parts.len(),
                    part.shown()
                )
            },
        );
        Judgement { claim: self.text.clone(), verdict, evidence }
    }

    fn parts(&self, entries: &[Entry]) -> Vec<Part> {
        let ours: Vec<&Entry> = entries
            .iter()
            .filter(|e| self.columns.is_empty() || self.columns.contains(&e.column))
            .filter(|e| !e.values.is_empty())
            .collect();
        let of = |row: &String| ours.iter().copied().filter(|e| e.row == *row).collect::<Vec<_>>();
        let beside = |entry: &Entry, row: &String| {
            ours.iter()
                .copied()
                .find(|e| e.row == *row && (&e.block, &e.column) == (&entry.block, &entry.column))
        };
        match &self.test {
            Test::Larger { row, than } => {
                let pair =
                    |entry| than.iter().filter_map(move |other| difference(entry, beside(entry, other)?));
                of(row).into_iter().flat_map(pair).collect()
            }
            Test::Growing { rows } => rows.iter().flat_map(|row| steps(&of(row), 1.0)).collect(),
            Test::Falling { rows } => rows.iter().flat_map(|row| steps(&of(row), -1.0)).collect(),
            Test::Above { rows, value } => {
                rows.iter().flat_map(&of).filter_map(|entry| level(entry, *value, 1.0)).collect()
            }
            Test::Below { rows, value } => {
                rows.iter().flat_map(&of).filter_map(|entry| level(entry, *value, -1.0)).collect()
            }
            Test::Close { rows, within } => {
                let Some((first, others)) = rows.split_first() else { return Vec::new() };
                let pair = |entry| {
                    others.iter().filter_map(move |other| {
                        closeness(&difference(entry, beside(entry, other)?)?, *within)
                    })
                };
                of(first).into_iter().flat_map(pair).collect()
            }
        }
    }
}

/// First minus second over identical (target, repeat) pairs.
fn difference(first: &Entry, second: &Entry) -> Option<Part> {
    let comparison = compare(&first.values, &second.values, first.seed)?;
    let (difference, units) = (comparison.difference, comparison.units);
    let place = if first.column == second.column {
        format!("{}, {}: {} minus {}", first.block, first.column, first.row, second.row)
    } else {
        format!("{}, {}: {} minus {}", first.block, first.row, first.column, second.column)
    };
    Some(Part { place, mean: difference.mean, ci95: difference.ci95, n: difference.n, units })
}

/// Differences from column to column within each block, in the direction of `sign`.
fn steps(row: &[&Entry], sign: f64) -> Vec<Part> {
    let pairs = row.windows(2).filter(|pair| pair[0].block == pair[1].block);
    pairs
        .filter_map(
            |pair| if sign > 0.0 { difference(pair[1], pair[0]) } else { difference(pair[0], pair[1]) },
        )
        .collect()
}

/// How far a number lies above (`sign` 1) or below (−1) a value.
fn level(entry: &Entry, value: f64, sign: f64) -> Option<Part> {
    let place = format!("{}, {}, {} against {value}", entry.block, entry.column, entry.row);
    let ci95 = entry.ci95.map(|ends| {
        let [a, b] = ends.map(|end| sign * (end - value));
        [a.min(b), a.max(b)]
    });
    Some(Part { place, mean: sign * (entry.ours? - value), ci95, n: entry.n, units: entry.values.targets() })
}

/// How far a difference stays within ±`within`.
fn closeness(part: &Part, within: f64) -> Option<Part> {
    let [low, high] = part.ci95?;
    let farthest = low.abs().max(high.abs());
    // The nearest that the difference can be to zero decides whether it is outside for certain.
    let nearest = if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) };
    Some(Part {
        place: format!("{} within {within}", part.place),
        mean: within - part.mean.abs(),
        ci95: Some([within - farthest, within - nearest]),
        n: part.n,
        units: part.units,
    })
}
