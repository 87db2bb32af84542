//! From scores to flags.

use shillproof_core::{DetectError, Interactions, Size, Suspicion};

/// What a reason says of a flagged user.
pub(crate) type Reason<'a> = &'a dyn Fn(usize) -> Option<String>;

/// Flags the users that `over` accepts. A user without interactions has shown nothing: the score is the least of
/// all, and there is no flag.
pub(crate) fn flag(
    log: &Interactions,
    mut score: Vec<f64>,
    threshold: Option<f64>,
    over: impl Fn(usize, f64) -> bool,
    reason: Reason<'_>,
) -> Suspicion {
    let silent: Vec<bool> = log.rows().map(|row| row.is_empty()).collect();
    let least = score.iter().zip(&silent).filter(|(_, silent)| !**silent).map(|(s, _)| *s);
    let least = least.fold(f64::INFINITY, f64::min);
    let least = if least.is_finite() { least } else { 0.0 };
    for (score, _) in score.iter_mut().zip(&silent).filter(|(_, silent)| **silent) {
        *score = least;
    }
    let flagged: Vec<bool> =
        score.iter().enumerate().map(|(user, &score)| !silent[user] && over(user, score)).collect();
    let reason = flagged.iter().enumerate().map(|(user, &flagged)| flagged.then(|| reason(user)).flatten());
    Suspicion { reason: reason.collect(), score, flagged, threshold }
}

/// Flags as many users as `contamination` of those with interactions, the highest scores first; of equal
/// scores the earlier users.
pub(crate) fn flag_most_suspicious(
    log: &Interactions,
    score: Vec<f64>,
    contamination: Size,
    reason: Reason<'_>,
) -> Suspicion {
    let mut order: Vec<usize> =
        log.rows().enumerate().filter(|(_, row)| !row.is_empty()).map(|(user, _)| user).collect();
    let count = contamination.of(order.len()).min(order.len());
    order.sort_by(|&a, &b| score[b].total_cmp(&score[a]).then(a.cmp(&b)));
    let mut chosen = vec![false; score.len()];
    for &user in &order[..count] {
        chosen[user] = true;
    }
    let threshold = order.get(count.wrapping_sub(1)).map(|&user| score[user]);
    flag(log, score, threshold, |user, _| chosen[user], reason)
}

/// Refuses a parameter outside `low..=high`, and NaN.
pub(crate) fn in_range(
    name: &'static str,
    value: f64,
    low: f64,
    high: f64,
    expected: &'static str,
) -> Result<(), DetectError> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(DetectError::Parameter { name, got: value.to_string(), expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shillproof_core::Triples;

    fn log() -> Interactions {
        let cells = Triples { users: vec![0, 1, 3], items: vec![0, 0, 1], ..Triples::default() };
        Interactions::from_triples(4, 2, cells, None).unwrap()
    }

    #[test]
    fn a_user_without_interactions_is_least_suspicious_and_never_flagged() {
        let found = flag(&log(), vec![2.0, 1.0, 9.0, 3.0], Some(0.0), |_, _| true, &|_| Some("all".into()));
        assert_eq!(found.score, [2.0, 1.0, 1.0, 3.0]);
        assert_eq!(found.flagged, [true, true, false, true]);
        assert_eq!(found.reason[2], None);
        let empty = Interactions::empty(2, 2, None);
        assert_eq!(flag(&empty, vec![5.0; 2], None, |_, _| true, &|_| None).count(), 0);
    }

    #[test]
    fn the_share_is_of_those_with_interactions_and_ties_go_to_the_earlier() {
        let third = Size::Fraction("34%".parse().unwrap());
        let found = flag_most_suspicious(&log(), vec![1.0, 1.0, 9.0, 0.5], third, &|_| None);
        assert_eq!((found.flagged, found.threshold), (vec![true, false, false, false], Some(1.0)));
        let none = flag_most_suspicious(&log(), vec![1.0; 4], Size::Count(0), &|_| None);
        assert_eq!((none.count(), none.threshold), (0, None));
        assert_eq!(flag_most_suspicious(&log(), vec![1.0; 4], Size::Count(99), &|_| None).count(), 3);
    }

    #[test]
    fn nan_is_out_of_every_range() {
        assert!(in_range("x", f64::NAN, 0.0, 1.0, "0 to 1").is_err());
        assert!(in_range("x", 1.0, 0.0, 1.0, "0 to 1").is_ok());
    }
}
