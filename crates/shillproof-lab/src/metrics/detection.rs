//! How well suspicion tells fake users from genuine ones. The truth is known here and nowhere below.

use serde::Serialize;
use shillproof_core::Suspicion;

/// Shares of genuine users that may be accused at the thresholds of `recall_at_fpr`, as in its keys.
pub const FALSE_ALARM_SHARES: [(&str, f64); 7] = [
    ("0.001", 0.001),
    ("0.01", 0.01),
    ("0.02", 0.02),
    ("0.05", 0.05),
    ("0.1", 0.1),
    ("0.2", 0.2),
    ("0.5", 0.5),
];

/// A detector's suspicions against the truth: the first users of the log are genuine, all others fake. Users without
/// interactions are neither: nothing can be said about them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detection {
    /// Probability that a fake user is more suspicious than a genuine one, ties counting half.
    pub auroc: Option<f64>,
    /// Mean precision at each fake user's place, from the most suspicious down; ties share their precision.
    pub average_precision: Option<f64>,
    /// Share of genuine users flagged.
    pub fpr: Option<f64>,
    /// Share of fake users not flagged.
    pub fnr: Option<f64>,
    /// Share of fake users beyond the threshold that accuses the share of [`FALSE_ALARM_SHARES`] of users of the clean log;
    /// none where that share is less than one user, or no clean log was inspected.
    pub recall_at_fpr: [Option<f64>; FALSE_ALARM_SHARES.len()],
    /// Genuine users flagged.
    pub flagged_genuine: usize,
}

impl Detection {
    /// Judges `found` on a log of `n_genuine` genuine users with fake ones behind them. `active` says who has interactions.
    /// `clean` is the same detector on the log without the fake users.
    pub fn of(found: &Suspicion, active: &[bool], n_genuine: usize, clean: Option<&Suspicion>) -> Self {
        let users: Vec<(f64, bool, bool)> = (0..found.score.len())
            .filter(|&user| active[user])
            .map(|user| (found.score[user], user >= n_genuine, found.flagged[user]))
            .collect();
        let fake: Vec<f64> = users.iter().filter(|u| u.1).map(|u| u.0).collect();
        let genuine: Vec<f64> = users.iter().filter(|u| !u.1).map(|u| u.0).collect();
        let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
        let flagged_genuine = users.iter().filter(|u| !u.1 && u.2).count();
        let missed = users.iter().filter(|u| u.1 && !u.2).count();
        let clean: Option<Vec<f64>> = clean.map(|clean| {
            (0..n_genuine.min(clean.score.len())).filter(|&u| active[u]).map(|u| clean.score[u]).collect()
        });
        let recall = |allowed: f64| {
            let threshold = threshold(clean.clone()?, allowed)?;
            share(fake.iter().filter(|&&score| score > threshold).count(), fake.len())
        };
        Self {
            auroc: auroc(&genuine, &fake),
            average_precision: average_precision(&genuine, &fake),
            fpr: share(flagged_genuine, genuine.len()),
            fnr: share(missed, fake.len()),
            recall_at_fpr: FALSE_ALARM_SHARES.map(|(_, allowed)| recall(allowed)),
            flagged_genuine,
        }
    }
}

/// The smallest score that at most the share `allowed` of `scores` exceeds; none where that share is less than one of them.
fn threshold(mut scores: Vec<f64>, allowed: f64) -> Option<f64> {
    let above = (allowed * scores.len() as f64 * (1.0 + 2.0 * f64::EPSILON)).floor() as usize;
    scores.sort_by(|a, b| b.total_cmp(a));
    (above >= 1).then(|| scores.get(above).copied()).flatten()
}

/// Area under the curve of true against false alarms; none without users of both kinds.
pub(crate) fn auroc(genuine: &[f64], fake: &[f64]) -> Option<f64> {
    if genuine.is_empty() || fake.is_empty() {
        return None;
    }
    let mut sorted = genuine.to_vec();
    sorted.sort_by(f64::total_cmp);
    let won = |&score: &f64| {
        let below = sorted.partition_point(|&other| other < score);
        let tied = sorted.partition_point(|&other| other <= score) - below;
        below as f64 + tied as f64 / 2.0
    };
    Some(fake.iter().map(won).sum::<f64>() / (genuine.len() * fake.len()) as f64)
}

/// Sum over score levels of (recall gained) · (precision down to that level); none without users of both kinds.
fn average_precision(genuine: &[f64], fake: &[f64]) -> Option<f64> {
    if genuine.is_empty() || fake.is_empty() {
        return None;
    }
    let mut all: Vec<(f64, bool)> =
        genuine.iter().map(|&s| (s, false)).chain(fake.iter().map(|&s| (s, true))).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut seen, mut caught, mut sum) = (0usize, 0usize, 0.0);
    for level in all.chunk_by(|a, b| a.0 == b.0) {
        let gained = level.iter().filter(|u| u.1).count();
        seen += level.len();
        caught += gained;
        sum += gained as f64 * caught as f64 / seen as f64;
    }
    Some(sum / fake.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(score: &[f64], flagged: &[usize]) -> Suspicion {
        Suspicion {
            score: score.to_vec(),
            flagged: (0..score.len()).map(|u| flagged.contains(&u)).collect(),
            reason: vec![None; score.len()],
            threshold: None,
        }
    }

    #[test]
    fn small_cases_by_hand() {
        // Genuine 0.1, 0.4, 0.35; fake 0.8, 0.35.
        let judged = Detection::of(&found(&[0.1, 0.4, 0.35, 0.8, 0.35], &[1, 3]), &[true; 5], 3, None);
        assert!((judged.auroc.unwrap() - (3.0 + 1.5) / 6.0).abs() < 1e-12);
        // Levels: 0.8 (fake, precision 1), 0.4, 0.35 (one of each, precision 2/4).
        assert!((judged.average_precision.unwrap() - 0.75).abs() < 1e-12);
        assert_eq!((judged.fpr, judged.fnr, judged.flagged_genuine), (Some(1.0 / 3.0), Some(0.5), 1));
        assert_eq!(judged.recall_at_fpr, [None; 7]);
    }

    #[test]
    fn bug_16_the_threshold_comes_from_the_clean_log_and_not_from_the_number_of_fakes() {
        let clean: Vec<f64> = (0..100).map(f64::from).collect();
        let poisoned: Vec<f64> = clean.iter().map(|s| s + 50.0).chain([98.5, 99.5, 0.0]).collect();
        let active = vec![true; 103];
        let judged = Detection::of(&found(&poisoned, &[]), &active, 100, Some(&found(&clean, &[])));
        // One of 100 clean users exceeds 98; of the fakes 98.5 and 99.5 do. A thousandth of 100 users is nobody.
        assert_eq!(judged.recall_at_fpr[..2], [None, Some(2.0 / 3.0)]);
        assert_eq!(
            judged.recall_at_fpr[6],
            Some(2.0 / 3.0),
            "half of 100 users exceed 49, and the third fake does not"
        );
    }

    #[test]
    fn users_without_interactions_and_empty_groups_count_nowhere() {
        let judged = Detection::of(&found(&[1.0, 2.0, 3.0], &[0, 2]), &[true, true, false], 2, None);
        assert_eq!((judged.auroc, judged.average_precision, judged.fnr), (None, None, None));
        assert_eq!(judged.fpr, Some(0.5));
    }

    #[test]
    fn ties_of_everybody_are_chance() {
        let judged = Detection::of(&found(&[1.0; 10], &[]), &[true; 10], 8, None);
        assert_eq!((judged.auroc, judged.average_precision), (Some(0.5), Some(0.2)));
    }
}
