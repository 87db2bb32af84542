//! Measurements in two levels: targets, and seeds within a target.

use std::collections::BTreeMap;

use shillproof_core::Seed;
use thiserror::Error;

use super::bootstrap::{SMALL_COVERAGE, bootstrap_interval, bootstrap_spread};
use super::{Divisor, Summary, mean, std};

/// Values by target, and by repeat within a target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grouped {
    groups: BTreeMap<String, BTreeMap<u64, f64>>,
}

/// A value that cannot join the others. Fragments that read well after "failed to summarise".
#[derive(Clone, Debug, PartialEq, Error)]
pub enum GroupedError {
    /// The same cell twice.
    #[error("target `{target}`, repeat {repeat}: it is there twice, as {first} and as {second}")]
    Duplicate {
        /// Label of the target.
        target: String,
        /// Number of the repeat.
        repeat: u64,
        /// The value it has.
        first: f64,
        /// The value that came.
        second: f64,
    },
    /// A value without a mean.
    #[error("target `{target}`, repeat {repeat}: the value is {value}, expected a finite number")]
    NotFinite {
        /// Label of the target.
        target: String,
        /// Number of the repeat.
        repeat: u64,
        /// The value.
        value: f64,
    },
}

impl Grouped {
    /// Groups (target, repeat, value) rows; their order does not matter.
    ///
    /// # Errors
    /// If a value is not finite or a (target, repeat) is there twice.
    pub fn of<L: Into<String>>(rows: impl IntoIterator<Item = (L, u64, f64)>) -> Result<Self, GroupedError> {
        let mut grouped = Self::default();
        for (target, repeat, value) in rows {
            grouped.insert(target.into(), repeat, value)?;
        }
        Ok(grouped)
    }

    /// One level: the repeats of one thing.
    ///
    /// # Errors
    /// If a value is not finite.
    pub fn flat(values: &[f64]) -> Result<Self, GroupedError> {
        Self::of((0..).zip(values).map(|(repeat, &value)| (String::new(), repeat, value)))
    }

    /// Adds one value.
    ///
    /// # Errors
    /// If it is not finite or its place is taken.
    pub fn insert(&mut self, target: String, repeat: u64, value: f64) -> Result<(), GroupedError> {
        if !value.is_finite() {
            return Err(GroupedError::NotFinite { target, repeat, value });
        }
        if let Some(&first) = self.groups.get(&target).and_then(|g| g.get(&repeat)) {
            return Err(GroupedError::Duplicate { target, repeat, first, second: value });
        }
        self.groups.entry(target).or_default().insert(repeat, value);
        Ok(())
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.groups.values().map(BTreeMap::len).sum()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Number of targets.
    pub fn targets(&self) -> usize {
        self.groups.len()
    }

    /// Mean of each target over its repeats, by label.
    pub fn per_target(&self) -> BTreeMap<String, f64> {
        self.groups.iter().map(|(target, group)| (target.clone(), group_mean(group))).collect()
    }

    /// The values of each target by themselves, by label.
    pub fn by_target(&self) -> Vec<(String, Self)> {
        let alone = |(target, group): (&String, &BTreeMap<u64, f64>)| {
            (target.clone(), Self { groups: BTreeMap::from([(target.clone(), group.clone())]) })
        };
        self.groups.iter().map(alone).collect()
    }

    /// Mean over targets of the mean over repeats; none of nothing.
    pub fn mean(&self) -> Option<f64> {
        mean(&self.target_means())
    }

    /// Standard deviation of the targets' means.
    pub fn std_over_targets(&self, divisor: Divisor) -> Option<f64> {
        std(&self.target_means(), divisor)
    }

    /// Standard deviation of the targets' means (divisor n) with its 95 % interval; none of nothing.
    pub fn spread(&self, seed: Seed) -> Option<(f64, Option<[f64; 2]>)> {
        Some((self.std_over_targets(Divisor::Population)?, bootstrap_spread(&self.groups(), seed)))
    }

    /// Mean, spread and interval; none of nothing. The same seed draws the same targets and repeats for
    /// every table of the same shape, so differences between tables are not differences of resampling.
    pub fn summary(&self, seed: Seed) -> Option<Summary> {
        let values = self.values();
        Some(Summary {
            mean: self.mean()?,
            std: std(&values, Divisor::Sample),
            ci95: bootstrap_interval(&self.groups(), seed),
            n: values.len(),
            notes: self.notes(&values),
        })
    }

    /// All values, target after target.
    pub fn values(&self) -> Vec<f64> {
        self.groups.values().flat_map(BTreeMap::values).copied().collect()
    }

    /// Means of the targets if there are several, else the values of the only one: what is independent.
    pub(super) fn units(&self) -> Vec<f64> {
        if self.targets() > 1 { self.target_means() } else { self.values() }
    }

    /// Differences over the (target, repeat) pairs of both, and the number of pairs of only one.
    pub(super) fn minus(&self, other: &Self) -> (Self, usize) {
        let mut difference = Self::default();
        for (target, group) in &self.groups {
            let Some(others) = other.groups.get(target) else { continue };
            let both: BTreeMap<u64, f64> =
                group.iter().filter_map(|(repeat, a)| Some((*repeat, a - others.get(repeat)?))).collect();
            if !both.is_empty() {
                difference.groups.insert(target.clone(), both);
            }
        }
        let unmatched = self.len() + other.len() - 2 * difference.len();
        (difference, unmatched)
    }

    fn groups(&self) -> Vec<Vec<f64>> {
        self.groups.values().map(|g| g.values().copied().collect()).collect()
    }

    fn target_means(&self) -> Vec<f64> {
        self.groups.values().map(group_mean).collect()
    }

    fn notes(&self, values: &[f64]) -> Vec<String> {
        let mut notes = Vec::new();
        let (units, noun) =
            if self.targets() > 1 { (self.targets(), "targets") } else { (values.len(), "repeats") };
        if values.len() == 1 {
            notes.push("one value: no interval".into());
            return notes;
        }
        if self.targets() == 1 && !self.groups.contains_key("") {
            notes.push("one target: the interval speaks of retraining, not of other targets".into());
        }
        if let Some(percent) = SMALL_COVERAGE.get(units - 2) {
            notes.push(format!(
                "{units} {noun}: the interval holds the mean about {percent} %, not 95 % of the time"
            ));
        }
        if values.iter().all(|&v| v == values[0]) {
            notes.push("all values are equal: the interval has no width, which is not certainty".into());
        }
        notes
    }
}

fn group_mean(group: &BTreeMap<u64, f64>) -> f64 {
    group.values().sum::<f64>() / group.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_by_three() -> Grouped {
        let rows = [("b", 0, 4.0), ("a", 1, 2.0), ("a", 0, 1.0), ("b", 1, 8.0), ("a", 2, 3.0), ("b", 2, 6.0)];
        Grouped::of(rows).unwrap()
    }

    #[test]
    fn levels_are_averaged_in_turn() {
        let grouped = two_by_three();
        assert_eq!(grouped.per_target(), [("a".to_owned(), 2.0), ("b".to_owned(), 6.0)].into());
        assert_eq!(grouped.mean(), Some(4.0));
        assert_eq!(grouped.std_over_targets(Divisor::Population), Some(2.0));
        assert_eq!(grouped.std_over_targets(Divisor::Sample), Some(8f64.sqrt()));
    }

    #[test]
    fn a_target_with_more_repeats_weighs_no_more() {
        let grouped = Grouped::of([("a", 0, 0.0), ("a", 1, 0.0), ("a", 2, 0.0), ("b", 0, 1.0)]).unwrap();
        assert_eq!(grouped.mean(), Some(0.5));
        let summary = grouped.summary(Seed::new(1)).unwrap();
        assert_eq!((summary.mean, summary.n), (0.5, 4));
    }

    #[test]
    fn bug_6_values_of_several_targets_do_not_overwrite_one_another() {
        let mut grouped = two_by_three();
        assert_eq!(grouped.len(), 6);
        let again = grouped.insert("b".into(), 1, 0.0);
        assert_eq!(
            again,
            Err(GroupedError::Duplicate { target: "b".into(), repeat: 1, first: 8.0, second: 0.0 })
        );
        assert_eq!(grouped, two_by_three());
        assert!(matches!(grouped.insert("c".into(), 0, f64::NAN), Err(GroupedError::NotFinite { .. })));
        assert_eq!(grouped.targets(), 2);
    }

    #[test]
    fn few_values_say_so() {
        let of = |values: &[f64]| Grouped::flat(values).unwrap().summary(Seed::new(1));
        assert_eq!(of(&[]), None);
        let one = of(&[0.5]).unwrap();
        assert_eq!((one.mean, one.std, one.ci95, one.n), (0.5, None, None, 1));
        assert_eq!(one.notes, ["one value: no interval"]);
        let three = of(&[0.1, 0.2, 0.3]).unwrap();
        assert_eq!(three.notes, ["3 repeats: the interval holds the mean about 75 %, not 95 % of the time"]);
        assert!(of(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).unwrap().notes.is_empty());
        let target = Grouped::of((0..6).map(|r| ("x", r, 0.0))).unwrap().summary(Seed::new(1)).unwrap();
        assert_eq!(target.ci95, Some([0.0, 0.0]));
        assert_eq!(target.notes.len(), 2, "{:?}", target.notes);
    }

    #[test]
    fn a_summary_is_the_json_of_the_contract() {
        let summary =
            Grouped::of((0..6).map(|t| (t.to_string(), 0, 0.25))).unwrap().summary(Seed::new(1)).unwrap();
        let json = serde_json::to_value(Summary { notes: Vec::new(), ..summary }).unwrap();
        assert_eq!(json, serde_json::json!({"mean": 0.25, "std": 0.0, "ci95": [0.25, 0.25], "n": 6}));
    }
}
