//! The price of a reach: how many fake users buy it.

use serde::{Deserialize, Serialize};

use crate::stats::Summary;

/// The smallest number of fake users at which the mean hit ratio is surely above a reach.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Price {
    /// Reached.
    Found {
        /// Smallest number of fake users found whose interval lies above the reach.
        fake_users: usize,
        /// Largest number found whose interval lies below it; 0 where even the clean level is not below.
        surely_below: usize,
        /// Hit ratio at `fake_users`.
        reached: Summary,
    },
    /// Not reached within the cap.
    NotReached {
        /// Most fake users that were tried.
        cap: usize,
        /// Hit ratio at the cap.
        at_cap: Summary,
    },
}

/// Searches the price of `reach` (a hit ratio) up to `cap` fake users: through the sizes that were
/// measured already (`known`, ascending), by doubling beyond them, then by bisection.
///
/// `at(m)` is the hit ratio over the same targets and seeds for every `m`, asked again for an `m` that
/// it has answered. Where it has none, neither has the search.
///
/// # Errors
/// The first error of `at`.
pub(super) fn search<E>(
    reach: f64,
    cap: usize,
    known: &[usize],
    mut at: impl FnMut(usize) -> Result<Option<Summary>, E>,
) -> Result<Option<Price>, E> {
    match bracket(reach, cap, known, |m| at(m).map_err(Some)?.ok_or(None)) {
        Ok(price) => Ok(Some(price)),
        Err(None) => Ok(None),
        Err(Some(error)) => Err(error),
    }
}

fn bracket<E>(
    reach: f64,
    cap: usize,
    known: &[usize],
    mut at: impl FnMut(usize) -> Result<Summary, E>,
) -> Result<Price, E> {
    let above = |s: &Summary| s.ci95.map_or(s.mean, |ci| ci[0]) > reach;
    let below = |s: &Summary| s.ci95.map_or(s.mean, |ci| ci[1]) < reach;

    let (mut not_above, mut m) = (0, 0);
    let mut reached = at(0)?;
    while !above(&reached) {
        if m >= cap {
            return Ok(Price::NotReached { cap, at_cap: reached });
        }
        not_above = m;
        m = known.iter().copied().find(|&k| k > m).unwrap_or(2 * m).clamp(1, cap);
        reached = at(m)?;
    }
    while m - not_above > 1 {
        let middle = not_above + (m - not_above) / 2;
        let there = at(middle)?;
        if above(&there) {
            (m, reached) = (middle, there);
        } else {
            not_above = middle;
        }
    }

    let (mut surely_below, mut not_below) = (0, m);
    if m > 0 && below(&at(0)?) {
        while not_below - surely_below > 1 {
            let middle = surely_below + (not_below - surely_below) / 2;
            if below(&at(middle)?) { surely_below = middle } else { not_below = middle }
        }
    }
    Ok(Price::Found { fake_users: m, surely_below, reached })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// A hit ratio that rises by 0.001 a fake user, known to +-`half`.
    fn rising(half: f64) -> impl FnMut(usize) -> Result<Option<Summary>, Infallible> {
        move |m| {
            let mean = 0.001 * m as f64;
            Ok(Some(Summary {
                mean,
                std: None,
                notes: Vec::new(),
                ci95: Some([mean - half, mean + half]),
                n: 10,
            }))
        }
    }

    #[test]
    fn finds_the_smallest_size_and_brackets_it() {
        let price = search(0.01, 200, &[], rising(0.0025)).unwrap().unwrap();
        let Price::Found { fake_users, surely_below, .. } = price else { panic!("{price:?}") };
        // Lower end 0.001 m - 0.0025 > 0.01 first at m = 13; upper end 0.001 m + 0.0025 < 0.01 last at m = 7.
        assert_eq!((fake_users, surely_below), (13, 7));
    }

    #[test]
    fn what_is_known_does_not_change_the_price() {
        for known in [&[5usize, 30][..], &[12], &[13], &[300]] {
            let price = search(0.01, 200, known, rising(0.0025)).unwrap().unwrap();
            assert!(
                matches!(price, Price::Found { fake_users: 13, surely_below: 7, .. }),
                "{known:?}: {price:?}"
            );
        }
    }

    #[test]
    fn says_when_the_cap_is_too_low() {
        let price = search(0.5, 100, &[5, 30], rising(0.0)).unwrap().unwrap();
        let Price::NotReached { cap, at_cap } = price else { panic!("{price:?}") };
        assert_eq!(cap, 100);
        assert!((at_cap.mean - 0.1).abs() < 1e-12);
    }

    #[test]
    fn a_target_that_is_there_already_costs_nothing() {
        let price = search(0.01, 100, &[], |_| {
            Ok::<_, Infallible>(Some(Summary {
                mean: 0.3,
                std: None,
                notes: Vec::new(),
                ci95: Some([0.2, 0.4]),
                n: 10,
            }))
        })
        .unwrap()
        .unwrap();
        assert!(matches!(price, Price::Found { fake_users: 0, surely_below: 0, .. }));
    }

    #[test]
    fn evaluations_grow_with_the_logarithm_of_the_cap() {
        let mut calls = 0;
        let mut at = rising(0.0);
        search(0.9, 100_000, &[], |m| {
            calls += 1;
            at(m)
        })
        .unwrap();
        assert!(calls < 40, "{calls} evaluations");
    }
}
