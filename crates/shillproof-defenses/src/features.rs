//! Features of rating profiles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::{DetectError, Interactions, ItemStats, Objective, Row};

/// Names of the features, in the order of their columns.
pub const FEATURES: [&str; 6] = ["rdma", "wda", "wdma", "mean-var", "fmtd", "tmf"];

/// Which features a classifier looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureSet {
    /// All of [`FEATURES`] (Fang et al., WWW 2020).
    #[default]
    Six,
    /// Without `tmf`, the feature of groups (Huang et al., NDSS 2021).
    Five,
}

impl FeatureSet {
    /// Columns of this set.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Six => 6,
            Self::Five => 5,
        }
    }
}

/// What counts as a user's extreme rating: the highest when promoting, the lowest when demoting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Extreme {
    /// The end of the rating scale.
    #[default]
    System,
    /// The most extreme rating that this user gave.
    Own,
}

/// Which ratings the mean variance is taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MeanVar {
    /// All ratings of the user (Huang et al., NDSS 2021, eq. 12).
    #[default]
    All,
    /// All but the suspected target: the user's extremely rated item that most users rate so (Mobasher et al., 2007).
    WithoutTarget,
}

/// How features are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileFeatures {
    /// What an extreme rating is.
    pub extreme: Extreme,
    /// Ratings of the mean variance.
    pub mean_var: MeanVar,
    /// Whether attackers are expected to rate targets highest or lowest.
    pub objective: Objective,
}

impl ProfileFeatures {
    /// The features of every user of `log`, in the order of [`FEATURES`]; none for a user without ratings. Means and counts of
    /// items are those of `reference`, which is the log itself unless somebody knows a cleaner one; an item
    /// that nobody rated there counts as rated once, with the mean of all ratings.
    ///
    /// With r̄ and c the mean and the number of ratings of an item, and P the extremely rated items of the user:
    /// RDMA mean of |r − r̄| / c, WDA its sum, WDMA mean of |r − r̄| / c², MeanVar mean of (r − r̄)², FMTD |mean of r
    /// in P − mean of r outside|, 0 where either is empty, TMF the largest share of extreme ratings that an item of P has.
    ///
    /// # Errors
    /// If the log has no rating values.
    pub fn of(
        self,
        log: &Interactions,
        reference: &Interactions,
    ) -> Result<Vec<Option<[f64; 6]>>, DetectError> {
        let scale = log.scale().ok_or(DetectError::NeedsRatings)?;
        let stats = ItemStats::of(reference);
        let end = match self.objective {
            Objective::Promote => scale.max,
            Objective::Demote => scale.min,
        };
        let extremes: Vec<Option<f32>> = log
            .rows()
            .map(|row| if self.extreme == Extreme::System { Some(end) } else { self.own(row) })
            .collect();
        let mut pushed = vec![0u32; log.n_items()];
        for (row, extreme) in log.rows().zip(&extremes) {
            for (item, _) in row.iter().filter(|(_, r)| Some(*r) == *extreme) {
                pushed[item.index()] += 1;
            }
        }
        let all_pushed = pushed.iter().map(|&n| f64::from(n)).sum::<f64>().max(1.0);
        let one = |(row, extreme): (Row<'_>, &Option<f32>)| {
            (!row.is_empty()).then(|| self.row(row, *extreme, &stats, &pushed, all_pushed))
        };
        Ok(log.rows().zip(&extremes).map(one).collect())
    }

    fn own(self, row: Row<'_>) -> Option<f32> {
        let ratings = row.iter().map(|(_, r)| r);
        match self.objective {
            Objective::Promote => ratings.reduce(f32::max),
            Objective::Demote => ratings.reduce(f32::min),
        }
    }

    fn row(
        self,
        row: Row<'_>,
        extreme: Option<f32>,
        stats: &ItemStats,
        pushed: &[u32],
        all_pushed: f64,
    ) -> [f64; 6] {
        // In the order of ids, so that sums have the same bits whatever the order of times.
        let mut ratings: Vec<_> = row.iter().collect();
        ratings.sort_unstable_by_key(|(item, _)| *item);
        let n = ratings.len() as f64;
        let deviation = |item: shillproof_core::ItemId, r: f32| f64::from(r) - stats.mean[item.index()];
        let (mut wda, mut wdma, mut variance) = (0.0, 0.0, 0.0);
        let (mut at_end, mut elsewhere) = ((0.0, 0.0), (0.0, 0.0));
        let mut target = None;
        for &(item, r) in &ratings {
            let count = f64::from(stats.count[item.index()].max(1));
            let d = deviation(item, r);
            wda += d.abs() / count;
            wdma += d.abs() / (count * count);
            variance += d * d;
            let partition = if Some(r) == extreme { &mut at_end } else { &mut elsewhere };
            *partition = (partition.0 + f64::from(r), partition.1 + 1.0);
            if Some(r) == extreme && target.is_none_or(|(_, most, _)| pushed[item.index()] > most) {
                target = Some((item, pushed[item.index()], r));
            }
        }
        let mut rated = n;
        if let (MeanVar::WithoutTarget, Some((item, _, r))) = (self.mean_var, target) {
            variance -= deviation(item, r).powi(2);
            rated -= 1.0;
        }
        let mean_var = if rated > 0.0 { variance.max(0.0) / rated } else { 0.0 };
        let fmtd = if at_end.1 > 0.0 && elsewhere.1 > 0.0 {
            (at_end.0 / at_end.1 - elsewhere.0 / elsewhere.1).abs()
        } else {
            0.0
        };
        let tmf = target.map_or(0.0, |(_, most, _)| f64::from(most) / all_pushed);
        [wda / n, wda, wdma / n, mean_var, fmtd, tmf]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::{RatingScale, Triples};

    /// Users: (item 0: 5, item 1: 3), (item 0: 5), (), (item 1: 1, item 2: 4).
    fn log() -> Interactions {
        let cells = Triples {
            users: vec![0, 0, 1, 3, 3],
            items: vec![0, 1, 0, 1, 2],
            ratings: Some(vec![5.0, 3.0, 5.0, 1.0, 4.0]),
            times: None,
        };
        Interactions::from_triples(4, 3, cells, Some(RatingScale::new(1.0, 5.0, 1.0).unwrap())).unwrap()
    }

    fn features(extreme: Extreme, mean_var: MeanVar, objective: Objective) -> Vec<Option<[f64; 6]>> {
        ProfileFeatures { extreme, mean_var, objective }.of(&log(), &log()).unwrap()
    }

    #[test]
    fn small_profiles_by_hand() {
        // Means 5, 2, 4; counts 2, 2, 1. Extreme ratings: item 0 twice.
        let all = features(Extreme::System, MeanVar::All, Objective::Promote);
        assert_eq!(all[0], Some([0.25, 0.5, 0.125, 0.5, 2.0, 1.0]));
        assert_eq!(all[1], Some([0.0, 0.0, 0.0, 0.0, 0.0, 1.0]));
        assert_eq!(all[2], None);
        assert_eq!(all[3], Some([0.25, 0.5, 0.125, 0.5, 0.0, 0.0]));
    }

    #[test]
    fn own_extremes_demotion_and_the_suspected_target() {
        // Own maxima: item 0 twice, item 2 once.
        let own = features(Extreme::Own, MeanVar::All, Objective::Promote);
        assert_eq!(own[3].unwrap()[4..], [3.0, 1.0 / 3.0]);
        let demoted = features(Extreme::System, MeanVar::All, Objective::Demote);
        assert_eq!(demoted[3].unwrap()[4..], [3.0, 1.0]);
        assert_eq!(demoted[0].unwrap()[4..], [0.0, 0.0]);
        let without = features(Extreme::System, MeanVar::WithoutTarget, Objective::Promote);
        assert_eq!(without[0].unwrap()[3], 1.0);
        assert_eq!(without[1].unwrap()[3], 0.0);
    }

    #[test]
    fn implicit_data_has_no_features() {
        let data = log().binarize();
        let features = ProfileFeatures {
            extreme: Extreme::System,
            mean_var: MeanVar::All,
            objective: Objective::Promote,
        };
        assert!(matches!(features.of(&data, &data), Err(DetectError::NeedsRatings)));
    }
}
