//! The records behind an audit, asked by attack, kind of target and size.

use shillproof_attacks::TargetSpec;
use shillproof_core::Seed;

use crate::stats::{Comparison, Grouped, GroupedError, Summary, compare};
use crate::store::{Record, Status};

/// A metric at a list length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MetricAt<'a> {
    /// Its name.
    pub(super) metric: &'a str,
    /// Length of the list, where it has one.
    pub(super) k: Option<usize>,
}

/// Records of one audit.
pub(super) struct Evidence {
    records: Vec<Record>,
    seed: Seed,
}

/// The name that a report gives to a kind of target.
pub(super) fn kind(targets: &TargetSpec) -> &'static str {
    match targets {
        TargetSpec::Random { .. } => "random",
        TargetSpec::Unpopular { .. } => "unpopular",
        TargetSpec::Near { .. } => "near",
        TargetSpec::Band { .. } => "band",
        _ => "chosen",
    }
}

impl Evidence {
    /// Evidence in `records`; intervals are drawn from `seed`.
    pub(super) fn new(records: Vec<Record>, seed: Seed) -> Self {
        Self { records, seed: seed.child("intervals") }
    }

    /// Adds what a further search has found; what is there already stays as it is.
    pub(super) fn extend(&mut self, records: Vec<Record>) {
        for record in records {
            if !self.records.iter().any(|known| known.key == record.key) {
                self.records.push(record);
            }
        }
    }

    /// All records.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Values of a metric under one attack with so many fake users, by target and repeat. Metrics that are not
    /// about a target carry that of their cell.
    ///
    /// # Errors
    /// If the same cell is there twice with different values.
    pub(super) fn values(
        &self,
        attack: &str,
        kind_of_target: &str,
        fake_users: usize,
        at: MetricAt<'_>,
    ) -> Result<Grouped, GroupedError> {
        let mut grouped = Grouped::default();
        for record in &self.records {
            let cell = &record.cell;
            let Status::Done { targets, measures, .. } = &record.status else { continue };
            let here = cell.attack_name() == attack
                && kind(&cell.threat.targets) == kind_of_target
                && (cell.is_clean() || cell.fake_users(record.data.users) == fake_users);
            let (true, [target]) = (here, &targets[..]) else { continue };
            for measure in measures.iter().filter(|m| m.metric == at.metric && m.k == at.k) {
                grouped.insert(target.clone(), cell.repeat, measure.value)?;
            }
        }
        Ok(grouped)
    }

    /// Mean and interval; none without a single value.
    ///
    /// # Errors
    /// As [`Evidence::values`].
    pub(super) fn summary(
        &self,
        attack: &str,
        kind: &str,
        fake_users: usize,
        at: MetricAt<'_>,
    ) -> Result<Option<Summary>, GroupedError> {
        Ok(self.values(attack, kind, fake_users, at)?.summary(self.seed))
    }

    /// Mean and interval of each target over its repeats.
    pub(super) fn summary_by_target(&self, values: &Grouped) -> Vec<(String, Summary)> {
        let of = |(target, group): (String, Grouped)| Some((target, group.summary(self.seed)?));
        values.by_target().into_iter().filter_map(of).collect()
    }

    /// Attacked minus clean over the same targets and repeats; none without a single pair.
    ///
    /// # Errors
    /// As [`Evidence::values`].
    pub(super) fn change(
        &self,
        attack: &str,
        kind: &str,
        fake_users: usize,
        at: MetricAt<'_>,
    ) -> Result<Option<Comparison>, GroupedError> {
        let attacked = self.values(attack, kind, fake_users, at)?;
        let clean = self.values("none", kind, 0, at)?;
        Ok(compare(&attacked, &clean, self.seed))
    }
}
