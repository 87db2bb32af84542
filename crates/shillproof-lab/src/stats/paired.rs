//! Comparisons over identical (target, seed) pairs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shillproof_core::Seed;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::{Divisor, Grouped, Summary, mean, std};

/// Most differences whose signed-rank distribution is enumerated.
const EXACT: usize = 50;

/// A two-sided test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Test {
    /// t, or the smaller of the two rank sums.
    pub statistic: f64,
    /// Probability of a statistic at least as extreme when nothing differs.
    pub p: f64,
}

/// What the tests take as independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Targets, each the mean of its differences: repeats of one target are no independent evidence.
    Target,
    /// Repeats of the only target.
    Repeat,
}

/// The difference of two measurements over identical (target, seed) pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// First minus second, with a bootstrap interval over pairs.
    pub difference: Summary,
    /// What the tests take as independent.
    pub unit: Unit,
    /// Number of those.
    pub units: usize,
    /// Paired t-test; none where it is not defined.
    pub t_test: Option<Test>,
    /// Wilcoxon signed-rank test; none where every difference is 0.
    pub wilcoxon: Option<Test>,
    /// Pairs that only one of the two has; they are left out.
    pub unmatched: usize,
}

/// Compares `first` with `second`; none if they share no (target, seed) pair.
pub fn compare(first: &Grouped, second: &Grouped, seed: Seed) -> Option<Comparison> {
    let (difference, unmatched) = first.minus(second);
    let units = difference.units();
    Some(Comparison {
        unit: if difference.targets() > 1 { Unit::Target } else { Unit::Repeat },
        units: units.len(),
        t_test: t_test(&units),
        wilcoxon: wilcoxon(&units),
        unmatched,
        difference: difference.summary(seed)?,
    })
}

/// Student's t-test that the mean difference is 0; none with fewer than two differences or if all are equal.
///
/// ```
/// use shillproof_lab::stats::t_test;
/// let test = t_test(&[1.0, 2.0, 3.0]).unwrap();
/// assert!((test.statistic - 12f64.sqrt()).abs() < 1e-12);
/// assert!(t_test(&[1.0, 1.0]).is_none());
/// ```
pub fn t_test(differences: &[f64]) -> Option<Test> {
    let n = differences.len() as f64;
    let spread = std(differences, Divisor::Sample).filter(|&s| s > 0.0)?;
    let t = mean(differences)? / (spread / n.sqrt());
    let student = StudentsT::new(0.0, 1.0, n - 1.0).expect("two differences or more");
    Some(Test { statistic: t, p: (2.0 * student.sf(t.abs())).min(1.0) })
}

/// Wilcoxon's signed-rank test that differences are symmetric about 0; none if all are 0.
///
/// Zeros are dropped and equal sizes share their mean rank. Up to 50 differences the distribution is
/// enumerated (given the ties), beyond that it is normal with the tie correction and without a
/// continuity correction. Source: Wilcoxon, *Biometrics Bulletin* 1945.
pub fn wilcoxon(differences: &[f64]) -> Option<Test> {
    let mut differences: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
    let n = differences.len();
    if n == 0 {
        return None;
    }
    differences.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    // Twice the mean rank is an integer.
    let (mut doubled, mut tie_sum) = (Vec::with_capacity(n), 0.0);
    for tied in differences.chunk_by(|a, b| a.abs() == b.abs()) {
        let (first, last) = (doubled.len() + 1, doubled.len() + tied.len());
        doubled.extend(std::iter::repeat_n(first + last, tied.len()));
        let t = tied.len() as f64;
        tie_sum += t * t * t - t;
    }
    let total: usize = doubled.iter().sum();
    let positive: usize = differences.iter().zip(&doubled).filter(|(d, _)| **d > 0.0).map(|(_, r)| r).sum();
    let smaller = positive.min(total - positive);
    let statistic = smaller as f64 / 2.0;
    let p = if n <= EXACT {
        2.0 * share_of_signs_at_most(&doubled, smaller)
    } else {
        let n = n as f64;
        let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tie_sum / 48.0;
        let z = (statistic - n * (n + 1.0) / 4.0) / variance.sqrt();
        2.0 * Normal::standard().cdf(-z.abs())
    };
    Some(Test { statistic, p: p.min(1.0) })
}

/// Share of the 2^n choices of signs whose positive (doubled) ranks sum to at most `limit`.
fn share_of_signs_at_most(ranks: &[usize], limit: usize) -> f64 {
    let mut ways = vec![0.0; limit + 1];
    ways[0] = 1.0;
    for &rank in ranks {
        for sum in (rank..=limit).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    ways.iter().sum::<f64>() / 2f64.powi(ranks.len() as i32)
}

/// Holm's step-down correction: p-values of several comparisons, each raised so that rejecting those
/// below a level keeps the chance of any false rejection below that level. Source: Holm, 1979.
///
/// ```
/// use shillproof_lab::stats::holm;
/// assert_eq!(holm(&[0.01, 0.5, 0.02]), [0.03, 0.5, 0.04]);
/// ```
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut corrected = vec![0.0; p.len()];
    let mut floor = 0f64;
    for (rank, &at) in order.iter().enumerate() {
        floor = floor.max(p[at] * (p.len() - rank) as f64).min(1.0);
        corrected[at] = floor;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// Written by `golden/stats_scipy.py`.
    #[derive(Deserialize)]
    struct Golden {
        differences: Vec<f64>,
        t: Option<[f64; 2]>,
        wilcoxon: [f64; 2],
    }

    #[test]
    fn agrees_with_scipy() {
        let cases: Vec<Golden> =
            serde_json::from_str(include_str!("../../../../golden/stats_scipy.json")).unwrap();
        assert!(cases.len() >= 10);
        for case in cases {
            let near = |ours: Test, theirs: [f64; 2]| {
                assert!(
                    (ours.statistic - theirs[0]).abs() <= 1e-9 * theirs[0].abs().max(1.0),
                    "{ours:?} {theirs:?}"
                );
                assert!((ours.p - theirs[1]).abs() <= 1e-9 * theirs[1].max(1e-3), "{ours:?} {theirs:?}");
            };
            near(wilcoxon(&case.differences).unwrap(), case.wilcoxon);
            if let Some(t) = case.t {
                near(t_test(&case.differences).unwrap(), t);
            }
        }
    }

    #[test]
    fn signs_of_three_ranks_by_hand() {
        // Positive sums at most 0 of ranks 1, 2, 3: one of 8 choices, two-sided 1/4.
        assert_eq!(wilcoxon(&[1.0, 2.0, 3.0]), Some(Test { statistic: 0.0, p: 0.25 }));
        assert_eq!(wilcoxon(&[0.0, 0.0]), None);
        assert_eq!(wilcoxon(&[1.0, -1.0]).unwrap().p, 1.0);
    }

    #[test]
    fn only_identical_pairs_are_compared() {
        let ours = Grouped::of([("a", 0, 3.0), ("a", 1, 4.0), ("b", 0, 5.0), ("c", 0, 9.0)]).unwrap();
        let theirs = Grouped::of([("b", 0, 1.0), ("a", 1, 2.0), ("a", 0, 2.0), ("b", 7, 9.0)]).unwrap();
        let result = compare(&ours, &theirs, Seed::new(1)).unwrap();
        assert_eq!((result.difference.mean, result.difference.n, result.unmatched), (2.75, 3, 2));
        assert_eq!((result.unit, result.units), (Unit::Target, 2));
        assert_eq!(result.t_test, t_test(&[1.5, 4.0]));
        let nothing = Grouped::of([("z", 0, 1.0)]).unwrap();
        assert_eq!(compare(&ours, &nothing, Seed::new(1)), None);
    }

    #[test]
    fn equal_measurements_differ_by_nothing() {
        let values = Grouped::flat(&[0.1, 0.2, 0.3, 0.4, 0.5]).unwrap();
        let result = compare(&values, &values, Seed::new(1)).unwrap();
        assert_eq!((result.difference.mean, result.difference.ci95), (0.0, Some([0.0, 0.0])));
        assert_eq!((result.t_test, result.wilcoxon, result.unit), (None, None, Unit::Repeat));
    }

    #[test]
    fn holm_is_monotone_and_capped() {
        assert_eq!(holm(&[0.5, 0.125, 0.25, 0.75]), [1.0, 0.5, 0.75, 1.0]);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }
}
